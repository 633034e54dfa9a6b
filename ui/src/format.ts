/** How numbers, times and values are written. */

const NUMBERS = new Intl.NumberFormat("en");
const ONE_DECIMAL = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const UNITS: readonly (readonly [string, number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
];

export function count(amount: number): string {
  return NUMBERS.format(amount);
}

export function rate(perSecond: number): string {
  return perSecond >= 100 ? NUMBERS.format(Math.round(perSecond)) : ONE_DECIMAL.format(perSecond);
}

/** "420 ms", "4.2 s", "3 min 4 s", "2 d 5 h". */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 10_000) return `${ONE_DECIMAL.format(ms / 1_000)} s`;
  const at = UNITS.findIndex(([, length]) => ms >= length);
  const [unit, length] = UNITS[at]!;
  const smaller = UNITS[at + 1];
  const whole = Math.floor(ms / length);
  const rest = smaller ? Math.floor((ms % length) / smaller[1]) : 0;
  return smaller && rest ? `${whole} ${unit} ${rest} ${smaller[0]}` : `${whole} ${unit}`;
}

/** "12 s", "3 min", "2 d": how long ago something was, to the largest unit. */
export function age(ms: number): string {
  const found = UNITS.find(([, length]) => ms >= length);
  return found ? `${Math.floor(ms / found[1])} ${found[0]}` : "now";
}

export function since(from: string, until: string | number): number {
  return (typeof until === "number" ? until : Date.parse(until)) - Date.parse(from);
}

/** "in 12 s", "in 3 min": how far off something is that is to come; "due" from then on. */
export function inTime(at: string, now: number): string {
  const left = -since(at, now);
  return left > 0 ? `in ${age(Math.max(1_000, left))}` : "due";
}

/** The time of day here, to the millisecond. */
export function clock(at: string): string {
  return TIME.format(new Date(at));
}

/** As `clock`, with the day. */
export function moment(at: string): string {
  return `${DAY.format(new Date(at))}, ${clock(at)}`;
}

export function json(value: unknown): string {
  return JSON.stringify(value, null, 2) ?? "null";
}

export function plural(amount: number, one: string, many = `${one}s`): string {
  return `${count(amount)} ${amount === 1 ? one : many}`;
}

/** As much of a worker's session as tells workers apart. */
export function shortSession(session: string): string {
  return session.slice(0, 8);
}
