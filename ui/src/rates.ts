/** How many tasks a second, from the counters that come with the stream: the last minutes at once, then second by second. */
import type { Minute, StatisticsView } from "./types.ts";

export const LINES = ["enqueued", "claimed", "done", "failed"] as const;
export type Line = (typeof LINES)[number];
export type Sample = { at: number } & Record<Line, number>;

export const SPAN_S = 300;
const SMOOTH_S = 5; // a rate is that of the last five seconds
const LEAST_S = 2; // over less than this it would be a matter of luck

interface Reading {
  at: number;
  counted: Minute[];
}

/** Keeps what came; `samples` are rates by time in seconds, the oldest first. */
export class RateLog {
  private readings: Reading[] = [];
  private isLive = false;
  samples: Sample[] = [];

  add(counts: StatisticsView, atMs: number): void {
    const reading = { at: atMs / 1_000, counted: counts.counted };
    const last = this.readings.at(-1);
    if (last === undefined || reading.at - last.at > 60) this.samples = samplesOf(reading);
    this.readings = [...this.readings.filter((before) => reading.at - before.at <= SMOOTH_S + 1), reading];
    const first = this.readings[0]!;
    this.isLive = reading.at - first.at >= LEAST_S;
    if (this.isLive) this.samples.push(between(first, reading));
    this.samples = this.samples.filter((sample) => sample.at >= reading.at - SPAN_S);
  }

  get latest(): Sample | null {
    return this.isLive ? (this.samples.at(-1) ?? null) : null;
  }
}

/** What was counted between two readings, as rates. A minute that has left the newer one counts no more. */
export function between(earlier: Reading, later: Reading): Sample {
  const before = new Map(earlier.counted.map((minute) => [minute.from, minute]));
  const newest = earlier.counted[0]?.from ?? "";
  const spanS = later.at - earlier.at;
  return sampleOf(later.at, (line) => {
    let amount = 0;
    for (const minute of later.counted) {
      if (minute.from >= newest || before.has(minute.from)) amount += minute[line] - (before.get(minute.from)?.[line] ?? 0);
    }
    return amount / spanS;
  });
}

/** The minutes until the first reading: of each the mean, from its beginning to its end. The server's clock may be another than ours. */
function samplesOf({ at, counted }: Reading): Sample[] {
  const present = counted[0];
  if (present === undefined) return [];
  const sinceS = Math.min(60, Math.max(0, at - Date.parse(present.from) / 1_000));
  return counted
    .flatMap((minute, ago) => {
      const beganAt = at - sinceS - 60 * ago;
      const lengthS = ago === 0 ? Math.max(sinceS, 1) : 60;
      const mean = (line: Line) => minute[line] / lengthS;
      return [sampleOf(beganAt + lengthS - 0.001, mean), sampleOf(beganAt, mean)];
    })
    .reverse();
}

function sampleOf(at: number, rateOf: (line: Line) => number): Sample {
  return { at, enqueued: rateOf("enqueued"), claimed: rateOf("claimed"), done: rateOf("done"), failed: rateOf("failed") };
}
