"""One method per script: the only way in which the state of a shard is changed.

Every method may raise what `Connection.call` raises. None sends anything twice, except the source of a script that the
server did not know, which it had not run.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from lineshaft.broker.connection import Connection, Part, ScriptUnknownError
from lineshaft.protocol import loader, reply
from lineshaft.protocol.keys import Keys
from lineshaft.settings import Settings
from lineshaft.telemetry import Signals

BATCH = 500  # most tasks that one call of a script takes
SERVER_TIME = ""


class NewTask(msgspec.Struct, frozen=True, gc=False):
    """A task to enqueue. `delay_ms` None is ready now; `keep_digest` remembers the id beyond the record."""

    task_id: str
    queue: str
    envelope: bytes
    delay_ms: int | None = None
    keep_digest: bool = False


class Try(msgspec.Struct, frozen=True, gc=False):
    """A try that failed. `delay_ms` None: it was the last."""

    task_id: str
    token: bytes
    attempt: bytes
    delay_ms: int | None
    outcome: bytes


class Return(msgspec.Struct, frozen=True, gc=False):
    """A claim to hand back uncounted; with a delay it becomes ready later.

    `note` is a failure as JSON that says why; it is kept once. It is not taken back for longer than `note_kept_ms`.
    """

    task_id: str
    token: bytes
    delay_ms: int | None = None
    note: bytes = b""
    note_kept_ms: int = 0


def ms(seconds: float) -> int:
    """Seconds as whole milliseconds."""
    return round(seconds * 1000)


def _or_nothing(number: int | None) -> Part:
    """A number that may be missing, as scripts read it."""
    return "" if number is None else number


class Broker:
    """The scripts of one shard over one connection.

    Args:
        connection: the calls go out on it, one at a time.
        keys: the shard.
        settings: the bounds that scripts are given.
        now: a time in us to use in place of the server's, for tests.

    Attributes:
        signals: each answer of a script is a moment, named like the script.
    """

    def __init__(self, connection: Connection, keys: Keys, settings: Settings, now: str = SERVER_TIME) -> None:
        self.connection = connection
        self.keys = keys
        self.settings = settings
        self.now = now
        self.signals = Signals()
        self._done_bounds: tuple[Part, Part] = (settings.done_kept, ms(settings.done_kept_s))
        self._ended_bounds: tuple[Part, Part] = (settings.ended_kept, ms(settings.ended_kept_s))

    async def run(self, name: str, *arguments: Part, timeout_s: float | None = None) -> Any:
        """Run a script by its SHA-1, or by its source where the server does not hold it."""
        script = loader.load(name)
        call = self.connection.call
        try:
            answer = await call("EVALSHA", script.sha, 1, self.keys.task_queue, *arguments, timeout_s=timeout_s)
        except ScriptUnknownError:
            answer = await call("EVAL", script.source, 1, self.keys.task_queue, *arguments, timeout_s=timeout_s)
        self.signals.emit(name)
        return answer

    async def open(self, session: str, lease_s: float, record: dict[str, Part]) -> str:
        """Begin a session: "opened", "repeat" or "gone"."""
        fields = [part for field in record.items() for part in field]
        return reply.word(await self.run("open", self.now, session, ms(lease_s), *fields))

    async def close(self, session: str) -> int:
        """End a session cleanly and put back what it still owns; gives how many claims that freed."""
        freed = 0
        while True:
            closed = reply.closed(await self.run("close", self.now, session, *self._ended_bounds))
            freed += closed.freed
            if not closed.more:
                return freed

    async def enqueue(self, tasks: Sequence[NewTask], timeout_s: float | None = None) -> list[str]:
        """Accept at most BATCH tasks: "created", "same", "conflict" or "damaged" for each."""
        arguments: list[Part] = []
        for task in tasks:
            keep = "1" if task.keep_digest else ""
            arguments += (task.task_id, task.queue, _or_nothing(task.delay_ms), keep, task.envelope)
        answer = await self.run("enqueue", self.now, ms(self.settings.digest_kept_s), *arguments, timeout_s=timeout_s)
        return reply.words(answer, len(tasks))

    async def claim(
        self, session: str, slots: int, queues: Sequence[str], *, look_around: bool = False
    ) -> reply.Claimed | reply.Refusal:
        """Take at most `slots` ready tasks, and look around if asked to."""
        look: Part = ms(self.settings.lease_s) if look_around else ""
        return reply.claimed(await self.run("claim", self.now, session, min(slots, BATCH), look, *queues))

    async def finish(self, session: str, ends: Sequence[tuple[str, bytes, bytes]]) -> list[str]:
        """End claims (id, token, outcome) with results: "done", "repeat" or "lost" for each. None at all only trims."""
        arguments = [part for end in ends for part in end]
        return reply.words(await self.run("finish", self.now, session, *self._done_bounds, *arguments), len(ends))

    async def fail(self, session: str, tries: Sequence[Try]) -> list[str]:
        """End tries that failed: "scheduled", "failed", "cancelled", "freed", "repeat", "lost" or "damaged" for each."""
        arguments: list[Part] = []
        for item in tries:
            arguments += (item.task_id, item.token, item.attempt, _or_nothing(item.delay_ms), item.outcome)
        return reply.words(await self.run("fail", self.now, session, *self._ended_bounds, *arguments), len(tries))

    async def release(self, session: str, returns: Sequence[Return]) -> list[str]:
        """Hand claims back uncounted: "released", "cancelled", "freed", "lost", "overdue" or "damaged" for each."""
        arguments: list[Part] = []
        for item in returns:
            arguments += (item.task_id, item.token, _or_nothing(item.delay_ms), item.note, item.note_kept_ms)
        return reply.words(await self.run("release", self.now, session, *self._ended_bounds, *arguments), len(returns))

    async def renew(self, leases: dict[str, float], timeout_s: float | None = None) -> dict[str, reply.Renewed | None]:
        """Lengthen leases (session -> seconds): what each session hears, or None for one that has gone."""
        arguments = [part for session, lease_s in leases.items() for part in (session, ms(lease_s))]
        answers = reply.renewed(await self.run("renew", self.now, *arguments, timeout_s=timeout_s))
        return dict(zip(leases, answers, strict=True))

    async def order(self, session: str, order: str) -> str:
        """Tell a worker "quiet" or "stop": the order that stands from now on, or "gone"."""
        return reply.word(await self.run("order", session, order))

    async def reap(self, died: str = "") -> reply.Emptied:
        """Look for sessions that are over, or empty the one whose process was seen to die."""
        gap, crashes = ms(self.settings.look_gap_s), self.settings.max_crashes
        return reply.reaped(await self.run("reap", self.now, gap, crashes, *self._ended_bounds, died))

    async def promote(self, queues: Sequence[str]) -> reply.Promoted:
        """Make due tasks ready, and look again at strays."""
        return reply.promoted(await self.run("promote", self.now, *self._ended_bounds, *queues))

    async def cancel(self, task_id: str) -> str:
        """Cancel: "cancelled", "cancelling", "unknown", or the word the task has ended with."""
        return reply.word(await self.run("cancel", self.now, *self._ended_bounds, task_id))

    async def cancel_many(self, task_ids: Sequence[str]) -> list[str]:
        """Cancel several, each as `cancel` does, in one write; at most BATCH."""
        if not task_ids:
            return []
        first = await self.cancel(task_ids[0])  # from then on the server holds the script
        sha, most, kept_ms = loader.load("cancel").sha, *self._ended_bounds
        calls = [("EVALSHA", sha, 1, self.keys.task_queue, self.now, most, kept_ms, task_id) for task_id in task_ids[1:]]
        try:
            return [first, *(reply.word(answer) for answer in await self.connection.calls(calls))]
        except ScriptUnknownError:  # it has just been made to forget
            return [first, *[await self.cancel(task_id) for task_id in task_ids[1:]]]

    async def retry(self, task_id: str, queue: str, attempts_seen: int) -> str:
        """Run an ended task again: "pending", "stale", "unknown", "damaged", or the word of a task that has not ended."""
        return reply.word(await self.run("retry", self.now, task_id, queue, attempts_seen))

    async def watch(self, channel: str, task_ids: Sequence[str]) -> list[reply.Ended | reply.Watching]:
        """Ask how tasks ended, or be told on the channel when they do."""
        return reply.watched(await self.run("watch", channel, *task_ids))

    async def pause(self, queue: str) -> str:
        """Let nobody claim from a queue: "paused"."""
        return reply.word(await self.run("pause", queue))

    async def resume(self, queue: str) -> str:
        """Let a queue be claimed from again, and wake a worker for it: "resumed"."""
        return reply.word(await self.run("resume", queue))
