/** The present, for what is shown as "ago": one clock for the whole page, and it stands still while the page is not seen. */
import { Store, useStore } from "./store.ts";

const second = new Store(Date.now());

setInterval(() => {
  if (!document.hidden) second.set(Date.now());
}, 1_000);

export function useNow(): number {
  return useStore(second);
}
