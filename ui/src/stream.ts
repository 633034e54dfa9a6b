/**
 * The server's event stream: the counts once a second, and the words of the task that is looked at.
 *
 * It is read with fetch, since an EventSource cannot carry a token. It ends while the tab is hidden, and comes back after a
 * failure by itself, later each time. `feed` says what is known and how fresh that is; whoever shows numbers shows that too.
 */
import { access, ask, Away, Refused, send, wordsOf } from "./api.ts";
import { eventsOf, withinMs } from "./sse.ts";
import { Store } from "./store.ts";
import type { StatisticsView, Status } from "./types.ts";

export type Link = "connecting" | "live" | "lost";

export interface Feed {
  link: Link;
  counts: StatisticsView | null;
  /** When the counts came, in ms; 0 before the first. */
  countsAt: number;
  /** Why there is nothing new: the stream broke, or the server cannot reach Redis. */
  problem: string | null;
  /** When it is tried again, in ms; null while it is there, or is being tried. */
  retryAt: number | null;
}

export interface Word {
  taskID: string;
  status: Status | null;
}

const SILENCE_MS = 20_000; // the server sends at least a comment every 15 s
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 15_000;

export const feed = new Store<Feed>({ link: "connecting", counts: null, countsAt: 0, problem: null, retryAt: null });
export const word = new Store<Word | null>(null);

let watched: string | null = null;
let connection: AbortController | null = null;
let timer: number | undefined; // while the next try is waited for
let waitMs = FIRST_WAIT_MS;

/** Begin; the stream then looks after itself. */
export function follow(): void {
  document.addEventListener("visibilitychange", () => (document.hidden ? leave() : connect()));
  addEventListener("online", () => feed.value.link === "lost" && connect());
  access.watch(() => (access.value.isWanted ? leave() : connect()));
  connect();
}

/** Have the word of this task told as well, or of none. */
export function watchTask(taskID: string | null): void {
  if (taskID === watched) return;
  watched = taskID;
  word.set(null);
  if (connection !== null || timer !== undefined) connect();
}

/** Connect now, in place of what there was. */
export function connect(): void {
  leave();
  connection = new AbortController();
  void read(connection);
}

function leave(): void {
  clearTimeout(timer);
  timer = undefined;
  connection?.abort();
  connection = null;
}

async function read(mine: AbortController): Promise<void> {
  if (feed.value.link !== "live") feed.set({ ...feed.value, link: "connecting", retryAt: null });
  try {
    const path = watched === null ? "events" : `events?id=${encodeURIComponent(watched)}`;
    const asked = send("GET", path, { signal: mine.signal, headers: { Accept: "text/event-stream" } });
    const answer = await withinMs(asked, SILENCE_MS);
    if (answer.body === null) throw new Away("The server sent no stream.");
    for await (const event of eventsOf(answer.body, SILENCE_MS)) {
      if (mine.signal.aborted) return;
      take(event.kind, event.data);
    }
    throw new Away("The server ended the stream.");
  } catch (error) {
    if (!mine.signal.aborted) lose(error);
  } finally {
    mine.abort(); // a stream that was silent for too long is still open
  }
}

function take(kind: string, data: string): void {
  waitMs = FIRST_WAIT_MS;
  if (kind === "counts") {
    const counts = JSON.parse(data) as StatisticsView;
    feed.set({ link: "live", counts, countsAt: Date.now(), problem: null, retryAt: null });
  } else if (kind === "problem") {
    const problem = JSON.parse(data) as { title: string };
    feed.set({ ...feed.value, link: "live", problem: problem.title, retryAt: null });
  } else if (kind === "task") {
    word.set(JSON.parse(data) as Word);
  }
}

function lose(error: unknown): void {
  connection = null;
  if (error instanceof Refused && error.status === 401) return; // goes on once there is a token
  const inMs = waitMs * (0.75 + Math.random() / 2); // so that many tabs do not come back at one instant
  waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
  feed.set({ ...feed.value, link: "lost", problem: wordsOf(error), retryAt: Date.now() + inMs });
  timer = setTimeout(connect, inMs);
  void askOnce();
}

/** Where the stream cannot be had, for instance through a proxy that holds it back, the counts at least come now and then. */
async function askOnce(): Promise<void> {
  try {
    const counts = await ask<StatisticsView>("stats");
    if (feed.value.link === "lost") feed.set({ ...feed.value, counts, countsAt: Date.now() });
  } catch {
    // the reason why the stream is lost is shown already, and this is tried again with it
  }
}

