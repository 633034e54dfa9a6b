/** Tasks in pages, about newest first, by status, queue and name. All of it stands in the address, so it can be sent around. */
import { useEffect, useRef } from "preact/hooks";
import { Loading, Trouble } from "../parts/Notice.tsx";
import { TaskTable } from "../parts/TaskTable.tsx";
import { usePoll } from "../poll.ts";
import { type Filters, toTasks } from "../router.ts";
import { useStore } from "../store.ts";
import { feed } from "../stream.ts";
import { STATUSES, type TaskPage } from "../types.ts";

const PAGE = 50;

export function Tasks({ filters }: { filters: Filters }) {
  const isNewest = filters.cursor === undefined;
  const heading = useRef<HTMLHeadingElement>(null);
  const query = new URLSearchParams({ ...filters, limit: String(PAGE) });
  const { data, error } = usePoll<TaskPage>(`tasks?${query}`, isNewest ? 2_000 : null);
  return (
    <>
      <h1 tabIndex={-1} ref={heading}>
        Tasks
      </h1>
      <FilterBar filters={filters} />
      <Trouble error={error} />
      {data === null ? (
        error === null && <Loading what="tasks" />
      ) : (
        <section class="panel" id="tasks" aria-label="Tasks">
          {data.items.length > 0 ? <TaskTable label="Tasks" tasks={data.items} /> : <p class="nothing">{nothing(filters, data)}</p>}
        </section>
      )}
      <nav class="pages" aria-label="Pages" onClick={() => heading.current?.focus()}>
        {!isNewest && <a href={toTasks({ ...filters, cursor: "" })}>Newest</a>}
        {data?.next && <a href={toTasks({ ...filters, cursor: data.next })}>{data.items.length > 0 ? "Older" : "Search on"}</a>}
      </nav>
    </>
  );
}

function nothing(filters: Filters, page: TaskPage): string {
  if (page.next !== null) return "None among those that were looked through; there are more.";
  return filters.status || filters.queue || filters.task ? "No task is like that." : "There are no tasks.";
}

function FilterBar({ filters }: { filters: Filters }) {
  const { counts } = useStore(feed);
  const status = useRef<HTMLSelectElement>(null);
  const task = useRef<HTMLInputElement>(null);
  const queues = new Set([...(counts?.queues.map(({ queue }) => queue) ?? []), ...(filters.queue ? [filters.queue] : [])]);

  useEffect(() => {
    task.current!.value = filters.task ?? ""; // not drawn as its value: each second that would undo what is being typed
  }, [filters.task]);

  function go(changed: Filters): void {
    location.hash = toTasks({ ...filters, cursor: "", ...changed });
  }

  return (
    <form class="filters" role="search" aria-label="Which tasks" onSubmit={(event) => event.preventDefault()}>
      <label>
        Status
        <select ref={status} value={filters.status ?? ""} onChange={(event) => go({ status: event.currentTarget.value })}>
          <option value="">any</option>
          {STATUSES.map((status) => (
            <option key={status}>{status}</option>
          ))}
        </select>
      </label>
      <label>
        Queue
        <select value={filters.queue ?? ""} onChange={(event) => go({ queue: event.currentTarget.value })}>
          <option value="">any</option>
          {[...queues].map((queue) => (
            <option key={queue}>{queue}</option>
          ))}
        </select>
      </label>
      <label class="grows">
        Task
        <input
          ref={task}
          type="search"
          placeholder="its whole name"
          spellcheck={false}
          autoComplete="off"
          onChange={(event) => go({ task: event.currentTarget.value.trim() })}
        />
      </label>
      {(filters.status || filters.queue || filters.task) && (
        <a href={toTasks()} onClick={() => status.current?.focus()}>
          Clear
        </a>
      )}
    </form>
  );
}
