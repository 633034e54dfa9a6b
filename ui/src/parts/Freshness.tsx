/** Whether what is shown is live, and if not: why, how old it is, and when it is tried again. */
import { age } from "../format.ts";
import { useOwnNow } from "../now.ts";
import { useStore } from "../store.ts";
import { connect, feed, type Feed } from "../stream.ts";

const STALE_MS = 4_000;

export function stateOf({ link, countsAt, problem }: Feed, now: number): "live" | "connecting" | "stale" {
  if (countsAt === 0) return link === "lost" || problem !== null ? "stale" : "connecting";
  return link !== "lost" && problem === null && now - countsAt < STALE_MS ? "live" : "stale";
}

/** In the head of the page: one word. */
export function Freshness() {
  const state = stateOf(useStore(feed), useOwnNow());
  return (
    <span class="fresh" data-state={state}>
      <span class="dot" aria-hidden="true" />
      {state === "live" ? "Live" : state === "connecting" ? "Connecting" : "Not live"}
    </span>
  );
}

/** Below the head, while there is something to say. Only the reason is read out; the seconds go by in silence. */
export function Outage() {
  const now = useOwnNow();
  const known = useStore(feed);
  const isStale = stateOf(known, now) === "stale";
  const reason = known.problem ?? "Nothing new has come from the server";
  return (
    <section class="outage-place" aria-label="Connection">
      <div role="status">{isStale && <p class="outage">{sentence(reason)}</p>}</div>
      {isStale && (
        <p class="outage-more">
          {known.countsAt === 0 ? "Nothing could be shown yet." : `What you see is ${said(age(now - known.countsAt))} old.`}{" "}
          {known.retryAt === null ? "It goes on by itself." : `Trying again in ${Math.max(0, Math.ceil((known.retryAt - now) / 1_000))} s.`}{" "}
          {known.link === "lost" && (
            <button type="button" class="button quiet" onClick={connect}>
              Try now
            </button>
          )}
        </p>
      )}
    </section>
  );
}

function said(old: string): string {
  return old === "now" ? "a moment" : old;
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
