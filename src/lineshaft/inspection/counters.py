"""How much of what there is: tasks by status and by queue, and how fast they come and go. Bounded reads, nothing is scanned."""

from dataclasses import dataclass

from lineshaft.broker.connection import Connection
from lineshaft.inspection.inspector import Inspector, QueueCounts
from lineshaft.model.lifecycle import Status
from lineshaft.protocol.keys import ENDED_STATES, Keys

MINUTES = 5  # over which rates are taken, the present one included
RATES = ("enqueued", "claimed", "done", "failed", "retried", "crashed", "cancelled")


@dataclass(frozen=True)
class Statistics:
    """Tasks by status word, the queues, and counters of the last MINUTES minutes as numbers a second.

    `states` counts records that are kept, so `done` falls when history is trimmed; `rates` counts what happened.
    """

    states: dict[str, int]
    queues: list[QueueCounts]
    rates: dict[str, float]
    live_sessions: int


class Counters:
    """Reads one shard over one connection. Every method may raise what `Connection.call` raises."""

    def __init__(self, connection: Connection, keys: Keys, inspector: Inspector) -> None:
        self._connection = connection
        self._keys = keys
        self._inspector = inspector

    async def statistics(self) -> Statistics:
        """All counts as they are now."""
        keys, queues = self._keys, await self._inspector.queues()
        seconds, _ = await self._connection.call("TIME")
        minute = int(seconds) // 60
        *ended, live = await self._connection.calls([
            *(("LLEN", keys.ended(state)) for state in ENDED_STATES),
            ("ZCOUNT", keys.sessions, int(seconds) * 1000, "+inf"),
        ])  # fmt: skip
        minutes = await self._connection.calls([("HMGET", keys.stats(minute - ago), *RATES) for ago in range(MINUTES)])
        span_s = 60 * (MINUTES - 1) + int(seconds) % 60 + 1
        return Statistics(
            states={
                Status.SCHEDULED: sum(counts.scheduled for counts in queues),
                Status.PENDING: sum(counts.ready for counts in queues),
                Status.IN_PROGRESS: sum(counts.in_progress for counts in queues),
                **dict(zip(ENDED_STATES, ended, strict=True)),
            },
            queues=queues,
            rates={name: sum(int(counts[n] or 0) for counts in minutes) / span_s for n, name in enumerate(RATES)},
            live_sessions=live,
        )
