/** Small drawings. They stand beside words, so whoever hears the page misses nothing. */
import type { Status } from "../types.ts";

const PATHS: Record<Status | "pause", string> = {
  failed: "M5 5l6 6M11 5l-6 6",
  "in-progress": "M6 4.5v7l5.5-3.5z",
  pending: "M4 8h8M9 5l3 3-3 3",
  scheduled: "M8 4.5V8l2.5 1.5",
  waiting: "M8 4.5V8l2.5 1.5",
  done: "M4.5 8.5l2.5 2.5 4.5-5.5",
  cancelled: "M4.5 8h7",
  expired: "M5 4.5h6L5 11.5h6z",
  pause: "M6.2 5v6M9.8 5v6",
};

export function Icon({ name }: { name: Status | "pause" }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <circle cx="8" cy="8" r="7" />
      <path d={PATHS[name]} />
    </svg>
  );
}

/** Two pulleys on a line shaft. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d="M1.5 7h21" />
      <circle cx="8" cy="7" r="4" />
      <circle cx="16" cy="18" r="4.2" />
      <path d="M4.2 8.6 12 17.4M11.6 4.8l8 10.6" />
    </svg>
  );
}
