"""How much of what there is: tasks by status and by queue, and how fast they come and go. Bounded reads, nothing is scanned."""

from dataclasses import dataclass

from lineshaft.broker.connection import Connection
from lineshaft.inspection.inspector import Inspector, QueueCounts
from lineshaft.model.lifecycle import Status
from lineshaft.protocol.keys import ENDED_STATES, Keys

MINUTES = 5  # over which rates are taken, the present one included
RATES: tuple[str, ...] = ("enqueued", "claimed", "done", "failed", "retried", "crashed", "cancelled")


@dataclass(frozen=True)
class Statistics:
    """Tasks by status word, the queues, and what was counted in the last MINUTES minutes, also as numbers a second.

    `states` counts records that are kept, so `done` falls when history is trimmed; `rates` and `counted` count what happened.
    `counted` has what was counted in each minute since the epoch, the present one first.
    """

    states: dict[str, int]
    queues: list[QueueCounts]
    rates: dict[str, float]
    counted: dict[int, dict[str, int]]
    live_sessions: int


@dataclass(frozen=True)
class Counted:
    """What was counted lately: by the minute since the epoch, the present one first; `now_ms` is the server's time."""

    now_ms: int
    minutes: dict[int, dict[str, int]]


class Counters:
    """Reads one shard over one connection. Every method may raise what `Connection.call` raises."""

    def __init__(self, connection: Connection, keys: Keys, inspector: Inspector) -> None:
        self._connection = connection
        self._keys = keys
        self._inspector = inspector

    async def statistics(self) -> Statistics:
        """All counts as they are now."""
        keys, queues = self._keys, await self._inspector.queues()
        counted = await self.counted()
        *ended, live = await self._connection.calls([
            *(("LLEN", keys.ended(state)) for state in ENDED_STATES),
            ("ZCOUNT", keys.sessions, counted.now_ms, "+inf"),
        ])  # fmt: skip
        span_s = 60 * (MINUTES - 1) + counted.now_ms // 1000 % 60 + 1
        return Statistics(
            states={
                Status.SCHEDULED: sum(counts.scheduled for counts in queues),
                Status.PENDING: sum(counts.ready for counts in queues),
                Status.IN_PROGRESS: sum(counts.in_progress for counts in queues),
                **dict(zip(ENDED_STATES, ended, strict=True)),
            },
            queues=queues,
            rates={name: sum(counts[name] for counts in counted.minutes.values()) / span_s for name in RATES},
            counted=counted.minutes,
            live_sessions=live,
        )

    async def counted(self) -> Counted:
        """The counters of the last MINUTES minutes, each of RATES by its name; two readings tell what came between them."""
        seconds, microseconds = await self._connection.call("TIME")
        minutes = [int(seconds) // 60 - ago for ago in range(MINUTES)]
        rows = await self._connection.calls([("HMGET", self._keys.stats(minute), *RATES) for minute in minutes])
        counts = [dict(zip(RATES, (int(count or 0) for count in row), strict=True)) for row in rows]
        return Counted(int(seconds) * 1000 + int(microseconds) // 1000, dict(zip(minutes, counts, strict=True)))
