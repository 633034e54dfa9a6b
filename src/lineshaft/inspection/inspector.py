"""The read side: what there is, for people and programs that look. Changes nothing, and never scans."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

from lineshaft.broker.connection import Connection, Part
from lineshaft.errors import TaskNotFoundError
from lineshaft.protocol import wire
from lineshaft.protocol.keys import DEFAULT_QUEUE, Keys, is_task_id

SESSIONS_AT_MOST = 10_000
PAGE = 500


@dataclass(frozen=True)
class Claim:
    """Which session runs a task, and since when."""

    session: str
    started_ms: int


@dataclass(frozen=True)
class TaskRecord:
    """All that is kept of one task. A foreign task has no envelope; what has not ended has no outcome.

    `session` and `started_ms` are of the run that goes on, or of the last one of a task that has ended; `due_ms` says when one
    that is scheduled becomes ready.
    """

    task_id: str
    status: str
    envelope: Any
    outcome: Any
    attempts: list[Any]
    tries: int
    crashes: int
    started_ms: int | None
    session: str | None
    due_ms: int | None = None


@dataclass(frozen=True)
class QueueCounts:
    """How many tasks of one queue are where."""

    queue: str
    ready: int
    scheduled: int
    in_progress: int
    paused: bool


@dataclass(frozen=True)
class WorkerInfo:
    """One session, and how many tasks it runs; quiet: it was told to claim nothing more, or to stop."""

    session: str
    pid: int
    host: str
    queues: list[str]
    running: int
    started_ms: int
    quiet: bool = False


class Inspector:
    """Reads one shard over one connection. Every method may raise what `Connection.call` raises."""

    def __init__(self, connection: Connection, keys: Keys) -> None:
        self._connection = connection
        self._keys = keys

    async def ping(self) -> None:
        """Ask the server whether it is there and takes writes; a replica, or one that cannot save, does not.

        The write changes nothing, fits a key of any type, and is not refused when memory is full.
        """
        await self._connection.call("PERSIST", self._keys.task_queue)

    async def status(self, task_id: str) -> str | None:
        """The status word, or None when there is no such task."""
        (word,) = await self._connection.call("MGET", self._keys.status(task_id))
        return None if word is None else word.decode(errors="replace")

    async def statuses(self, task_ids: list[str]) -> list[str | None]:
        """The status words of several tasks."""
        words = await self._connection.call("MGET", *(self._keys.status(task_id) for task_id in task_ids))
        return [None if word is None else word.decode(errors="replace") for word in words]

    async def task(self, task_id: str) -> TaskRecord:
        """All that is kept of one task.

        Raises:
            TaskNotFoundError: there is nothing under that id.
            DamagedRecordError, UnsupportedVersionError: what there is cannot be read.
        """
        if not is_task_id(task_id):
            raise TaskNotFoundError(f"there is no task {task_id!r}: an id is 1 to 64 of 0-9, A-Z, a-z, _ and -")
        keys = self._keys
        strings, attempts, tries, crashes = await self._connection.calls([
            ("MGET", keys.status(task_id), keys.envelope(task_id), keys.result(task_id)),
            ("LRANGE", keys.attempts(task_id), 0, -1),
            ("HGET", keys.tries, task_id),
            ("HGET", keys.crashes, task_id),
        ])  # fmt: skip
        word, envelope, result = strings
        if word is None:
            raise TaskNotFoundError(f"there is no task {task_id!r}: it never was, or its record was trimmed after its time")
        described = wire.decode_envelope(envelope) if envelope else None
        outcome = wire.decode_outcome(result) if result else None
        queue = described.queue if described else DEFAULT_QUEUE
        due_ms = await self._due_ms(task_id, queue) if word == b"scheduled" else None
        run = outcome or (await self._claim(task_id) if word == b"in-progress" else None)
        tried = int(tries or 0) + (word == b"in-progress")
        if outcome is not None:
            tried = outcome.tries if outcome.tries is not None else sum(b'"try_number":' in attempt for attempt in attempts)
        return TaskRecord(
            task_id=task_id,
            status=word.decode(),
            envelope=described,
            outcome=outcome,
            attempts=[wire.decode_attempt(attempt) for attempt in attempts],
            tries=tried,
            crashes=outcome.crashes if outcome is not None else int(crashes or 0),
            started_ms=run.started_ms if run else None,
            session=run.session if run else None,
            due_ms=due_ms,
        )

    async def before_retry(self, task_id: str) -> tuple[str | None, str, int]:
        """What a retry by hand must know: the status word, the queue, and how many attempts are kept.

        Raises:
            DamagedRecordError, UnsupportedVersionError: its envelope cannot be read.
        """
        strings, attempts = await self._connection.calls([
            ("MGET", self._keys.status(task_id), self._keys.envelope(task_id)),
            ("LLEN", self._keys.attempts(task_id)),
        ])  # fmt: skip
        word, envelope = strings
        queue = wire.decode_envelope(envelope).queue if envelope else DEFAULT_QUEUE
        return None if word is None else word.decode(errors="replace"), queue, attempts

    async def used_queues(self) -> list[str]:
        """The default queue, and the others that ever had a task."""
        return default_first(await self._connection.call("SMEMBERS", self._keys.queues))

    async def queue_names(self) -> list[str]:
        """The queues that ever had a task or are paused, the default one first."""
        return default_first(await self._connection.call("SUNION", self._keys.queues, self._keys.paused))

    async def queues(self) -> list[QueueCounts]:
        """How many tasks of each queue are where."""
        names = await self.queue_names()
        commands: list[tuple[Part, ...]] = []
        for name in names:
            commands += [
                ("LLEN", self._keys.ready(name)),
                ("ZCARD", self._keys.due(name)),
                ("SISMEMBER", self._keys.paused, name),
            ]
        counts = await self._connection.calls(commands)
        in_progress = await self._in_progress()
        return [
            QueueCounts(name, counts[3 * n], counts[3 * n + 1], in_progress.get(name, 0), bool(counts[3 * n + 2]))
            for n, name in enumerate(names)
        ]

    async def not_started(self, queue: str) -> AsyncIterator[list[str]]:
        """The tasks of a queue that are due later or ready, in slices: those that stand there when they are passed.

        Both are walked from the end where new ones come in, so none is passed over; one may come twice.
        """
        keys = self._keys
        for command, key, word in (("ZREVRANGE", keys.due(queue), "scheduled"), ("LRANGE", keys.ready(queue), "pending")):
            start = 0
            while found := await self._connection.call(command, key, start, start + PAGE - 1):
                ids = [task_id.decode(errors="replace") for task_id in found]
                words = await self.statuses(ids)
                yield [task_id for task_id, stands in zip(ids, words, strict=True) if stands == word]
                start += PAGE

    async def workers(self) -> list[WorkerInfo]:
        """The sessions that are open, and how many tasks each runs."""
        sessions = await self._sessions()
        commands: list[tuple[Part, ...]] = []
        for session in sessions:
            commands += [("HGETALL", self._keys.session(session)), ("HLEN", self._keys.owned(session))]
        replies = await self._connection.calls(commands)
        found: list[WorkerInfo] = []
        for n, session in enumerate(sessions):
            record = {key.decode(): value.decode() for key, value in replies[2 * n].items()}
            queues = [name for name in record.get("queues", "").split(",") if name]
            found.append(
                WorkerInfo(
                    session=session,
                    pid=int(record.get("pid", 0)),
                    host=record.get("host", ""),
                    queues=queues,
                    running=replies[2 * n + 1],
                    started_ms=int(record.get("started_ms", 0)),
                    quiet="order" in record,
                )
            )
        return found

    async def owned(self, session: str) -> dict[str, bytes]:
        """What a session has claimed: id -> claim token."""
        claims = await self._connection.call("HGETALL", self._keys.owned(session))
        return {task_id.decode(): token for task_id, token in claims.items()}

    async def claims(self) -> dict[str, Claim]:
        """What all sessions have claimed, those that are being emptied too, by the task's id."""
        suspects = await self._connection.call("HKEYS", self._keys.suspects)
        sessions = sorted({*await self._sessions(), *(name.decode() for name in suspects)})
        owned = await self._connection.calls([("HGETALL", self._keys.owned(session)) for session in sessions])
        return {
            task_id.decode(): claim_of(session, token)
            for session, tokens in zip(sessions, owned, strict=True)
            for task_id, token in tokens.items()
        }

    async def is_cancelling(self, task_ids: list[str]) -> list[bool]:
        """Whether these tasks were asked to stop."""
        marks = await self._connection.call("SMISMEMBER", self._keys.cancelling, *task_ids)
        return [bool(mark) for mark in marks]

    async def is_burst_over(self, queues: list[str]) -> bool:
        """Whether nothing is ready, due later or in progress in any of these queues, and no session is being emptied."""
        marks = await self._connection.call("HVALS", self._keys.suspects)
        if not {b"crashed", b"closed"}.isdisjoint(marks):
            return False
        wanted = set(queues)
        counted = [counts for counts in await self.queues() if counts.queue in wanted]
        if any(counts.ready or counts.in_progress for counts in counted):
            return False
        return not any([await self._has_scheduled(counts.queue) for counts in counted if counts.scheduled])

    async def _has_scheduled(self, queue: str) -> bool:
        """Whether any entry of a due set is of a task that is still to run: a cancelled one leaves its entry behind."""
        start = 0
        while ids := await self._connection.call("ZRANGE", self._keys.due(queue), start, start + PAGE - 1):
            if "scheduled" in await self.statuses([task_id.decode() for task_id in ids]):
                return True
            start += PAGE
        return False

    async def _sessions(self) -> list[str]:
        names = await self._connection.call("ZRANGE", self._keys.sessions, 0, SESSIONS_AT_MOST - 1)
        return [name.decode() for name in names]

    async def _in_progress(self) -> dict[str, int]:
        owned = await self._connection.calls([("HVALS", self._keys.owned(session)) for session in await self._sessions()])
        counts: dict[str, int] = {}
        for tokens in owned:
            for token in tokens:
                queue = token.partition(b":")[2].decode()
                counts[queue] = counts.get(queue, 0) + 1
        return counts

    async def _due_ms(self, task_id: str, queue: str) -> int | None:
        """When a task becomes ready; None where it has become so meanwhile."""
        score = await self._connection.call("ZSCORE", self._keys.due(queue), task_id)
        return None if score is None else int(score)

    async def _claim(self, task_id: str) -> Claim | None:
        """The claim of the present run: the newest, if several sessions have one."""
        sessions = await self._sessions()
        tokens = await self._connection.calls([("HGET", self._keys.owned(session), task_id) for session in sessions])
        held = [claim_of(session, token) for session, token in zip(sessions, tokens, strict=True) if token]
        return max(held, key=lambda claim: claim.started_ms, default=None)


def default_first(names: Iterable[bytes]) -> list[str]:
    """Names of queues in order; the default one is always there."""
    return [DEFAULT_QUEUE, *sorted({name.decode() for name in names} - {DEFAULT_QUEUE})]


def claim_of(session: str, token: bytes) -> Claim:
    """What a claim token says: its number is the server's time in us."""
    return Claim(session, int(token.partition(b":")[0]) // 1000)
