/** Where in the page one is: `#/`, `#/tasks?status=failed`, `#/tasks/<id>`. */
import { Store } from "./store.ts";

export const FILTERS = ["status", "queue", "task", "cursor"] as const;
export type Filter = (typeof FILTERS)[number];
export type Filters = Partial<Record<Filter, string>>;

export type Route = { view: "overview" } | { view: "tasks"; filters: Filters } | { view: "task"; taskID: string } | { view: "nowhere" };

export function routeOf(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#/, "").split("?", 2);
  const parts = path.split("/").filter((part) => part !== "");
  if (parts.length === 0) return { view: "overview" };
  if (parts[0] !== "tasks" || parts.length > 2) return { view: "nowhere" };
  if (parts[1] !== undefined) return { view: "task", taskID: decoded(parts[1]) };
  const given = new URLSearchParams(query);
  return { view: "tasks", filters: kept(Object.fromEntries(given)) };
}

/** Whether a task can have this id; of any other nothing is asked, since it may lead elsewhere. */
export function isTaskID(text: string): boolean {
  return /^[0-9A-Za-z_-]{1,64}$/.test(text);
}

export function toTasks(filters: Filters = {}): string {
  const query = new URLSearchParams(kept(filters)).toString();
  return query ? `#/tasks?${query}` : "#/tasks";
}

export function toTask(taskID: string): string {
  return `#/tasks/${encodeURIComponent(taskID)}`;
}

export const route = new Store<Route>(routeOf(location.hash));

addEventListener("hashchange", () => route.set(routeOf(location.hash)));

function kept(filters: Record<string, string | undefined>): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of FILTERS) {
    const value = filters[name];
    if (value) found[name] = value;
  }
  return found;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
