/** Asks for something again and again while the page is seen, so that what is shown stays true. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { access, ask, type Reviver } from "./api.ts";

export interface Polled<T> {
  data: T | null;
  error: unknown;
  /** Ask now, for instance after something was done. */
  refresh: () => void;
}

interface Found<T> {
  path: string;
  data: T | null;
  error: unknown;
}

const AGAIN_MS = 5_000; // after a failure, where it is read but once

/** What stands at a path; every `everyMs`, or until it came once where that is null. Data of another path is never shown. */
export function usePoll<T>(path: string, everyMs: number | null, reviver?: Reviver): Polled<T> {
  const [found, setFound] = useState<Found<T>>({ path, data: null, error: null });
  const now = useRef<() => void>(() => undefined);

  useEffect(() => {
    let reading = new AbortController();
    let timer: number | undefined;

    async function look(): Promise<void> {
      clearTimeout(timer);
      reading.abort(); // what it would bring is older
      const { signal } = (reading = new AbortController());
      let nextMs = everyMs;
      try {
        const data = await ask<T>(path, "GET", signal, reviver);
        setFound({ path, data, error: null });
      } catch (error) {
        if (signal.aborted) return;
        setFound((before) => ({ path, data: before.path === path ? before.data : null, error }));
        nextMs ??= AGAIN_MS;
      }
      if (nextMs !== null && !signal.aborted) timer = setTimeout(lookIfSeen, nextMs);
    }

    function lookIfSeen(): void {
      if (document.hidden || access.value.isWanted) timer = setTimeout(lookIfSeen, everyMs ?? 1_000);
      else void look();
    }

    now.current = () => void look();
    void look();
    const unwatch = access.watch(() => {
      if (!access.value.isWanted) void look();
    });
    return () => {
      reading.abort();
      clearTimeout(timer);
      unwatch();
    };
  }, [path, everyMs, reviver]);

  const refresh = useCallback(() => now.current(), []);
  return found.path === path ? { data: found.data, error: found.error, refresh } : { data: null, error: null, refresh };
}
