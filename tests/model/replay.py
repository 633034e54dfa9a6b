"""Traces of the model on the real scripts: after each step the keyspace is the model's server, and so is each reply."""

import random

from .explorer import Trace, told, told_server
from .real import Real
from .scopes import deeper
from .state import State
from .steps import Scope, Step, successors

NO_FLOOR = -99
STEPS = 30
SURROUNDINGS = {
    "tick": lambda real: real.pass_ticks(1),
    "clock back": lambda real: real.pass_ticks(-1),
    "is up to date": Real.replicate,
    "takes over": Real.fail_over,
    "pause": lambda real: real.pause_queue(True),
    "resume": lambda real: real.pause_queue(False),
}


class MismatchError(AssertionError):
    """The scripts did something else than the model; the message has the trace."""


def exact(scope: Scope) -> Scope:
    """The scope as the scripts run: their own slices, no time forgotten, and more of everything."""
    rules = scope.rules._replace(floor=NO_FLOOR, age_floor=NO_FLOOR, slice=500)
    return deeper(scope)._replace(rules=rules)


def walk(scope: Scope, chance: random.Random) -> Trace:
    """A random walk: first an action is drawn, then one of its steps."""
    state, trace = scope.start, []
    for _ in range(STEPS):
        following: dict[str, list[tuple[Step, State]]] = {}
        for name, step, after in successors(state, scope):
            following.setdefault(name, []).append((step, after))
        if not following:
            break
        trace.append(chance.choice(following[chance.choice(sorted(following))]))
        state = trace[-1][1]
    return trace


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
