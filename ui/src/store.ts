/** A value that parts of the page watch. */
import { useEffect, useReducer } from "preact/hooks";

export class Store<T> {
  private readonly watchers = new Set<() => void>();

  constructor(private current: T) {}

  get value(): T {
    return this.current;
  }

  set(value: T): void {
    this.current = value;
    for (const tell of [...this.watchers]) tell();
  }

  /** Be told of every change; gives what ends that. */
  watch(tell: () => void): () => void {
    this.watchers.add(tell);
    return () => void this.watchers.delete(tell);
  }
}

/** The value now; whoever calls this is drawn again when it changes. */
export function useStore<T>(store: Store<T>): T {
  const [, draw] = useReducer((times: number) => times + 1, 0);
  useEffect(() => {
    draw(undefined); // it may have changed between the drawing and this
    return store.watch(() => draw(undefined));
  }, [store]);
  return store.value;
}
