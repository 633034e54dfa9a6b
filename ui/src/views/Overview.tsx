/** How everything is: what fails first, then how it flows, then who does it. */
import { addressOf } from "../api.ts";
import { Counts } from "../panels/Counts.tsx";
import { Newest } from "../panels/Newest.tsx";
import { Queues } from "../panels/Queues.tsx";
import { Rates } from "../panels/Rates.tsx";
import { Workers } from "../panels/Workers.tsx";
import { Copy } from "../parts/Copy.tsx";
import { useStore } from "../store.ts";
import { feed } from "../stream.ts";

export function Overview() {
  const { counts } = useStore(feed);
  const isEmpty = counts !== null && Object.values(counts.states).every((amount) => amount === 0);
  return (
    <>
      <h1 class="hidden" tabIndex={-1}>
        Overview
      </h1>
      <Counts />
      {isEmpty && <FirstTask />}
      <div class="columns">
        <div class="column">
          <Newest id="failures" title="Latest failures" status="failed" amount={5} nothing="Nothing has failed." />
          <Newest id="running" title="Running now" status="in-progress" amount={8} nothing="Nothing runs at the moment." />
        </div>
        <div class="column">
          <Rates />
          <Queues />
          <Workers />
        </div>
      </div>
    </>
  );
}

function FirstTask() {
  const command = `curl -X POST ${addressOf("tasks")}`;
  return (
    <section class="panel first" aria-labelledby="first-title">
      <h2 id="first-title">No tasks yet</h2>
      <p>Queue one, and watch it come and go:</p>
      <p class="command">
        <code>{command}</code> <Copy text={command} name="the command" />
      </p>
    </section>
  );
}
