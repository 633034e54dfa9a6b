/** The page: its frame, and the view that the address asks for. */
import "uplot/dist/uPlot.min.css";
import "./style.css";
import { type RefObject, render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { access, forgetToken, hasToken } from "./api.ts";
import { Freshness, Outage } from "./parts/Freshness.tsx";
import { Mark } from "./parts/icons.tsx";
import { Notice } from "./parts/Notice.tsx";
import { TokenForm } from "./parts/TokenForm.tsx";
import { type Route, route, toTasks } from "./router.ts";
import { useStore } from "./store.ts";
import { follow } from "./stream.ts";
import * as themes from "./theme.ts";
import { Overview } from "./views/Overview.tsx";
import { Task } from "./views/Task.tsx";
import { Tasks } from "./views/Tasks.tsx";

function App() {
  const { isWanted } = useStore(access);
  const where = useStore(route);
  const main = useRef<HTMLElement>(null);
  useArrival(where, main);

  function skip(event: Event): void {
    event.preventDefault(); // the address says which view it is
    main.current?.focus();
  }

  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        Skip to the content
      </a>
      <Head where={where} isOpen={!isWanted} />
      {!isWanted && <Outage />}
      <main id="main" ref={main} tabIndex={-1}>
        {isWanted ? <TokenForm /> : <View where={where} />}
      </main>
    </>
  );
}

function View({ where }: { where: Route }) {
  switch (where.view) {
    case "overview":
      return <Overview />;
    case "tasks":
      return <Tasks filters={where.filters} />;
    case "task":
      return <Task key={where.taskID} taskID={where.taskID} />;
    case "nowhere":
      return (
        <>
          <h1 tabIndex={-1}>Nothing here</h1>
          <Notice>
            No view is at this address. <a href="#/">Go to the overview</a>
          </Notice>
        </>
      );
  }
}

function Head({ where, isOpen }: { where: Route; isOpen: boolean }) {
  const isAt = (view: Route["view"]) => (where.view === view ? "page" : undefined);
  return (
    <header class="head">
      <a class="brand" href="#/" aria-label="Lineshaft, overview">
        <Mark />
        Lineshaft
      </a>
      <nav aria-label="Views">
        <a href="#/" aria-current={isAt("overview")}>
          Overview
        </a>
        <a href={toTasks()} aria-current={isAt("tasks")}>
          Tasks
        </a>
      </nav>
      <div class="head-end">
        {isOpen && <Freshness />}
        {isOpen && hasToken() && (
          <button type="button" class="button quiet" onClick={forgetToken}>
            Forget token
          </button>
        )}
        <ThemeChoice />
      </div>
    </header>
  );
}

function ThemeChoice() {
  const theme = useStore(themes.theme);
  return (
    <label class="theme">
      <span class="hidden">Theme</span>
      <select value={theme} onChange={(event) => themes.choose(event.currentTarget.value as themes.Theme)}>
        {themes.THEMES.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}

/** Whoever comes to another view begins at its heading; the first one of all begins at the top. */
function useArrival(where: Route, main: RefObject<HTMLElement | null>): void {
  const place = where.view === "task" ? `task ${where.taskID}` : where.view;
  const last = useRef(place);
  useEffect(() => {
    document.title = where.view === "task" ? `Task ${where.taskID} – Lineshaft` : where.view === "tasks" ? "Tasks – Lineshaft" : "Lineshaft";
    if (last.current !== place) {
      scrollTo(0, 0);
      (main.current?.querySelector("h1") ?? main.current)?.focus();
    }
    last.current = place;
  }, [place]);
}

themes.apply();
addEventListener("DOMContentLoaded", () => {
  follow();
  render(<App />, document.getElementById("app")!);
});
