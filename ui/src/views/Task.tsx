/** One task: what became of it, step by step, and what can be done. */
import { useEffect } from "preact/hooks";
import { exactly, Refused } from "../api.ts";
import { count, duration, json, moment, shortSession, since } from "../format.ts";
import { useNow } from "../now.ts";
import { Action } from "../parts/Action.tsx";
import { Badge } from "../parts/Badge.tsx";
import { Copy } from "../parts/Copy.tsx";
import { Loading, Notice, Trouble } from "../parts/Notice.tsx";
import { Panel } from "../parts/Panel.tsx";
import { Timeline } from "../parts/Timeline.tsx";
import { Traceback } from "../parts/Traceback.tsx";
import { usePoll } from "../poll.ts";
import { isTaskID, toTasks } from "../router.ts";
import { useStore } from "../store.ts";
import { watchTask, word } from "../stream.ts";
import { ENDED, type TaskView } from "../types.ts";

export function Task({ taskID }: { taskID: string }) {
  if (isTaskID(taskID)) return <Known taskID={taskID} />;
  return (
    <>
      <Title task={null} refresh={() => undefined} />
      <NoTask taskID={taskID} />
    </>
  );
}

function Known({ taskID }: { taskID: string }) {
  const { data, error, refresh } = usePoll<TaskView>(`tasks/${encodeURIComponent(taskID)}`, 5_000, exactly);
  const told = useStore(word);
  const isGone = error instanceof Refused && error.status === 404;
  const task = isGone ? null : data; // what was known before it went is true no more

  useEffect(() => {
    watchTask(taskID);
    return () => watchTask(null);
  }, [taskID]);
  useEffect(() => {
    if (told?.taskID === taskID && told.status !== data?.status) refresh();
  }, [told]);

  return (
    <>
      <Title task={task} refresh={refresh} />
      {isGone ? <NoTask taskID={taskID} /> : <Trouble error={error} />}
      {task !== null ? <Shown task={task} /> : error === null && <Loading what="the task" />}
    </>
  );
}

function NoTask({ taskID }: { taskID: string }) {
  return <Notice tone="bad">There is no task {taskID}. It never was, or its record was trimmed after its time.</Notice>;
}

/** Its heading is there before the task is, so that whoever arrived at it stays there. */
function Title({ task, refresh }: { task: TaskView | null; refresh: () => void }) {
  return (
    <div class="task-head">
      <div class="task-name">
        <h1 tabIndex={-1}>{task?.task ?? "Task"}</h1>
        {task && <Badge status={task.status} />}
      </div>
      {task && (
        <p class="task-id">
          <code>{task.taskID}</code> <Copy text={task.taskID} name="the id" />
        </p>
      )}
      {task && <Actions task={task} onDone={refresh} />}
    </div>
  );
}

function Shown({ task }: { task: TaskView }) {
  return (
    <div class="columns task-columns">
      <div class="column">
        {task.error !== null && (
          <Panel id="error" title="Error">
            <Traceback error={task.error} />
          </Panel>
        )}
        {task.status === "done" && (
          <Panel id="result" title="Result" aside={<Copy text={json(task.result)} name="the result" />}>
            <pre class="code" tabIndex={0} role="group" aria-label="Result">
              {json(task.result)}
            </pre>
          </Panel>
        )}
        <Panel id="timeline" title="Timeline">
          <Timeline task={task} />
        </Panel>
      </div>
      <div class="column">
        <Facts task={task} />
      </div>
    </div>
  );
}

function Actions({ task, onDone }: { task: TaskView; onDone: () => void }) {
  const path = `tasks/${encodeURIComponent(task.taskID)}`;
  const always = { state: task.status, onDone };
  return (
    <div class="actions">
      {!ENDED.has(task.status) ? (
        <Action label="Cancel" name="Cancel this task" method="DELETE" path={path} tone="bad" question={cancelling(task)} {...always} />
      ) : task.status === "done" ? (
        <Action
          label="Run again"
          name="Run this task again"
          method="POST"
          path={`${path}/retry`}
          question="It is done. Run it once more?"
          {...always}
        />
      ) : (
        <Action label="Retry" name="Retry this task" method="POST" path={`${path}/retry`} tone="main" {...always} />
      )}
    </div>
  );
}

function cancelling({ status }: TaskView): string {
  return status === "in-progress" ? "It runs. Ask it to stop?" : "It has not started. Cancel it?";
}

function Facts({ task }: { task: TaskView }) {
  const now = useNow();
  const facts: [string, preact.ComponentChildren][] = [
    ["Queue", <a href={toTasks({ queue: task.queue })}>{task.queue}</a>],
    ["Task", <a href={toTasks({ task: task.task })}>all of {task.task}</a>],
    ["Tries", count(task.tries)],
    ["Crashes", count(task.crashes)],
    ["Worker", task.session && <code title={`session ${task.session}`}>{shortSession(task.session)}</code>],
    ["Enqueued", task.enqueued_at && moment(task.enqueued_at)],
    ["Due", task.due_at && moment(task.due_at)],
    ["Started", task.started_at && moment(task.started_at)],
    ["Ended", task.ended_at && moment(task.ended_at)],
    ["Waited", task.enqueued_at && task.started_at && task.attempts.length === 0 && duration(since(task.enqueued_at, task.started_at))],
    ["Ran", task.started_at && duration(since(task.started_at, task.ended_at ?? now))],
  ];
  return (
    <Panel id="facts" title="Facts">
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value || <span class="none">–</span>}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}
