/** What the API gives, as its OpenAPI document has it; tests/page/test_types.py compares the two. */

export const STATUSES = ["failed", "in-progress", "pending", "scheduled", "waiting", "done", "cancelled", "expired"] as const;
export type Status = (typeof STATUSES)[number];
export const ENDED: ReadonlySet<Status> = new Set(["done", "failed", "cancelled", "expired"]);

export interface ErrorLine {
  type: string;
  message: string;
}

export interface ErrorView {
  type: string;
  message: string;
  traceback: string;
}

export interface TaskRow {
  taskID: string;
  task: string;
  queue: string;
  status: Status;
  enqueued_at: string | null;
  due_at: string | null;
  started_at: string | null;
  session: string | null;
  ended_at: string | null;
  error: ErrorLine | null;
}

export interface TaskPage {
  items: TaskRow[];
  next: string | null;
}

export interface AttemptView {
  kind: "error" | "timeout" | "crash" | "unknown" | "retry";
  at: string | null;
  started_at: string | null;
  try_number: number | null;
  session: string | null;
  was: string | null;
  error: ErrorView | null;
}

export interface TaskView {
  taskID: string;
  task: string;
  queue: string;
  status: Status;
  tries: number;
  crashes: number;
  enqueued_at: string | null;
  due_at: string | null;
  started_at: string | null;
  session: string | null;
  ended_at: string | null;
  result: unknown;
  error: ErrorView | null;
  attempts: AttemptView[];
}

export interface QueueView {
  queue: string;
  ready: number;
  scheduled: number;
  in_progress: number;
  paused: boolean;
}

export interface WorkerView {
  session: string;
  pid: number;
  host: string;
  queues: string[];
  running: number;
  started_at: string | null;
  quiet: boolean;
}

export interface Minute {
  from: string;
  enqueued: number;
  claimed: number;
  done: number;
  failed: number;
  retried: number;
  crashed: number;
  cancelled: number;
}

export interface StatisticsView {
  states: Partial<Record<Status, number>>;
  queues: QueueView[];
  rates: Record<string, number>;
  minutes: number;
  counted: Minute[];
  live_sessions: number;
}
