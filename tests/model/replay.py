"""Traces of the model on the real scripts: after each step the keyspace is the model's server, and so is each reply."""

import random
from collections import deque
from collections.abc import Iterator

from .explorer import Trace, told, told_server
from .real import Real
from .state import State
from .steps import Scope, Step, successors

NO_FLOOR = -99
STEPS = 30
IDLE = 0.05
FIRST = 500
SURROUNDINGS = {
    "tick": lambda real: real.pass_ticks(1),
    "clock back": lambda real: real.pass_ticks(-1),
    "is up to date": Real.replicate,
    "takes over": Real.fail_over,
}


class MismatchError(AssertionError):
    """The scripts did something else than the model; the message has the trace."""


def exact(scope: Scope) -> Scope:
    """The scope as the scripts run: their own slices, and no time forgotten."""
    return scope._replace(rules=scope.rules._replace(floor=NO_FLOOR, age_floor=NO_FLOOR, slice=500))


def walk(scope: Scope, chance: random.Random) -> Trace:
    """A random walk: first an action is drawn, then one of its steps; seldom one that changes nothing."""
    state, trace = scope.start, []
    for _ in range(STEPS):
        idle_too = chance.random() < IDLE
        following: dict[str, list[tuple[Step, State]]] = {}
        for name, step, after in successors(state, scope):
            if idle_too or after != state:
                following.setdefault(name, []).append((step, after))
        if not following:
            break
        trace.append(chance.choice(following[chance.choice(sorted(following))]))
        state = trace[-1][1]
    return trace


def shortest(scope: Scope) -> Iterator[Trace]:
    """The shortest trace to each answer of each script that the first states of a scope hear."""
    heard: set[tuple[str, str]] = set()
    reached: dict[State, Trace] = {scope.start: []}
    waiting = deque([scope.start])
    while waiting:
        state = waiting.popleft()
        for _, step, after in successors(state, scope):
            trace = [*reached[state], (step, after)]
            if step.call is not None and step.mode != "late" and not heard.issuperset(heard_in(step)):
                heard.update(heard_in(step))
                yield trace
            if after not in reached and len(reached) < FIRST:
                reached[after] = trace
                waiting.append(after)


def heard_in(step: Step) -> set[tuple[str, str]]:
    """The script and the words that it answered."""
    assert step.call is not None
    parts = step.reply if isinstance(step.reply, tuple) else (step.reply,)
    return {(step.call[0], part) for part in parts if isinstance(part, str)}


def replay(real: Real, scope: Scope, trace: Trace) -> None:
    """Take the steps of a trace on a server that is empty; raises MismatchError at the first that goes another way."""
    before = scope.start
    real.seed(before.server)
    _compare(real, before, scope, [])
    for at, (step, after) in enumerate(trace, 1):
        real.set_time()
        if step.what in SURROUNDINGS:
            SURROUNDINGS[step.what](real)
        elif step.call is not None and step.mode != "late":
            if step.call[0] == "claim" and after.server.clock != before.server.clock:
                real.number_claims(after.server.clock)
            answer, expected = real.call(step.call), real.expected(step)
            if answer != expected:
                raise _mismatch(f"the script answered {answer}\nthe model says {expected}", scope, trace[:at])
        _compare(real, after, scope, trace[:at])
        before = after


def _compare(real: Real, state: State, scope: Scope, trace: Trace) -> None:
    found = real.found(len(state.server.tasks), len(state.server.sessions))
    expected = real.expected_server(state.server)
    if found != expected:
        what = f"the keyspace is\n{told_server(found)}\n{found}\nthe model says\n{told_server(expected)}\n{expected}"
        raise _mismatch(what, scope, trace)


def _mismatch(what: str, scope: Scope, trace: Trace) -> MismatchError:
    return MismatchError("\n".join([f"scope {scope.name!r}: {what}", *told(trace)]))
