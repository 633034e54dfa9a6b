"""Makes due tasks ready, to the millisecond: a local timer, set by what the last look around saw.

It never runs one: they are claimed like any other.
"""

import asyncio

from lineshaft.broker.broker import Broker
from lineshaft.clock import monotonic_s
from lineshaft.errors import LineshaftError
from lineshaft.telemetry import Signals
from lineshaft.worker.loop import Loop, wait_for
from lineshaft.worker.queues import Queues

NEVER_S = float("inf")
STUCK_AGAIN_MS = 1000


class Promoter(Loop):
    """One loop that sleeps until the next task is due."""

    def __init__(self, broker: Broker, queues: Queues, signals: Signals) -> None:
        super().__init__()
        self._broker = broker
        self._queues = queues
        self._signals = signals
        self._due_at_s = NEVER_S
        self._changed = asyncio.Event()

    def expect(self, next_due_ms: int | None) -> None:
        """Hear in how many milliseconds the next task is due; None when none is."""
        due_at_s = NEVER_S if next_due_ms is None else monotonic_s() + next_due_ms / 1000
        if due_at_s < self._due_at_s:
            self._due_at_s = due_at_s
            self._changed.set()

    async def run_once(self) -> None:
        """Promote whatever is due, in slices, and set the timer for what is next."""
        self._due_at_s = NEVER_S
        while True:
            promoted = await self._broker.promote(self._queues.next_some("promoter"))
            if promoted.ready:
                self._signals.emit("promoted", amount=promoted.ready)
            if promoted.more:
                continue
            stuck = promoted.ready == 0 and promoted.next_due_ms is not None and promoted.next_due_ms <= 0
            self.expect(STUCK_AGAIN_MS if stuck else promoted.next_due_ms)  # stuck: a key in its way has another type
            return

    async def _step(self) -> None:
        self._changed.clear()
        left_s = self._due_at_s - monotonic_s()
        if left_s > 0:
            await wait_for(self._changed, None if left_s == NEVER_S else left_s)
        else:
            await self.run_once()

    def _failed(self, error: LineshaftError) -> str:
        self._due_at_s = 0.0
        return f"cannot promote: {error}"
