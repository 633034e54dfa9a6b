"""Every state can still end: two fixed ways in which good steps alone end every task that no foreign program took.

*The heirs*: all workers die, nothing on the wire arrives; two looks, promotes and one new session end everything. That says
that nothing is stranded on the server. *The living*: nobody dies, leases are renewed and never run out, calls are answered;
workers deliver, reconcile and claim. That says that nothing is stranded in a session that lives. What was found to end is
remembered, so a walk stops where an earlier one passed.
"""

from typing import Any

from . import steps
from . import workers as w
from .scripts import run
from .state import ENDED, Rules, Server, Session, State
from .steps import Scope

ROUNDS = 8
PROGRESS = ("hear", "act", "return", "deliver")  # each of these leaves less to do, so they come to an end
GOOD = ("hear", "act", "open", "lose", "return", "deliver", "close")
MOVES = 200


class Liveness:
    """Remembers which states can end."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope._replace(budgets=dict.fromkeys(steps.ACTIONS), limited={}, faulty=frozenset())
        self._rules: Rules = scope.rules
        self._servers: set[Any] = set()
        self._states: set[State] = set()

    def heirs(self, state: State) -> list[str] | None:
        """What never ends when all workers die; None when everything does."""
        walked = []
        server, foreign = state.server._replace(paused=False), state.foreign
        for _ in range(ROUNDS):
            if (server, foreign) in self._servers:
                break
            walked.append((server, foreign))
            if not live(server, foreign):
                break
            server = self._inherit(server)
        else:
            return live(server, foreign)
        self._servers.update(walked)
        return None

    def _inherit(self, server: Server) -> Server:
        """One tick of an heir's work; its session is not kept, so the state is of the same size."""
        rules = self._rules
        server = steps.shifted(server, 1, rules)
        for _ in server.sessions:
            server, _ = run(server, ("reap", None), rules)
        server, _ = run(server, ("promote",), rules)
        heir = len(server.sessions)
        server, _ = run(server._replace(sessions=(*server.sessions, Session())), ("open", heir), rules)
        while server.ready:
            server, (_, number, _, claims) = run(server, ("claim", heir, 1), rules)
            for task, *_ in claims:
                outcome = w.Outcome("done", (heir, number), 0)
                server, _ = run(server, ("finish", heir, task, number, outcome), rules)
        return server._replace(sessions=server.sessions[:heir])

    def living(self, state: State) -> list[str] | None:
        """What never ends while all workers live; None when everything does."""
        state = state._replace(left=(), begun=frozenset(), replica=None, wire=())
        state = without_orders(state._replace(server=state.server._replace(paused=False)))
        walked = []
        for _ in range(ROUNDS):
            if state in self._states:
                break
            walked.append(state)
            if not live(state.server, state.foreign):
                break
            state = self._live_on(state)
        else:
            return live(state.server, state.foreign)
        self._states.update(walked)
        return None

    def _live_on(self, state: State) -> State:
        """One tick: whoever is down boots, leases are renewed, and each does all that it can."""
        state = steps.older(state, 1, self._rules)
        for number in range(len(state.workers)):
            state = self._first("boot", state, number)
            state = self._first("renew", state, number)
            for name in GOOD:
                state = self._all(name, state, number)
            state = self._first("boot", state, number)
            state = self._all("open", state, number)
            state = self._all("reconcile", state, number)
            state = self._all("act", state, number)
        for session in state.dead:
            state = state._replace(server=run(state.server, ("reap", session), self._rules)[0])
        state = state._replace(dead=(), server=run(state.server, ("reap", None), self._rules)[0])
        state = state._replace(server=run(state.server, ("promote",), self._rules)[0])
        for number in range(len(state.workers)):
            for name in ("claim", "return", "deliver"):
                state = self._all(name, state, number)
        return state._replace(begun=frozenset())

    def _first(self, name: str, state: State, number: int) -> State:
        return next((after for step, after in steps.ACTIONS[name](state, self._scope) if step.who == f"worker {number}"), state)

    def _all(self, name: str, state: State, number: int) -> State:
        """The first such step of this worker, again and again while it changes something."""
        for _ in range(MOVES):
            after = self._first(name, state, number)
            if after == state:
                return state
            state = after
        return state


def without_orders(state: State) -> State:
    """A worker that is quiet for ever ends nothing, and needs not; what it holds must be no worse than another's."""
    sessions = tuple(session._replace(order="") for session in state.server.sessions)
    workers = tuple(worker._replace(order="") for worker in state.workers)
    return state._replace(server=state.server._replace(sessions=sessions), workers=workers)


def live(server: Server, foreign: tuple[str, ...]) -> list[str]:
    """The tasks that have not ended, and that no foreign program took or has only half pushed."""
    return [
        f"task {task} is {found.word}"
        for task, found in enumerate(server.tasks)
        if found.word and found.word not in ENDED and foreign[task] not in {"taken", "worded"}
    ]
