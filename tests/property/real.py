"""The real scripts behind the same methods, arguments and replies as the model's: plain values in, plain values out."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis

from lineshaft.broker.broker import Broker, NewTask, Return, Try
from lineshaft.broker.connection import Connection
from lineshaft.errors import DamagedRecordError, ServerFullError
from lineshaft.protocol.keys import Keys
from lineshaft.protocol.reply import Ended
from lineshaft.settings import Settings

from .model import New
from .store import Full, Refused

# Every key in one round trip: name, type, whether it expires, value.
KEYSPACE = """
local read = {
  string = function(key) return redis.call('GET', key) end,
  list = function(key) return redis.call('LRANGE', key, 0, -1) end,
  set = function(key) return redis.call('SMEMBERS', key) end,
  hash = function(key) return redis.call('HGETALL', key) end,
  zset = function(key) return redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end,
}
local found = {}
for n, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key).ok
  found[n] = { key, kind, redis.call('PTTL', key) >= 0 and 1 or 0, read[kind](key) }
end
return found
"""
VALUES = {
    "string": lambda text: text,
    "list": lambda texts: texts,
    "set": set,
    "hash": lambda pairs: dict(zip(pairs[::2], pairs[1::2], strict=True)),
    "zset": lambda pairs: dict(zip(pairs[::2], map(float, pairs[1::2]), strict=True)),
}


class Real:
    """One shard of a server that nobody else uses."""

    def __init__(self, runner: asyncio.Runner, connection: Connection, raw: redis.Redis) -> None:
        self.runner, self.raw = runner, raw
        self.connection = connection
        self.read_all = raw.register_script(KEYSPACE)
        self.broker: Broker

    def begin(self, namespace: str, settings: Settings) -> None:
        """Empty the server."""
        self.raw.flushall()
        self.broker = Broker(self.connection, Keys(namespace), settings)

    def call(self, name: str, *arguments: Any, **options: Any) -> Any:
        try:
            return self.runner.run(getattr(self.broker, name)(*arguments, **options))
        except DamagedRecordError as error:
            raise Refused(str(error)) from error
        except ServerFullError as error:
            raise Full(str(error)) from error

    def keyspace(self) -> dict[str, tuple[str, Any, bool]]:
        """Every key: name -> (type, value, whether it expires)."""
        return {name: (kind, VALUES[kind](value), bool(expires)) for name, kind, expires, value in self.read_all()}

    @contextmanager
    def memory(self, *, is_full: bool) -> Iterator[None]:
        """Have the server be at its memory limit while the block runs."""
        if is_full:
            self.raw.config_set("maxmemory", 1)
        yield
        if is_full:
            self.raw.config_set("maxmemory", 0)

    def open(self, session: str, lease_ms: int, record: dict[str, Any]) -> str:
        return self.call("open", session, lease_ms / 1000, record)

    def close(self, session: str) -> int:
        return self.call("close", session)

    def renew(self, leases: dict[str, int]) -> dict[str, tuple[str, set[str]] | None]:
        answers = self.call("renew", {session: lease_ms / 1000 for session, lease_ms in leases.items()})
        return {session: renewed and (renewed.order, set(renewed.to_stop)) for session, renewed in answers.items()}

    def order(self, session: str, order: str) -> str:
        return self.call("order", session, order)

    def reap(self, died: str = "") -> tuple[str | None, int, bool]:
        emptied = self.call("reap", died)
        return emptied.session, emptied.freed, emptied.more

    def enqueue(self, tasks: list[New]) -> list[str]:
        new = [NewTask(t.task_id, t.queue, t.envelope.encode(), t.delay_ms, t.keep_digest) for t in tasks]
        return self.call("enqueue", new)

    def claim(self, session: str, slots: int, queues: list[str], look_ms: int | None) -> Any:
        claimed = self.call("claim", session, slots, queues, look_around=look_ms is not None)
        if isinstance(claimed, str):
            return claimed
        claims = [
            (c.task_id, c.token.decode(), c.envelope and c.envelope.decode(), c.failed_tries, c.crashes)
            for c in claimed.claims
        ]  # fmt: skip
        seen = claimed.around
        around = seen and (seen.next_due_ms, seen.sessions_to_look_at, seen.queues_known)
        return claimed.number, claimed.more, claims, around

    def finish(self, session: str, ends: list[tuple[str, str, str]]) -> list[str]:
        return self.call("finish", session, [(i, token.encode(), outcome.encode()) for i, token, outcome in ends])

    def fail(self, session: str, tries: list[tuple[str, str, str, int | None, str]]) -> list[str]:
        return self.call("fail", session, [Try(i, t.encode(), e.encode(), ms, o.encode()) for i, t, e, ms, o in tries])

    def release(self, session: str, returns: list[tuple[str, str, int | None, str, int]]) -> list[str]:
        return self.call("release", session, [Return(i, t.encode(), ms, n.encode(), k) for i, t, ms, n, k in returns])

    def promote(self, queues: list[str]) -> tuple[int, int | None, bool]:
        promoted = self.call("promote", queues)
        return promoted.ready, promoted.next_due_ms, promoted.more

    def cancel(self, task_id: str) -> str:
        return self.call("cancel", task_id)

    def retry(self, task_id: str, queue: str, seen: int) -> str:
        return self.call("retry", task_id, queue, seen)

    def pause(self, queue: str) -> str:
        return self.call("pause", queue)

    def resume(self, queue: str) -> str:
        return self.call("resume", queue)

    def watch(self, channel: str, task_ids: list[str]) -> list[Any]:
        answers = self.call("watch", channel, task_ids)
        return [(a.status, a.outcome and a.outcome.decode()) if isinstance(a, Ended) else a for a in answers]


class Listener:
    """Every message that is published on the server."""

    MARK = "end-of-step"

    def __init__(self, raw: redis.Redis) -> None:
        self.raw = raw
        self.pubsub = raw.pubsub()
        self.pubsub.psubscribe("*")
        self.pubsub.get_message(timeout=5)

    def heard(self) -> list[tuple[str, str]]:
        """What was published since the last time, as (channel, message)."""
        self.raw.publish(self.MARK, "")
        return list(self._until_mark())

    def _until_mark(self) -> Iterator[tuple[str, str]]:
        while (message := self.pubsub.get_message(timeout=5)) is None or message["channel"] != self.MARK:
            assert message is not None, "the mark that was published does not arrive"
            yield message["channel"], message["data"]
