/** The queues: what waits, what runs, and whether it goes on. */
import { useState } from "preact/hooks";
import { count } from "../format.ts";
import { Action } from "../parts/Action.tsx";
import { Icon } from "../parts/icons.tsx";
import { Loading } from "../parts/Notice.tsx";
import { Panel, Wide } from "../parts/Panel.tsx";
import { toTasks } from "../router.ts";
import { useStore } from "../store.ts";
import { feed } from "../stream.ts";
import type { QueueView } from "../types.ts";

/** What was answered to a press stands until the stream says the same, so that the button does not lag behind. */
type Pressed = Record<string, { paused: boolean; at: number }>;

export function Queues() {
  const { counts, countsAt } = useStore(feed);
  const [pressed, setPressed] = useState<Pressed>({});

  function isPaused({ queue, paused }: QueueView): boolean {
    const last = pressed[queue];
    return last !== undefined && countsAt - last.at < 1_500 ? last.paused : paused;
  }

  return (
    <Panel id="queues" title="Queues">
      {counts === null ? (
        <Loading what="queues" />
      ) : (
        <Wide label="Queues">
          <table>
            <thead>
              <tr>
                <th scope="col">Queue</th>
                <th scope="col" class="number">
                  Ready
                </th>
                <th scope="col" class="number">
                  Scheduled
                </th>
                <th scope="col" class="number">
                  In progress
                </th>
                <th scope="col">
                  <span class="hidden">What can be done</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {counts.queues.map((row) => (
                <Row
                  key={row.queue}
                  row={row}
                  isPaused={isPaused(row)}
                  onDone={(paused) => setPressed({ ...pressed, [row.queue]: { paused, at: Date.now() } })}
                />
              ))}
            </tbody>
          </table>
        </Wide>
      )}
    </Panel>
  );
}

function Row({ row, isPaused, onDone }: { row: QueueView; isPaused: boolean; onDone: (paused: boolean) => void }) {
  const { queue } = row;
  const [problem, setProblem] = useState<string | null>(null);
  const path = `queues/${encodeURIComponent(queue)}`;
  const told = { state: String(isPaused), onDone: () => onDone(!isPaused), onProblem: setProblem };
  return (
    <>
      <tr data-paused={isPaused}>
        <th scope="row">
          <a href={toTasks({ queue })}>{queue}</a>
          {isPaused && (
            <span class="badge" data-status="paused">
              <Icon name="pause" />
              paused
            </span>
          )}
        </th>
        <td class="number">{count(row.ready)}</td>
        <td class="number">{count(row.scheduled)}</td>
        <td class="number">{count(row.in_progress)}</td>
        <td class="does">
          {isPaused ? (
            <Action label="Resume" name={`Resume ${queue}`} method="POST" path={`${path}/resume`} tone="main" {...told} />
          ) : (
            <Action label="Pause" name={`Pause ${queue}`} method="POST" path={`${path}/pause`} {...told} />
          )}
        </td>
      </tr>
      {problem !== null && (
        <tr class="told">
          <td colSpan={5}>
            <p class="problem" role="alert">
              {problem}
            </p>
          </td>
        </tr>
      )}
    </>
  );
}
