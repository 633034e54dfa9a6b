"""Breadth-first search over all states of a scope, and the shortest trace to whatever is wrong."""

import gc
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import perf_counter

from .invariants import check_state, check_step, text
from .liveness import PROGRESS, Liveness
from .state import Outcome, Server, State, Task
from .steps import Scope, Step, successors

Trace = list[tuple[Step, State]]


@dataclass
class Found:
    """What the search of one scope came to. `wrong` is None when every invariant holds in every state."""

    scope: Scope
    states: int = 0
    steps: int = 0
    depth: int = 0
    seconds: float = 0.0
    wrong: str | None = None
    trace: Trace = field(default_factory=list)


def explore(scope: Scope, most: int = 10_000_000) -> Found:
    """Search a scope to its end, to the first thing that is wrong, or to this many states."""
    started = perf_counter()
    search = Search(scope)
    gc.collect()
    gc.disable()  # millions of tuples, none of them in a circle: looking for circles would take half of the time
    try:
        search.run(most)
    finally:
        gc.enable()
    search.found.states, search.found.seconds = len(search.parents), perf_counter() - started
    return search.found


class Search:
    """One search: `parents` leads each state back to the start, `onward` leads it on by a step that leaves less to do."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.found = Found(scope)
        self.alive = Liveness(scope)
        self.parents: dict[State, tuple[State, Step] | None] = {}
        self.onward: dict[State, State] = {}

    def run(self, most: int) -> None:
        """Layer by layer; what the living can end is asked at last, of the states that no step of theirs leads on from."""
        start = self.scope.start
        self.parents[start] = None
        layer = [start]
        while layer:
            following: list[State] = []
            for state in layer:
                if not self._expand(state, following):
                    return
            layer = following
            self.found.depth += bool(layer)
            if len(self.parents) > most:
                self._wrong(f"more than {most} states", [])
                return
        for state in self.parents:
            if state not in self.onward and (stuck := self.alive.living(state)) is not None:
                self._wrong(f"liveness: while all workers live, tasks never end: {stuck}", self._trace(state))
                return

    def _expand(self, state: State, following: list[State]) -> bool:
        """Take every step from a state; says whether nothing was wrong."""
        parents, rules = self.parents, self.scope.rules
        for name, step, after in successors(state, self.scope):
            self.found.steps += 1
            new = after not in parents
            if new:
                parents[after] = (state, step)
                following.append(after)
            if name in PROGRESS and not step.mode:
                self.onward[state] = after
            for complaint in check_step(state, step, after, rules):
                self._wrong(text(complaint), [*self._trace(state), (step, after)])
                return False
            if new and (what := self._complaint(after)) is not None:
                self._wrong(what, self._trace(after))
                return False
        return True

    def _complaint(self, state: State) -> str | None:
        for complaint in check_state(state):
            return text(complaint)
        stuck = self.alive.heirs(state)
        return None if stuck is None else f"liveness: when all workers die, tasks never end: {stuck}"

    def _wrong(self, wrong: str, trace: Trace) -> None:
        self.found.wrong, self.found.trace = wrong, trace

    def _trace(self, state: State) -> Trace:
        trace: Trace = []
        while (parent := self.parents[state]) is not None:
            trace.append((parent[1], state))
            state = parent[0]
        return trace[::-1]


def told(trace: Trace) -> Iterator[str]:
    """A trace as lines: who did what, what it answered, and the server after it."""
    for number, (step, state) in enumerate(trace, 1):
        yield f"{number:3} {told_step(step):<58} {told_server(state.server)}"


def told_step(step: Step) -> str:
    """Who did what, and what it answered."""
    if step.call is None:
        return f"{step.who}: {step.what}"
    arguments = " ".join(_short(part) for part in step.call[1:])
    fate = {"": f"-> {_short(step.reply)}", "lost": f"-> {_short(step.reply)}, not heard", "late": ""}[step.mode]
    return f"{step.who}: {step.what} ({arguments}) {fate}"


def told_server(server: Server) -> str:
    """What there is on the server."""
    parts = [f"{n}:{_told_task(task)}" for n, task in enumerate(server.tasks) if task != Task()]
    parts += [f"ready {list(server.ready)}"] if server.ready else []
    for n, session in enumerate(server.sessions):
        lease = "gone" if session.lease is None else f"lease {session.lease}"
        mark = "" if session.mark is None else f" suspect {session.mark}"
        owned = f" owns {list(session.owned)}" if session.owned else ""
        parts += [f"s{n} {lease}{mark}{owned}"] if session.known else []
    parts += [f"{word} {list(listed)}" for word in ("done", "failed", "cancelled") if (listed := getattr(server, word))]
    return "; ".join(parts)


def _told_task(task: Task) -> str:
    beside = [
        f"{name} {value}"
        for name, value in zip(task._fields, task, strict=True)
        if value not in ("", None, (), 0, False) and name in {"tries", "crashes", "cancelling", "due", "stray"}
    ]
    return " ".join([task.word or "nothing", *beside])


def _short(value: object) -> str:
    if isinstance(value, Outcome):
        return value.kind
    return str(value).replace(" ", "") if isinstance(value, tuple) else str(value)
