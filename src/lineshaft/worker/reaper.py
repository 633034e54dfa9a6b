"""Looks for sessions whose worker died, when a look around says that there may be one; every two seconds at most.

Who has died it does not decide: the script does, by two looks.
"""

import asyncio

from lineshaft.broker.broker import Broker
from lineshaft.clock import monotonic_s
from lineshaft.errors import LineshaftError
from lineshaft.telemetry import Signals, logger
from lineshaft.worker.loop import Loop

log = logger("reaper")


class Reaper(Loop):
    """One loop that sleeps until it is told to look."""

    def __init__(self, broker: Broker, signals: Signals) -> None:
        super().__init__()
        self._broker = broker
        self._signals = signals
        self._to_look = asyncio.Event()
        self._next_look_s = 0.0

    def tell(self) -> None:
        """There may be something to reap."""
        self._to_look.set()

    async def run_once(self) -> int:
        """Look once, and empty what is to be emptied; gives how many claims that freed."""
        freed = 0
        while True:
            reaped = await self._broker.reap()
            freed += reaped.freed
            if reaped.session is not None:
                log.warning("session %s has died: %d of its tasks are ready again", reaped.session, reaped.freed)
                self._signals.emit("reaped", session=reaped.session, freed=reaped.freed)
            if not reaped.more:
                return freed

    async def _step(self) -> None:
        await self._to_look.wait()
        self._to_look.clear()
        await asyncio.sleep(max(0.0, self._next_look_s - monotonic_s()))
        self._next_look_s = monotonic_s() + self._broker.settings.look_s
        await self.run_once()

    def _failed(self, error: LineshaftError) -> str:
        return f"cannot look for dead sessions: {error}"
