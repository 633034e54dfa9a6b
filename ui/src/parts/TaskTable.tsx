/** Tasks in a table: what, how it is, when, and what went wrong. */
import { duration, shortSession, since } from "../format.ts";
import { useNow } from "../now.ts";
import { toTask } from "../router.ts";
import type { TaskRow } from "../types.ts";
import { Ago, Due } from "./Ago.tsx";
import { Badge } from "./Badge.tsx";
import { Wide } from "./Panel.tsx";

interface Props {
  label: string;
  tasks: TaskRow[];
  /** Whether they all have one status, which the heading names. */
  isOfOneStatus?: boolean;
}

export function TaskTable({ label, tasks, isOfOneStatus = false }: Props) {
  return (
    <Wide label={label}>
      <table class="tasks">
        <thead>
          <tr>
            {!isOfOneStatus && <th scope="col">Status</th>}
            <th scope="col">Task</th>
            <th scope="col" class="roomy">
              Queue
            </th>
            <th scope="col" class="roomy number">
              Took
            </th>
            <th scope="col" class="number">
              When
            </th>
          </tr>
        </thead>
        <tbody>
          {tasks.map((task) => (
            <tr key={task.taskID} data-status={task.status}>
              {!isOfOneStatus && (
                <td class="how">
                  <Badge status={task.status} />
                </td>
              )}
              <td class="what">
                <a href={toTask(task.taskID)} class="name">
                  {task.task}
                </a>
                <span class="id">
                  {task.taskID}
                  {task.status === "in-progress" && task.session !== null && (
                    <span class="roomy"> on {shortSession(task.session)}</span>
                  )}
                </span>
                {task.error !== null && (
                  <span class="error-line">
                    <b>{task.error.type}</b> {task.error.message}
                  </span>
                )}
              </td>
              <td class="roomy">{task.queue}</td>
              <td class="roomy number">
                <Took task={task} />
              </td>
              <td class="number">
                {task.due_at === null ? <Ago at={task.ended_at ?? task.started_at ?? task.enqueued_at} /> : <Due at={task.due_at} />}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  );
}

function Took({ task }: { task: TaskRow }) {
  const now = useNow();
  if (task.started_at === null) return <span class="none">–</span>;
  return <>{duration(since(task.started_at, task.ended_at ?? now))}</>;
}
