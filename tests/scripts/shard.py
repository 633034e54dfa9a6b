"""One shard under test: seeds its keys directly, runs scripts at a time the test sets, and tells what each call changed."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from lineshaft.protocol import wire
from lineshaft.protocol.keys import DEFAULT_QUEUE, Keys

from .keyspace import Changes, Stored, changes, fields, snapshot

NOW_MS = 1_700_000_000_000
LEASE_MS = 15_000
DAY_MS = 86_400_000


def envelope_of(task_id: str, queue: str = DEFAULT_QUEUE) -> bytes:
    """An envelope whose content, and so whose digest, is this id's own."""
    return wire.encode_envelope("demo.echo", queue, b'["%b"]' % task_id.encode(), b"{}", NOW_MS - 1000, 0)


def digest_of(envelope: bytes) -> str:
    return envelope[wire.DIGEST_SLICE].decode()


def done_outcome(value: bytes = b"1", ended_ms: int = NOW_MS, session: str = "s") -> bytes:
    return wire.encode_done(ended_ms, ended_ms - 5, session, 1, 0, value)


def bare_outcome(ended_ms: int = NOW_MS) -> str:
    """What a script writes for a task that it ends by itself."""
    return f'{{"v":1,"ended_ms":{ended_ms}}}'


class Shard:
    """See the module."""

    def __init__(self, raw: redis.Redis, make_broker: Callable[..., Any], namespace: str = "", **settings: Any) -> None:
        self.raw = raw
        self.keys = Keys(namespace)
        self.broker = make_broker(namespace, now_ms=NOW_MS, **settings)

    @property
    def now_ms(self) -> int:
        return self.broker.now_ms

    def pass_ms(self, ms: int) -> None:
        """Let time pass for the scripts."""
        self.broker.now_ms += ms

    def observe(self, call: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[Any, Changes]:
        """Make a call: its reply, and every key of the server that is not as it was."""
        before = snapshot(self.raw)
        reply = call(*arguments, **options)
        return reply, changes(before, snapshot(self.raw))

    def refused(self, error: type[Exception], call: Callable[..., Any], *arguments: Any) -> Changes:
        """Make a call that raises; every key of the server that is not as it was."""
        before = snapshot(self.raw)
        with pytest.raises(error):
            call(*arguments)
        return changes(before, snapshot(self.raw))

    def counted(self, **counters: int) -> Changes:
        """The counters of this minute, for the changes that are expected."""
        return {self.keys.stats(self.now_ms // 60_000): fields(counters, expires=True)}

    # Seeding. Nothing here runs a script, so a script's test rests on no other script.

    @contextlib.contextmanager
    def seeded_at_once(self) -> Iterator[None]:
        """Send what the block seeds in one go."""
        raw = self.raw
        with raw.pipeline() as self.raw:
            yield
            self.raw.execute()
        self.raw = raw

    def session(self, session: str = "s", lease_ms: int = LEASE_MS, *, over_for_ms: int | None = None) -> None:
        """A session that is open, or whose lease has been over for a while."""
        lease_end = self.now_ms + lease_ms if over_for_ms is None else self.now_ms - over_for_ms
        self.raw.zadd(self.keys.sessions, {session: lease_end})
        self.raw.hset(self.keys.session(session), mapping={"host": "mill", "lease_ms": lease_ms})

    def record(self, task_id: str, word: str, queue: str = DEFAULT_QUEUE) -> None:
        """Envelope and word, and nothing that says where the task is."""
        self.raw.mset({self.keys.envelope(task_id): envelope_of(task_id, queue), self.keys.status(task_id): word})

    def ready(self, *task_ids: str, queue: str = DEFAULT_QUEUE, word: str = "pending") -> None:
        """Ready tasks, enqueued in this order: the first is the oldest."""
        for task_id in task_ids:
            self.record(task_id, word, queue)
            self.raw.lpush(self.keys.ready(queue), task_id)
        self.raw.sadd(self.keys.queues, queue)

    def scheduled(self, *task_ids: str, due_ms: int, queue: str = DEFAULT_QUEUE) -> None:
        for task_id in task_ids:
            self.record(task_id, "scheduled", queue)
            self.raw.zadd(self.keys.due(queue), {task_id: due_ms})
        self.raw.sadd(self.keys.queues, queue)

    def claimed(
        self, *task_ids: str, session: str = "s", number: int = 7, queue: str = DEFAULT_QUEUE, word: str = "in-progress"
    ) -> bytes:
        """Tasks in progress; gives the token they are held under."""
        token = f"{number}:{queue}"
        for task_id in task_ids:
            self.record(task_id, word, queue)
        self.raw.hset(self.keys.owned(session), mapping=dict.fromkeys(task_ids, token))
        self.raw.sadd(self.keys.queues, queue)
        return token.encode()

    def ended(self, *task_ids: str, word: str, ended_ms: int) -> None:
        """Ended tasks, in the order of their ends."""
        for task_id in task_ids:
            self.record(task_id, word)
            self.raw.set(self.keys.result(task_id), done_outcome(ended_ms=ended_ms))
            self.raw.lpush(self.keys.ended(word), task_id)

    @contextlib.contextmanager
    def listening(self, *channels: str) -> Iterator[list[tuple[str, str]]]:
        """The messages that arrive on channels while the block runs, as (channel, message), filled in at its end."""
        messages: list[tuple[str, str]] = []
        with self.raw.pubsub() as pubsub:
            pubsub.subscribe(*channels)
            for _ in channels:
                pubsub.get_message(timeout=5)
            yield messages
            self.raw.publish(channels[0], "end")
            while (message := pubsub.get_message(timeout=5)) and message["data"] != "end":
                messages.append((message["channel"], message["data"]))


def without(found: Changes, *names: str) -> dict[str, Stored | None]:
    """Changes, less those of keys that a repeat touches rightly."""
    return {name: stored for name, stored in found.items() if name not in names}
