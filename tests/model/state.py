"""What a state of the model is: the server's keys, the workers, and what is on the wire. All of it is immutable.

Times are ticks relative to now: 0 is this tick, -1 the one before, 1 the next. They stop at a floor below which nothing
would act differently, so there are finitely many states.
"""

from typing import Any, NamedTuple

LIVE = ("in-progress", "pending")
ENDED = ("done", "failed", "cancelled")


class Outcome(NamedTuple):
    """task:<id>:result. `by` is (session, number) of the run that made it; None where a script did."""

    kind: str
    by: tuple[int, int] | None
    at: int


class Task(NamedTuple):
    """What stands in Redis about one id. An empty word, envelope or digest is an absent key."""

    word: str = ""
    envelope: str = ""
    digest: str = ""
    result: Outcome | None = None
    attempts: tuple[tuple[Any, ...], ...] = ()
    tries: int = 0
    crashes: int = 0
    cancelling: bool = False
    watched: bool = False
    due: int | None = None
    stray: int | None = None


class Session(NamedTuple):
    """`known`: lineshaft:session:<s> exists. `lease`: the tick in which it was last set; None: not in sessions.

    `mark`: its entry in suspects, a tick or "crashed" or "closed". `owned`: (id, claim number), as they were claimed.
    `order`: a field of lineshaft:session:<s>.
    """

    known: bool = False
    lease: int | None = None
    mark: int | str | None = None
    owned: tuple[tuple[int, int], ...] = ()
    order: str = ""


class Server(NamedTuple):
    """One shard. Lists have their left end first; `time` is what TIME gives beyond every claim number so far."""

    tasks: tuple[Task, ...]
    sessions: tuple[Session, ...] = ()
    ready: tuple[int, ...] = ()
    done: tuple[int, ...] = ()
    failed: tuple[int, ...] = ()
    cancelled: tuple[int, ...] = ()
    clock: int = 0
    time: int = 0
    paused: bool = False


class End(NamedTuple):
    """How a run ended and what is sent for it: kind is finish, fail, last (out of tries) or release."""

    kind: str
    outcome: Outcome


class Entry(NamedTuple):
    """One row of a worker's table: its key is (task, number)."""

    task: int
    number: int
    session: int
    stop: str = ""  # why it was told to stop: lost, cancelled or drain
    end: End | None = None


class Read(NamedTuple):
    """A comparison under way: the keys that ran when the read was sent, and what it answered."""

    session: int
    expected: frozenset[tuple[int, int]]
    owned: frozenset[tuple[int, int]]


class Worker(NamedTuple):
    """One worker process with whoever keeps its lease.

    `phase`: down, opening, up, draining or closing. `permit`: "" is over, "answered" by a renewal of this tick, or
    "prolonged" because Redis did not answer. `reply`: of a claim that is still on its way. `order`: what it was told.
    """

    phase: str = "down"
    session: int = -1
    permit: str = ""
    lost: bool = False
    table: tuple[Entry, ...] = ()
    reply: Any = None
    read: Read | None = None
    order: str = ""


class State(NamedTuple):
    """Everything. `left` are the budgets of the scope in its order; the fields after it only serve the checks."""

    server: Server
    workers: tuple[Worker, ...]
    wire: tuple[tuple[Any, ...], ...] = ()  # calls that were given up and may still arrive
    replica: Server | None = None  # an earlier state that a failover falls back to
    dead: tuple[int, ...] = ()  # sessions whose process died
    left: tuple[int, ...] = ()
    begun: frozenset[tuple[int, int, int]] = frozenset()  # (session, task, number) that were run
    foreign: tuple[str, ...] = ()  # by task: "", "worded" or "pushed" by a foreign program, or "taken" by one
    failed_over: bool = False


class Rules(NamedTuple):
    """What the steps of a scope follow: the rule that is left out, bounds, and how far back times are told apart."""

    flaw: str = ""
    kept: int = 99  # records of each ended state
    max_crashes: int = 99
    slice: int = 500  # claims put back by one call
    slots: int = 1  # most that one claim takes
    age_floor: int = 0  # of the ends of tasks
    floor: int = -2  # of leases; one deeper where the clock may go back


def with_task(server: Server, task: int, **values: Any) -> Server:
    """The same with some keys of one task set."""
    tasks = server.tasks
    return server._replace(tasks=(*tasks[:task], tasks[task]._replace(**values), *tasks[task + 1 :]))


def with_session(server: Server, session: int, **values: Any) -> Server:
    """The same with something of one session set."""
    sessions = server.sessions
    changed = sessions[session]._replace(**values)
    return server._replace(sessions=(*sessions[:session], changed, *sessions[session + 1 :]))


def with_worker(state: State, number: int, **values: Any) -> State:
    """The same with something of one worker set."""
    workers = state.workers
    return state._replace(workers=(*workers[:number], workers[number]._replace(**values), *workers[number + 1 :]))


def token_of(server: Server, session: int, task: int) -> int | None:
    """HGET lineshaft:owned:<s> <id>."""
    if session >= len(server.sessions):
        return None
    return next((number for owned, number in server.sessions[session].owned if owned == task), None)


def shifted(server: Server, by: int, rules: Rules) -> Server:
    """The server when `by` ticks have passed; -1 where its clock went back by one."""
    return server._replace(
        tasks=tuple(_older_task(task, by, rules) for task in server.tasks),
        sessions=tuple(_older_session(session, by, rules.floor) for session in server.sessions),
    )


def older_outcome(outcome: Outcome | None, by: int, rules: Rules) -> Outcome | None:
    """An outcome when `by` ticks have passed."""
    return outcome and outcome._replace(at=max(rules.age_floor, outcome.at - by))


def _older_task(task: Task, by: int, rules: Rules) -> Task:
    if task.result is None and task.due is None and task.stray is None:
        return task
    return task._replace(
        result=older_outcome(task.result, by, rules),
        due=None if task.due is None else max(rules.floor + 2, task.due - by),
        stray=None if task.stray is None else max(rules.floor + 1, task.stray - by),
    )


def _older_session(session: Session, by: int, floor: int) -> Session:
    """The floor of a mark keeps whether it is later than the lease."""
    lease, mark = session.lease, session.mark
    if isinstance(mark, int):
        mark = max(floor if lease is not None and mark <= lease else floor + 1, mark - by)
    return session._replace(lease=None if lease is None else max(floor, lease - by), mark=mark)
