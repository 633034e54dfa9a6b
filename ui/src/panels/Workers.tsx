/** The worker processes. */
import { count, shortSession } from "../format.ts";
import { Ago } from "../parts/Ago.tsx";
import { Icon } from "../parts/icons.tsx";
import { Loading, Notice, Trouble } from "../parts/Notice.tsx";
import { Panel, Wide } from "../parts/Panel.tsx";
import { usePoll } from "../poll.ts";
import type { WorkerView } from "../types.ts";

export function Workers() {
  const { data, error } = usePoll<WorkerView[]>("workers", 3_000);
  return (
    <Panel id="workers" title="Workers" aside={data && <span class="aside">{count(data.length)}</span>}>
      <Trouble error={error} />
      {data === null ? (
        error === null && <Loading what="workers" />
      ) : data.length === 0 ? (
        <Notice tone="bad">
          No worker is there, so no task is run. Start one: <code>lineshaft worker yourapp:app</code>
        </Notice>
      ) : (
        <Wide label="Workers">
          <table>
            <thead>
              <tr>
                <th scope="col">Worker</th>
                <th scope="col">Queues</th>
                <th scope="col" class="number">
                  Running
                </th>
                <th scope="col" class="number">
                  Started
                </th>
              </tr>
            </thead>
            <tbody>
              {data.map((worker) => (
                <tr key={worker.session}>
                  <th scope="row" title={`session ${worker.session}`}>
                    {worker.host}{" "}
                    <span class="id">
                      {worker.pid} {shortSession(worker.session)}
                    </span>
                    {worker.quiet && (
                      <span class="badge" data-status="paused" title="It was told to claim nothing more, or to stop">
                        <Icon name="pause" />
                        quiet
                      </span>
                    )}
                  </th>
                  <td>{worker.queues.join(", ") || "all"}</td>
                  <td class="number">{count(worker.running)}</td>
                  <td class="number">
                    <Ago at={worker.started_at} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Wide>
      )}
    </Panel>
  );
}
