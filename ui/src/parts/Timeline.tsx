/** The life of a task as steps in time, the first on top. */
import { clock, duration, inTime, moment, since } from "../format.ts";
import { useNow } from "../now.ts";
import { ENDED, type AttemptView, type ErrorView, type TaskView } from "../types.ts";
import { Traceback } from "./Traceback.tsx";

type Tone = "plain" | "good" | "bad" | "run" | "wait";

interface Step {
  at: string | null;
  tone: Tone;
  what: string;
  more?: string;
  error?: ErrorView | null;
}

const ENDS: Record<string, { what: string; tone: Tone }> = {
  done: { what: "Done", tone: "good" },
  failed: { what: "Failed for good", tone: "bad" },
  cancelled: { what: "Cancelled", tone: "plain" },
  expired: { what: "Expired", tone: "plain" },
};

export function Timeline({ task }: { task: TaskView }) {
  const now = useNow();
  const steps = stepsOf(task, now);
  return (
    <ol class="timeline">
      {steps.map((step, at) => (
        <li key={at} data-tone={step.tone}>
          <span class="step-time">{step.at === null ? "" : <time dateTime={step.at} title={moment(step.at)}>{clock(step.at)}</time>}</span>
          <div class="step">
            <p class="step-what">
              {step.what} {step.more && <span class="step-more">{step.more}</span>}
            </p>
            {step.error && (
              <details>
                <summary>
                  <b>{step.error.type}</b> {step.error.message}
                </summary>
                <Traceback error={step.error} />
              </details>
            )}
          </div>
        </li>
      ))}
    </ol>
  );
}

export function stepsOf(task: TaskView, now: number): Step[] {
  const steps: Step[] = [];
  if (task.enqueued_at !== null) steps.push({ at: task.enqueued_at, tone: "plain", what: "Enqueued", more: `in ${task.queue}` });
  steps.push(...task.attempts.map(stepOf));
  if (task.started_at !== null && !ENDED.has(task.status)) {
    steps.push({ at: task.started_at, tone: "run", what: "Running", more: `for ${duration(since(task.started_at, now))}` });
  } else if (task.started_at !== null && task.status === "done") {
    steps.push({ at: task.started_at, tone: "run", what: task.tries > 1 ? `Try ${task.tries} started` : "Started" });
  }
  const end = ENDS[task.status];
  if (end !== undefined) {
    const ran = task.started_at !== null && task.ended_at !== null && task.status === "done";
    steps.push({ at: task.ended_at, ...end, ...(ran && { more: `after ${duration(since(task.started_at!, task.ended_at!))}` }) });
  } else if (task.status === "pending" || task.status === "waiting") {
    steps.push({ at: null, tone: "wait", what: task.status === "pending" ? "Waits for a worker" : "Held back" });
  } else if (task.status === "scheduled") {
    steps.push(waiting(task, now));
  }
  return steps;
}

/** What a scheduled task waits for: until it is due its time, from then on a worker that sees it. */
function waiting({ due_at, attempts }: TaskView, now: number): Step {
  if (due_at !== null && since(due_at, now) >= 0) return { at: null, tone: "wait", what: "Due, waits for a worker" };
  const what = attempts.length > 0 ? "Waits for its next try" : "Not due yet";
  return { at: null, tone: "wait", what, ...(due_at !== null && { more: inTime(due_at, now) }) };
}

const KINDS: Record<AttemptView["kind"], { what: (attempt: AttemptView) => string; tone: Tone }> = {
  error: { what: ({ try_number }) => `Try ${try_number ?? "?"} failed`, tone: "bad" },
  timeout: { what: ({ try_number }) => `Try ${try_number ?? "?"} took too long`, tone: "bad" },
  crash: { what: () => "Its worker died", tone: "bad" },
  unknown: { what: () => "Put back: the worker does not know the task", tone: "wait" },
  retry: { what: ({ was }) => `Run again by hand${was ? `; it was ${was}` : ""}`, tone: "plain" },
};

function stepOf(attempt: AttemptView): Step {
  const kind = KINDS[attempt.kind] ?? { what: () => attempt.kind, tone: "plain" };
  const ran = attempt.started_at !== null && attempt.at !== null ? `after ${duration(since(attempt.started_at, attempt.at))}` : "";
  return { at: attempt.at, tone: kind.tone, what: kind.what(attempt), more: ran, error: attempt.error };
}
