/** How many tasks there are of each status, those first that want somebody. */
import { useEffect, useState } from "preact/hooks";
import { count, plural } from "../format.ts";
import { Icon } from "../parts/icons.tsx";
import { toTasks } from "../router.ts";
import { useStore } from "../store.ts";
import { feed } from "../stream.ts";
import { STATUSES, type StatisticsView, type Status } from "../types.ts";

const SAID_EVERY_MS = 30_000; // counts move all the time; nobody wants to hear each of them

export function Counts() {
  const { counts } = useStore(feed);
  return (
    <section aria-labelledby="counts-title" id="counts">
      <h2 id="counts-title" class="hidden">
        Tasks by status
      </h2>
      <ul class="counts" aria-busy={counts === null}>
        {STATUSES.filter((status) => status !== "waiting" || (counts?.states.waiting ?? 0) > 0).map((status) => (
          <Tile key={status} status={status} amount={counts?.states[status]} />
        ))}
      </ul>
      <Said counts={counts} />
    </section>
  );
}

function Tile({ status, amount }: { status: Status; amount: number | undefined }) {
  return (
    <li>
      <a class="tile" href={toTasks({ status })} data-status={status} data-none={!amount}>
        <span class="tile-name">
          <Icon name={status} />
          {status}
        </span>
        <span class="tile-count">{amount === undefined ? "–" : count(amount)}</span>
      </a>
    </li>
  );
}

/** The counts in words for a screen reader, now and then. */
function Said({ counts }: { counts: StatisticsView | null }) {
  const [said, setSaid] = useState("");
  const known = counts !== null;
  useEffect(() => {
    if (!known) return;
    const say = () => setSaid(wordsOf(feed.value.counts));
    say();
    const timer = setInterval(say, SAID_EVERY_MS);
    return () => clearInterval(timer);
  }, [known]);
  return (
    <p class="hidden" role="status" aria-live="polite">
      {said}
    </p>
  );
}

function wordsOf(counts: StatisticsView | null): string {
  if (counts === null) return "";
  const { failed = 0, pending = 0, "in-progress": running = 0 } = counts.states;
  return `${plural(failed, "task")} failed, ${count(running)} in progress, ${count(pending)} pending`;
}
