"""Pages of tasks, for people and programs that look through many: bounded reads of the lists in which tasks stand.

A page is merged from *places*: the lists of ended ids, each queue's ready list and due set, and what the sessions own. Nothing
is scanned: a page looks at LOOKED_AT ids at most, and where that was not enough its cursor says where to go on.
"""

import base64
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any, TypeVar

import msgspec

from lineshaft.broker.connection import Connection, Part
from lineshaft.errors import ConfigurationError, LineshaftError
from lineshaft.inspection.inspector import Inspector
from lineshaft.model.lifecycle import Status
from lineshaft.model.outcome import Outcome
from lineshaft.model.task import Envelope
from lineshaft.protocol import wire
from lineshaft.protocol.keys import DEFAULT_QUEUE, ENDED_STATES, Keys, is_queue_name, is_task_id

LOOKED_AT = 1000  # most ids that one page looks at
AT_ONCE = 50  # records in one read: they may be large
MOVED = 10_000  # how much further on the last id of a page is looked for, where new ones came in before it

Record = TypeVar("Record")


@dataclass(frozen=True)
class Wanted:
    """Which tasks a page is to have: None is all. `foreign_task` is the name under which a task without an envelope runs."""

    status: str | None = None
    queue: str | None = None
    task: str | None = None
    foreign_task: str = ""

    def includes(self, summary: "TaskSummary") -> bool:
        """Whether a task is of the wanted queue and name."""
        envelope = summary.envelope
        queue, task = (envelope.queue, envelope.task) if envelope else (DEFAULT_QUEUE, self.foreign_task)
        return self.queue in {None, queue} and self.task in {None, task}


@dataclass(frozen=True)
class TaskSummary:
    """What a list shows of one task. A foreign task, and one whose record cannot be read, has no envelope.

    `due_ms` says when one that is scheduled becomes ready.
    """

    task_id: str
    status: str
    envelope: Envelope | None
    outcome: Outcome | None
    started_ms: int | None
    session: str | None
    due_ms: int | None = None


@dataclass(frozen=True)
class Page:
    """Tasks, about newest first; `next` is the cursor of the page after it, None where this was the last."""

    items: list[TaskSummary]
    next: str | None


class Position(msgspec.Struct, frozen=True, array_like=True):
    """How far a place was read: how many ids, and the last of them, which tells where that is after others came or went."""

    passed: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    last: str = ""


@dataclass(frozen=True)
class Place:
    """One list, sorted set or hash in which tasks of one status stand. `name` stands in cursors."""

    name: str
    status: str
    key: str


@dataclass(frozen=True)
class Seen:
    """One id that was read at a place: `newest_ms` is the latest time of it and those after it in the same read."""

    summary: TaskSummary
    position: Position
    newest_ms: int


@dataclass
class Shelf:
    """What was read of one place and is not on a page yet.

    Attributes:
        reached: how far the place was read.
        seen: what was read, in the order of the place.
        is_over: whether there is no more.
    """

    place: Place
    reached: Position
    seen: deque[Seen] = field(default_factory=deque[Seen])
    is_over: bool = False

    def take(self, summaries: Sequence[TaskSummary], start: int, *, is_over: bool) -> None:
        """Take what a read from there on gave."""
        self.seen.extend(in_order(summaries, start))
        self.is_over = is_over
        if self.seen:
            self.reached = self.seen[-1].position


class Pages:
    """Reads one shard over one connection. Every method may raise what `Connection.call` raises."""

    def __init__(self, connection: Connection, keys: Keys, inspector: Inspector) -> None:
        self._connection = connection
        self._keys = keys
        self._inspector = inspector

    async def tasks(self, wanted: Wanted, limit: int, cursor: str | None = None) -> Page:
        """A page of at most `limit` tasks, with fewer where LOOKED_AT ids did not hold so many that are wanted.

        A task that changes its status between two pages may be on both or on neither.

        Raises:
            ConfigurationError: there is no such status, no queue can have that name, or the cursor is none that a page gave.
        """
        if wanted.status is not None and wanted.status not in set(Status):
            raise ConfigurationError(f"there is no status {wanted.status!r}: they are {', '.join(Status)}")
        if wanted.queue is not None and not is_queue_name(wanted.queue):
            raise ConfigurationError(
                f"{wanted.queue!r} cannot be the name of a queue: it is 1 to 64 of 0-9, A-Z, a-z, _, . and -"
            )
        positions = decoded(cursor)
        shelves: list[Shelf] = [Shelf(place, positions.get(place.name, Position())) for place in await self._places(wanted)]
        found: dict[str, TaskSummary] = {}
        looked_at = 0
        while len(found) < limit:
            if bare := [shelf for shelf in shelves if not shelf.seen]:
                if looked_at >= LOOKED_AT:
                    break
                looked_at += await self._fill(bare, max(1, min(limit, (LOOKED_AT - looked_at) // len(bare))))
                shelves = [shelf for shelf in shelves if shelf.seen]
            if not shelves:
                break
            shelf = max(shelves, key=lambda one: one.seen[0].newest_ms)
            seen = shelf.seen.popleft()
            positions[shelf.place.name] = seen.position
            if seen.summary.status == shelf.place.status and wanted.includes(seen.summary):
                found[seen.summary.task_id] = seen.summary
            shelves = [shelf for shelf in shelves if shelf.seen or not shelf.is_over]
        return Page(list(found.values()), encoded(positions) if shelves else None)

    async def _places(self, wanted: Wanted) -> list[Place]:
        """Where tasks of the wanted status and queue stand; those that run first, then those that wait."""
        keys = self._keys
        names = await self._inspector.queue_names()
        queues = names if wanted.queue is None else [name for name in names if name == wanted.queue]
        places = [
            Place("owned", Status.IN_PROGRESS, ""),
            *(Place(f"ready:{queue}", Status.PENDING, keys.ready(queue)) for queue in queues),
            *(Place(f"due:{queue}", Status.SCHEDULED, keys.due(queue)) for queue in queues),
            *(Place(f"ended:{state}", state, keys.ended(state)) for state in ENDED_STATES),
        ]
        return [place for place in places if wanted.status in {None, place.status}]

    async def _fill(self, shelves: Sequence[Shelf], amount: int) -> int:
        """Read on at each of these places, at most so many ids; gives how many were read. Few round trips for all of them."""
        lists = [shelf for shelf in shelves if shelf.place.status != Status.IN_PROGRESS]
        starts = await self._starts(lists)
        ranges = [range_of(shelf.place, start, amount) for shelf, start in zip(lists, starts, strict=True)]
        reads = [entries_of(read) for read in await self._connection.calls(ranges)]
        looked = iter(await self._look([task_id for read in reads for task_id, _ in read[:amount]]))
        for shelf, start, read in zip(lists, starts, reads, strict=True):
            summaries = [replace(next(looked), due_ms=due_ms) for _, due_ms in read[:amount]]
            shelf.take(summaries, start, is_over=len(read) <= amount)
        for shelf in shelves:
            if shelf.place.status == Status.IN_PROGRESS:
                await self._fill_claimed(shelf, amount)
        return sum(len(shelf.seen) for shelf in shelves)

    async def _starts(self, shelves: Sequence[Shelf]) -> list[int]:
        """Where to go on at each place: after the last id, or as far as it was if that has gone."""
        known = [shelf for shelf in shelves if shelf.reached.last]
        found = iter(await self._connection.calls([rank_of(shelf.place, shelf.reached) for shelf in known]))
        starts: list[int] = []
        for shelf in shelves:
            at = next(found) if shelf.reached.last else None
            starts.append(shelf.reached.passed if at is None else int(at) + 1)
        return starts

    async def _fill_claimed(self, shelf: Shelf, amount: int) -> None:
        """As `_fill`, with what runs, the newest claims first. All claims are read: as many as all workers have slots."""
        claimed, reached = await self._inspector.claims(), shelf.reached
        ids = sorted(claimed, key=lambda task_id: (-claimed[task_id].started_ms, task_id))
        start = ids.index(reached.last) + 1 if reached.last in claimed else reached.passed
        looked = await self._look(ids[start : start + amount])
        summaries = [replace(summary, **asdict(claimed[summary.task_id])) for summary in looked]
        shelf.take(summaries, start, is_over=start + amount >= len(ids))

    async def _look(self, task_ids: Sequence[str]) -> list[TaskSummary]:
        """What is kept of each id."""
        keys, summaries = self._keys, list[TaskSummary]()
        for first in range(0, len(task_ids), AT_ONCE):
            slice_ = task_ids[first : first + AT_ONCE]
            names = [key for task_id in slice_ for key in (keys.status(task_id), keys.envelope(task_id), keys.result(task_id))]
            stored = await self._connection.call("MGET", *names)
            summaries += [summary_of(task_id, *stored[3 * n : 3 * n + 3]) for n, task_id in enumerate(slice_)]
        return summaries


def rank_of(place: Place, reached: Position) -> tuple[Part, ...]:
    """Asks where the last id that was read stands now."""
    if place.status == Status.SCHEDULED:
        return "ZRANK", place.key, reached.last
    return "LPOS", place.key, reached.last, "MAXLEN", reached.passed + MOVED


def range_of(place: Place, start: int, amount: int) -> tuple[Part, ...]:
    """Asks for so many entries, and one more, which tells whether there are any."""
    if place.status == Status.SCHEDULED:
        return "ZRANGE", place.key, start, start + amount, "WITHSCORES"
    return "LRANGE", place.key, start, start + amount


def entries_of(read: Sequence[Any]) -> list[tuple[str, int | None]]:
    """Ids, and when they are due where that was asked for."""
    pairs = ((entry, None) if isinstance(entry, bytes) else (entry[0], int(entry[1])) for entry in read)
    return [(found.decode(errors="replace"), due_ms) for found, due_ms in pairs]


def summary_of(task_id: str, word: bytes | None, envelope: bytes | None, result: bytes | None) -> TaskSummary:
    """One task from what stands in Redis; what cannot be read is left out."""
    outcome: Outcome | None = read_or_none(wire.decode_outcome, result)
    return TaskSummary(
        task_id=task_id,
        status=(word or b"").decode(errors="replace"),
        envelope=read_or_none(wire.decode_envelope, envelope),
        outcome=outcome,
        started_ms=outcome.started_ms if outcome else None,
        session=outcome.session if outcome else None,
    )


def read_or_none(read: Callable[[bytes], Record], stored: bytes | None) -> Record | None:
    """A record, or None where there is none, or one that is damaged or of a newer version."""
    try:
        return read(stored) if stored else None
    except LineshaftError:
        return None


def in_order(summaries: Sequence[TaskSummary], start: int) -> list[Seen]:
    """The ids of one read with their positions. An old task that stands before newer ones does not hide them."""
    seen: list[Seen] = []
    newest_ms = 0
    for n in reversed(range(len(summaries))):
        newest_ms = max(newest_ms, changed_ms(summaries[n]))
        task_id = summaries[n].task_id
        last = task_id if is_task_id(task_id) else ""
        seen.append(Seen(summaries[n], Position(start + n + 1, last), newest_ms))
    return seen[::-1]


def changed_ms(summary: TaskSummary) -> int:
    """When a task ended, started or was enqueued, whichever was last; 0 where nothing says."""
    if summary.outcome is not None:
        return summary.outcome.ended_ms
    enqueued_ms = summary.envelope.enqueued_ms if summary.envelope else 0
    return max(summary.started_ms or 0, enqueued_ms)


def encoded(positions: dict[str, Position]) -> str:
    """A cursor: opaque to whoever gets it, and safe in a URL."""
    return base64.urlsafe_b64encode(msgspec.json.encode(positions)).decode().rstrip("=")


def decoded(cursor: str | None) -> dict[str, Position]:
    """The positions in a cursor.

    Raises:
        ConfigurationError: it is none that a page gave.
    """
    if cursor is None:
        return {}
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        return msgspec.json.decode(base64.b64decode(padded, b"-_", validate=True), type=dict[str, Position])
    except (ValueError, msgspec.DecodeError):
        raise ConfigurationError("the cursor is none that a page gave as `next`: begin without one") from None
