/** The newest tasks of one status: those that failed, those that run. */
import type { ComponentChildren } from "preact";
import { Loading, Trouble } from "../parts/Notice.tsx";
import { Panel } from "../parts/Panel.tsx";
import { TaskTable } from "../parts/TaskTable.tsx";
import { usePoll } from "../poll.ts";
import { toTasks } from "../router.ts";
import type { Status, TaskPage } from "../types.ts";

interface Props {
  id: string;
  title: string;
  status: Status;
  amount: number;
  nothing: ComponentChildren;
}

export function Newest({ id, title, status, amount, nothing }: Props) {
  const { data, error } = usePoll<TaskPage>(`tasks?status=${status}&limit=${amount}`, 2_000);
  const all = (
    <a class="aside" href={toTasks({ status })}>
      All {status}
    </a>
  );
  return (
    <Panel id={id} title={title} aside={all}>
      <Trouble error={error} />
      {data === null ? (
        error === null && <Loading what={`${status} tasks`} />
      ) : data.items.length === 0 ? (
        <p class="nothing">{nothing}</p>
      ) : (
        <TaskTable label={title} tasks={data.items} isOfOneStatus />
      )}
    </Panel>
  );
}
