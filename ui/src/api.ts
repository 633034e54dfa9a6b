/** Asks the API of this server. The token, where it wants one, is kept until the tab is closed. */
import { noteTime } from "./now.ts";
import { Store } from "./store.ts";

const BASE = new URL(".", location.href.replace(/[?#].*/, "")); // also below a path that a proxy puts before it
const TOKEN = "lineshaft.token";
const READ_MS = 10_000;

let kept = keptToken(); // also where the browser keeps nothing for a page

/** Whether the server wants a token, and what it said of the one that it got. */
export interface Access {
  isWanted: boolean;
  wasWrong: boolean;
}

export const access = new Store<Access>({ isWanted: false, wasWrong: false });

/** The API refused; `kind` is the last part of the problem's type. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly kind: string,
    detail: string,
  ) {
    super(detail);
  }
}

/** The API could not be reached. */
export class Away extends Error {}

export function addressOf(path: string): string {
  return new URL(path.replace(/^\//, ""), BASE).href;
}

/** The answer to a request, whatever it is but a refusal. Throws Refused or Away. */
export async function send(method: string, path: string, options: RequestInit = {}): Promise<Response> {
  const token = kept;
  const headers = { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  let answer: Response;
  try {
    answer = await fetch(addressOf(path), { ...options, method, headers, cache: "no-store" });
  } catch (error) {
    throw lost(error, "The server cannot be reached.");
  }
  noteTime(answer.headers.get("date"));
  if (answer.status === 401) access.set({ isWanted: true, wasWrong: token !== null });
  if (!answer.ok) throw await refusalOf(answer);
  return answer;
}

/** What is made of each value while JSON is read. */
export type Reviver = (name: string, value: unknown, context?: { source?: string }) => unknown;

/** A number that would be rounded, or only written differently, stays as it came; JSON.stringify gives it back so. */
export const exactly: Reviver = (_name, value, context) => {
  const { rawJSON } = JSON as { rawJSON?: (source: string) => unknown }; // newer than what the compiler knows, and than some browsers
  const source = context?.source;
  return typeof value === "number" && source !== undefined && rawJSON && String(value) !== source ? rawJSON(source) : value;
};

/** The JSON of an answer; of one to be read, which must come in time. Throws Refused or Away. */
export async function ask<T>(path: string, method = "GET", ended?: AbortSignal, reviver?: Reviver): Promise<T> {
  const limits = [...(ended ? [ended] : []), ...(method === "GET" ? [AbortSignal.timeout(READ_MS)] : [])];
  const answer = await send(method, path, { signal: AbortSignal.any(limits) });
  try {
    return JSON.parse(await answer.text(), reviver) as T;
  } catch (error) {
    throw lost(error, "The server's answer broke off.");
  }
}

/** What to throw for an answer that did not come, or not whole; where nobody wants it any more, that. */
function lost(error: unknown, why: string): unknown {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "AbortError") return error;
  return new Away(name === "TimeoutError" ? "The server did not answer in time." : why);
}

/** Use this token from now on. One that no header can carry is not that of any server. */
export function giveToken(token: string): void {
  const isWrong = /[^\x20-\x7e]/.test(token);
  if (!isWrong) keep(token);
  access.set({ isWanted: isWrong, wasWrong: isWrong });
}

export function forgetToken(): void {
  keep(null);
  access.set({ isWanted: true, wasWrong: false });
}

export function hasToken(): boolean {
  return kept !== null;
}

function keptToken(): string | null {
  try {
    return sessionStorage.getItem(TOKEN);
  } catch {
    return null;
  }
}

function keep(token: string | null): void {
  kept = token;
  try {
    if (token === null) sessionStorage.removeItem(TOKEN);
    else sessionStorage.setItem(TOKEN, token);
  } catch {
    // then it holds until the page is left
  }
}

/** What to tell of an error. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function refusalOf(answer: Response): Promise<Refused> {
  const problem = (await answer.json().catch(() => ({}))) as { type?: string; title?: string; detail?: string };
  const kind = (problem.type ?? "").split(":").pop() ?? "";
  return new Refused(answer.status, kind, problem.detail ?? problem.title ?? `The server answered ${answer.status}.`);
}
