"""Everything that can happen next: who does it, the call it makes, and the three ways in which a call can go.

A call is answered, or its reply is lost (it took effect), or it is given up and arrives later, or never. An action is free, or
has a budget; a scope names both.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from . import workers as w
from .flaws import Flaw
from .scripts import run
from .state import Entry, Outcome, Rules, Session, State, older_outcome, shifted, token_of, with_worker

Call = tuple[Any, ...]


class Step(NamedTuple):
    """One step: who did what; the call that ran on the server in it, if one did, and its reply."""

    who: str
    what: str
    call: Call | None = None
    reply: Any = None
    mode: str = ""  # of the call: "", "lost" or "late"


Steps = Iterator[tuple[Step, State]]


class Scope(NamedTuple):
    """Which actions there are, how often each may happen (None: always), which calls can go wrong, and where it starts.

    `limited`: the place of each budget in `State.left`.
    """

    name: str
    start: State
    budgets: dict[str, int | None]
    limited: dict[str, int] = {}
    faulty: frozenset[str] = frozenset()
    rules: Rules = Rules()
    concurrency: int = 2


def spend(state: State, scope: Scope, name: str) -> State | None:
    """The state with one less of a budget; None where there is none left."""
    at = scope.limited.get(name)
    if at is None:
        return state if name in scope.budgets else None
    left = state.left
    if not left[at]:
        return None
    return state._replace(left=(*left[:at], left[at] - 1, *left[at + 1 :]))


def successors(state: State, scope: Scope) -> Iterator[tuple[str, Step, State]]:
    """Every step that can be the next, with the name of its action."""
    for name in scope.budgets:
        action = ACTIONS.get(name)
        if action is not None and (spent := spend(state, scope, name)) is not None:
            for step, after in action(spent, scope):
                yield name, step, after


def send(
    state: State,
    scope: Scope,
    who: str,
    call: Call,
    answered: Callable[[State, Any], State] = lambda state, _: state,
    failed: Callable[[State], State] = lambda state: state,
) -> Steps:
    """A call, in each of the ways that it can go."""
    server, reply = run(state.server, call, scope.rules)
    what = call[0]
    yield Step(who, what, call, reply), answered(state._replace(server=server), reply)
    if what not in scope.faulty:
        return
    if (spent := spend(state, scope, "lost reply")) is not None:
        yield Step(who, what, call, reply, "lost"), failed(spent._replace(server=server))
    if (spent := spend(state, scope, "late call")) is not None:
        yield Step(who, f"{what}, given up", call, None, "late"), failed(spent._replace(wire=(*spent.wire, call)))


# Clients


def enqueue(state: State, scope: Scope, content: str = "own", *, later: bool = False) -> Steps:
    for task in range(len(state.server.tasks)):
        yield from send(state, scope, "client", ("enqueue", task, content, task == 0, later))


def of_each_task(script: str) -> Callable[[State, Scope], Steps]:
    def action(state: State, scope: Scope) -> Steps:
        for task in range(len(state.server.tasks)):
            yield from send(state, scope, "client", (script, task))

    return action


def retry(state: State, scope: Scope) -> Steps:
    """What a foreign program had taken is ours again; not where it took a second entry of what a session still owns."""
    for task, found in enumerate(state.server.tasks):
        for step, after in send(state, scope, "client", ("retry", task, len(found.attempts))):
            owned = any(token_of(state.server, session, task) for session in range(len(state.server.sessions)))
            ours = after.server != state.server and not owned
            yield step, after._replace(foreign=replaced(after.foreign, task, "")) if ours else after


def pause_queue(state: State, scope: Scope) -> Steps:
    yield from send(state, scope, "client", ("resume" if state.server.paused else "pause",))


def order(state: State, scope: Scope) -> Steps:
    for session in range(len(state.server.sessions)):
        for word in ("quiet", "stop"):
            yield from send(state, scope, "client", ("order", session, word))


# Foreign programs, which know the ready list and the status word alone


def foreign_push(state: State, scope: Scope) -> Steps:
    for task in range(len(state.server.tasks)):
        server = state.server._replace(ready=(task, *state.server.ready))
        foreign = replaced(state.foreign, task, "taken" if state.foreign[task] == "taken" else "pushed")
        yield Step("foreign", "push", ("LPUSH", task)), state._replace(server=server, foreign=foreign)


def foreign_word(state: State, scope: Scope) -> Steps:
    """A producer names the word of an id that it pushed less than a minute ago, or is about to push."""
    for task, found in enumerate(state.server.tasks):
        pushed = state.foreign[task] == "pushed"
        waits = task in state.server.ready or found.stray is not None
        if not found.word and not found.envelope and (waits or not pushed):
            yield _foreign_set(state, task, "pending", "pushed" if pushed else "worded")


def foreign_pop(state: State, scope: Scope) -> Steps:
    if state.server.ready:
        *rest, task = state.server.ready
        server = state.server._replace(ready=tuple(rest))
        foreign = replaced(state.foreign, task, "taken")
        yield Step("foreign", "pop", ("RPOP", task)), state._replace(server=server, foreign=foreign)


def foreign_end(state: State, scope: Scope) -> Steps:
    """A consumer names the word of what it took."""
    for task, found in enumerate(state.server.tasks):
        for word in ("in-progress", "done"):
            if state.foreign[task] == "taken" and found.word != word:
                yield _foreign_set(state, task, word, "taken")


def _foreign_set(state: State, task: int, word: str, foreign: str) -> tuple[Step, State]:
    tasks = replaced(state.server.tasks, task, state.server.tasks[task]._replace(word=word))
    after = state._replace(server=state.server._replace(tasks=tasks), foreign=replaced(state.foreign, task, foreign))
    return Step("foreign", f"set {word}", ("SET", task, word)), after


# Workers


def of_each_worker(action: Callable[[State, Scope, int], Steps]) -> Callable[[State, Scope], Steps]:
    def of_all(state: State, scope: Scope) -> Steps:
        for number in range(len(state.workers)):
            yield from action(state, scope, number)

    return of_all


def name_of(number: int) -> str:
    return f"worker {number}"


def boot(state: State, scope: Scope, number: int) -> Steps:
    worker = state.workers[number]
    stopped = all(entry.stop == "lost" for entry in w.running(worker))
    if worker.phase == "down" or (worker.lost and worker.phase == "up" and stopped):
        yield Step(name_of(number), "boot"), begin_session(state, number)


def begin_session(state: State, number: int) -> State:
    session = len(state.server.sessions)
    server = state.server._replace(sessions=(*state.server.sessions, Session()))
    state = state._replace(server=server)
    return with_worker(state, number, phase="opening", session=session, permit="", lost=False, read=None, order="")


def open_session(state: State, scope: Scope, number: int) -> Steps:
    worker = state.workers[number]
    if worker.phase == "opening":
        yield from send(
            state,
            scope,
            name_of(number),
            ("open", worker.session),
            lambda after, reply: _set(after, number, w.opened(worker, reply, after.server)),
        )


def renew(state: State, scope: Scope, number: int) -> Steps:
    worker = state.workers[number]
    if worker.phase in {"up", "draining"} and not worker.lost:
        yield from send(
            state,
            scope,
            name_of(number),
            ("renew", worker.session),
            lambda after, reply: _set(after, number, w.renewed(worker, reply)),
            lambda after: _set(after, number, w.not_renewed(worker)),
        )


def claim(state: State, scope: Scope, number: int) -> Steps:
    worker = state.workers[number]
    free = scope.concurrency - len(w.running(worker))
    busy = worker.reply is not None or worker.read is not None
    if worker.phase != "up" or not w.holds(worker) or busy or free < 1 or worker.order:
        return
    session = worker.session
    call = ("claim", session, min(scope.rules.slots, free))

    def start(after: State, reply: Any) -> State:
        return _set(begun(after, session, reply), number, w.claimed(worker, session, reply))

    yield from send(state, scope, name_of(number), call, start)
    if (spent := spend(state, scope, "slow claim")) is not None:
        server, reply = run(spent.server, call, scope.rules)
        after = _set(spent._replace(server=server), number, worker._replace(reply=(session, reply)))
        yield Step(name_of(number), "claim, slowly answered", call, reply), after


def begun(state: State, session: int, reply: Any) -> State:
    """Note which claims were run, for the checks."""
    claims = reply[3] if isinstance(reply, tuple) else ()
    return state._replace(begun=state.begun | {(session, claim[0], claim[1]) for claim in claims})


def hear(state: State, scope: Scope, number: int) -> Steps:
    worker = state.workers[number]
    if worker.reply is not None:
        session, reply = worker.reply
        heard = w.claimed(worker._replace(reply=None), session, reply)
        yield Step(name_of(number), f"hears {reply}"), _set(begun(state, session, reply), number, heard)


def ends(how: str) -> Callable[[State, Scope, int], Steps]:
    def action(state: State, scope: Scope, number: int) -> Steps:
        worker = state.workers[number]
        for entry in w.running(worker):
            if not entry.stop or how == "return":
                what = f"{how} of {entry.task} under {entry.number}" + (f", {entry.stop}" if entry.stop else "")
                yield Step(name_of(number), what), _set(state, number, w.ended(worker, entry, how, scope.rules.flaw))

    return action


def deliver(state: State, scope: Scope, number: int) -> Steps:
    worker = state.workers[number]
    for entry in worker.table:
        if entry.end is not None:
            yield from send(
                state,
                scope,
                name_of(number),
                w.delivery(entry),
                lambda after, _, entry=entry: _set(
                    after, number, w.remove(worker, (entry.task, entry.number), scope.rules.flaw)
                ),
            )


def reconcile(state: State, scope: Scope, number: int) -> Steps:
    """Read and act in one step."""
    worker = state.workers[number]
    if _may_compare(worker, scope):
        yield from _act(_set(state, number, worker._replace(read=w.read(worker, state.server))), scope, number)


def slow_reconcile(state: State, scope: Scope, number: int) -> Steps:
    """Read; others act before this worker does."""
    worker = state.workers[number]
    if _may_compare(worker, scope):
        seen = w.read(worker, state.server)
        yield Step(name_of(number), f"reads {sorted(seen.owned)}"), _set(state, number, worker._replace(read=seen))


def act(state: State, scope: Scope, number: int) -> Steps:
    if state.workers[number].read is not None:
        yield from _act(state, scope, number)


def _may_compare(worker: w.Worker, scope: Scope) -> bool:
    waits = worker.read is not None or (worker.reply is not None and scope.rules.flaw != Flaw.BESIDE_CLAIM)
    return worker.phase == "up" and w.holds(worker) and not waits


def _act(state: State, scope: Scope, number: int) -> Steps:
    worker = state.workers[number]
    seen, flaw = worker.read, scope.rules.flaw
    assert seen is not None
    unknown = [] if flaw == Flaw.NOT_RECONCILED else w.unknown(worker, seen)
    compared = w.compared(worker, seen)
    if not unknown:
        yield Step(name_of(number), "reconcile"), _set(state, number, compared)
        return
    task, token = unknown[0]
    if flaw == Flaw.RUNS_READ:
        begun_now = state._replace(begun=state.begun | {(seen.session, task, token)})
        run_now = w.begin(compared, Entry(task, token, seen.session))
        yield Step(name_of(number), f"runs {task} under {token}"), _set(begun_now, number, run_now)
        return
    for step, after in send(
        state,
        scope,
        name_of(number),
        ("release", seen.session, task, token, False),
        lambda after, _: _set(after, number, compared),
        lambda after: _set(after, number, worker._replace(read=None)),
    ):
        yield step._replace(what=f"reconcile: {step.what}"), after


def lose(state: State, scope: Scope, number: int) -> Steps:
    """worker.py: the lease does not hold."""
    worker = state.workers[number]
    if worker.phase in {"up", "draining"} and not w.holds(worker) and any(e.stop != "lost" for e in w.running(worker)):
        yield Step(name_of(number), "loses its runs"), _set(state, number, w.stopped(worker, "lost", w.running(worker)))


def drain(state: State, scope: Scope, number: int) -> Steps:
    worker = state.workers[number]
    if worker.phase == "up" and worker.reply is None and worker.read is None:
        stopped = w.stopped(worker, "drain", w.running(worker))
        yield Step(name_of(number), "drain"), _set(state, number, stopped._replace(phase="draining"))


def obey(state: State, scope: Scope, number: int) -> Steps:
    """A worker that was told to stop drains; one that was told to be quiet just claims no more."""
    if state.workers[number].order == "stop":
        yield from drain(state, scope, number)


def close(state: State, scope: Scope, number: int) -> Steps:
    """What could not be delivered in time is dropped; the call is repeated until it is answered."""
    worker = state.workers[number]
    if worker.phase == "closing" or (worker.phase == "draining" and not w.running(worker)):
        closing = w.crashed(worker)._replace(phase="closing")
        yield from send(
            _set(state, number, closing),
            scope,
            name_of(number),
            ("close", worker.session),
            lambda after, reply: _set(after, number, closing if reply[0] == "more" else w.crashed(worker)),
        )


def crash(state: State, scope: Scope, number: int) -> Steps:
    worker = state.workers[number]
    if worker.phase != "down":
        dead = tuple(sorted({*state.dead, worker.session}))
        yield Step(name_of(number), "crash"), _set(state._replace(dead=dead), number, w.crashed(worker))


def see_death(state: State, scope: Scope) -> Steps:
    """Its supervisor saw it die."""
    for session in state.dead:
        yield from send(
            state,
            scope,
            "supervisor",
            ("reap", session),
            lambda after, reply, session=session: (
                after if reply[3] else after._replace(dead=tuple(s for s in after.dead if s != session))
            ),
        )


# Anybody, and the surroundings


def anybody(*call: Any) -> Callable[[State, Scope], Steps]:
    return lambda state, scope: send(state, scope, "anybody", call)


def tick(state: State, scope: Scope) -> Steps:
    yield Step("time", "tick"), older(state, 1, scope.rules)


def clock_back(state: State, scope: Scope) -> Steps:
    """Only the server's clock: permits are of the machine's monotonic clock."""
    before = older(state, -1, scope.rules)
    permits = [worker.permit for worker in state.workers]
    workers = tuple(worker._replace(permit=permit) for worker, permit in zip(before.workers, permits, strict=True))
    yield Step("time", "clock back"), before._replace(workers=workers)


def older(state: State, by: int, rules: Rules) -> State:
    """Everything when time has passed: permits are over, outcomes that were not delivered are older too."""
    return state._replace(
        server=shifted(state.server, by, rules),
        replica=state.replica and shifted(state.replica, by, rules),
        workers=tuple(_older_worker(worker, by, rules) for worker in state.workers),
        wire=tuple(tuple(_older_part(part, by, rules) for part in call) for call in state.wire),
    )


def _older_part(part: Any, by: int, rules: Rules) -> Any:
    return older_outcome(part, by, rules) if isinstance(part, Outcome) else part


def _older_worker(worker: w.Worker, by: int, rules: Rules) -> w.Worker:
    table = tuple(
        e._replace(end=e.end._replace(outcome=older_outcome(e.end.outcome, by, rules))) if e.end else e for e in worker.table
    )
    return worker._replace(permit="", table=table)


def arrive(state: State, scope: Scope) -> Steps:
    """A call that was given up arrives; nobody hears its reply."""
    for at, call in enumerate(state.wire):
        server, reply = run(state.server, call, scope.rules)
        wire = (*state.wire[:at], *state.wire[at + 1 :])
        yield Step("network", f"{call[0]} arrives", call, reply, "lost"), state._replace(server=server, wire=wire)


def replicate(state: State, scope: Scope) -> Steps:
    yield Step("replica", "is up to date"), state._replace(replica=state.server)


def failover(state: State, scope: Scope) -> Steps:
    """The replica was behind: what came after is gone. Sessions that are not there yet have never been heard of."""
    if state.replica is not None and state.replica != state.server:
        missing = len(state.server.sessions) - len(state.replica.sessions)
        server = state.replica._replace(sessions=(*state.replica.sessions, *[Session()] * missing), time=state.server.time)
        yield Step("replica", "takes over"), state._replace(server=server, replica=None, failed_over=True)


def replaced(values: tuple[Any, ...], at: int, value: Any) -> tuple[Any, ...]:
    return (*values[:at], value, *values[at + 1 :])


def _set(state: State, number: int, worker: w.Worker) -> State:
    return state._replace(workers=replaced(state.workers, number, worker))


ACTIONS: dict[str, Callable[[State, Scope], Steps]] = {
    "enqueue": enqueue,
    "enqueue later": lambda state, scope: enqueue(state, scope, later=True),
    "enqueue other": lambda state, scope: enqueue(state, scope, "other"),
    "cancel": of_each_task("cancel"),
    "retry": retry,
    "watch": of_each_task("watch"),
    "pause queue": pause_queue,
    "order": order,
    "foreign push": foreign_push,
    "foreign word": foreign_word,
    "foreign pop": foreign_pop,
    "foreign end": foreign_end,
    "boot": of_each_worker(boot),
    "open": of_each_worker(open_session),
    "renew": of_each_worker(renew),
    "claim": of_each_worker(claim),
    "hear": of_each_worker(hear),
    "return": of_each_worker(ends("return")),
    "throw": of_each_worker(ends("throw")),
    "throw at last": of_each_worker(ends("throw at last")),
    "deliver": of_each_worker(deliver),
    "reconcile": of_each_worker(reconcile),
    "slow reconcile": of_each_worker(slow_reconcile),
    "act": of_each_worker(act),
    "lose": of_each_worker(lose),
    "drain": of_each_worker(drain),
    "obey": of_each_worker(obey),
    "close": of_each_worker(close),
    "crash": of_each_worker(crash),
    "see death": see_death,
    "reap": anybody("reap", None),
    "promote": anybody("promote"),
    "trim": anybody("trim"),
    "tick": tick,
    "clock back": clock_back,
    "arrive": arrive,
    "replicate": replicate,
    "failover": failover,
}
