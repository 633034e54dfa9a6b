/** The present, for what is shown as "ago": one clock for the whole page, and it stands still while the page is not seen. */
import { Store, useStore } from "./store.ts";

const FAR_MS = 2_000; // less may be the way, or that an answer's time is cut to the second

const second = new Store(Date.now());
let aheadMs = 0; // the server's clock of this one, where that is far

setInterval(() => {
  if (!document.hidden) second.set(Date.now());
}, 1_000);

/** By the server's clock, for the times that it tells. */
export function useNow(): number {
  return useStore(second) + aheadMs;
}

/** By the clock of this machine, for what the page noted itself. */
export function useOwnNow(): number {
  return useStore(second);
}

/** Take note of when an answer was made, from its head. */
export function noteTime(date: string | null): void {
  const foundMs = Date.parse(date ?? "") + 500 - Date.now();
  if (!(Math.abs(foundMs - aheadMs) > FAR_MS)) return; // nor where it tells none
  aheadMs = Math.abs(foundMs) > FAR_MS ? foundMs : 0;
  second.set(Date.now());
}
