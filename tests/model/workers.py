"""The worker half: what src/lineshaft/worker does with an answer or without one, as pure functions of one worker.

Keeper, fetcher, executor, finisher and reconciler are one value here; they act at any moment, in any order.
"""

from typing import Any

from .flaws import Flaw
from .state import End, Entry, Outcome, Read, Server, Worker

Call = tuple[Any, ...]
Key = tuple[int, int]

KINDS = {"return": ("finish", "done"), "throw": ("fail", "failed"), "throw at last": ("last", "failed")}
STOPPED = {"cancelled": ("last", "failed"), "drain": ("release", "none")}


def holds(worker: Worker) -> bool:
    """lease.py: whether it may claim, and its tasks may go on."""
    return bool(worker.permit) and not worker.lost


def running(worker: Worker) -> list[Entry]:
    """The runs that have not ended."""
    return [entry for entry in worker.table if entry.end is None]


def keys(worker: Worker) -> set[Key]:
    """All (id, token) pairs of the table."""
    return {(entry.task, entry.number) for entry in worker.table}


def with_table(worker: Worker, entries: list[Entry]) -> Worker:
    """The same with another table; its order says nothing."""
    return worker._replace(table=tuple(sorted(entries, key=lambda entry: entry[:3])))


def claimed(worker: Worker, session: int, reply: Any) -> Worker:
    """fetcher.py and executor.py: start what was claimed; an older run of the same task is lost."""
    if reply == "lost":
        return worker._replace(lost=True)
    if reply == "expired":
        return worker
    for task, number, *_ in reply[3]:
        worker = begin(worker, Entry(task, number, session))
    return worker


def begin(worker: Worker, new: Entry) -> Worker:
    """run.py, Table.add."""
    table = []
    for entry in worker.table:
        if (entry.task, entry.number) != (new.task, new.number):
            lost = entry.task == new.task and entry.end is None
            table.append(entry._replace(stop="lost") if lost else entry)
    return with_table(worker, [*table, new])


def remove(worker: Worker, key: Key, flaw: str) -> Worker:
    """run.py, Table.remove: its end was answered, or is not ours to send."""
    kept = [
        entry
        for entry in worker.table
        if (entry.task, entry.number) != key and not (flaw == Flaw.BY_ID_ALONE and entry.task == key[0])
    ]
    return with_table(worker, kept)


def ended(worker: Worker, entry: Entry, how: str, flaw: str) -> Worker:
    """end.py: what to send for a run that ended; why it was told to stop decides before what it did."""
    if entry.stop == "lost":
        return remove(worker, (entry.task, entry.number), flaw)
    kind, outcome = STOPPED[entry.stop] if entry.stop else KINDS[how]
    end = End(kind, Outcome(outcome, (entry.session, entry.number), 0))
    return with_table(worker, [e._replace(end=end) if e == entry else e for e in worker.table])


def delivery(entry: Entry) -> Call:
    """finisher.py: the call that delivers an end."""
    key, end = (entry.session, entry.task, entry.number), entry.end
    assert end is not None
    if end.kind == "finish":
        return ("finish", *key, end.outcome)
    if end.kind == "release":
        return ("release", *key, False)
    return ("fail", *key, end.outcome, end.kind == "fail")


def renewed(worker: Worker, reply: Any) -> Worker:
    """lease_keeper.py: the permit goes on, what was cancelled stops, an order is heard, or the session has gone."""
    if reply == "lost":
        return worker._replace(lost=True)
    order, to_stop = reply
    renewed = worker._replace(permit="answered", order=order)
    return stopped(renewed, "cancelled", [e for e in running(worker) if e.task in to_stop])


def not_renewed(worker: Worker) -> Worker:
    """lease_keeper.py: nobody can reap while Redis is away, so the permit goes on (ADR 0010)."""
    return worker if worker.permit == "answered" else worker._replace(permit="prolonged")


def stopped(worker: Worker, why: str, entries: list[Entry]) -> Worker:
    """run.py, ask_to_stop: the first reason counts, but a loss overrules every other."""
    told = [
        e._replace(stop=why) if e in entries and e.end is None and (not e.stop or why == "lost") else e for e in worker.table
    ]
    return with_table(worker, told)


def opened(worker: Worker, reply: str, server: Server) -> Worker:
    """lease_keeper.py: the permit counts from the first time that the open was sent."""
    if reply == "gone":
        return worker._replace(phase="down")  # the next boot has a new session
    in_time = server.sessions[worker.session].lease == 0
    return worker._replace(phase="up", permit="answered" if in_time else "", lost=False)


def read(worker: Worker, server: Server) -> Read:
    """reconciler.py: what runs when the read is sent, and what it answers."""
    expected = frozenset((entry.task, entry.number) for entry in running(worker))
    return Read(worker.session, expected, frozenset(server.sessions[worker.session].owned))


def unknown(worker: Worker, seen: Read) -> list[Key]:
    """reconciler.py: claimed for us, and we never heard of it."""
    return sorted(seen.owned - keys(worker))


def compared(worker: Worker, seen: Read) -> Worker:
    """reconciler.py: in the table when the read was sent, and not owned: stopped."""
    gone = seen.expected - seen.owned
    return stopped(worker, "lost", [e for e in worker.table if (e.task, e.number) in gone])._replace(read=None)


def crashed(worker: Worker) -> Worker:
    """Nothing of the process is left."""
    return Worker(session=worker.session)
