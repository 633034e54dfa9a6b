"""Trims what has ended beyond its age, also while nothing ends: a script that ends nothing only trims."""

import asyncio

from lineshaft.broker.broker import Broker
from lineshaft.errors import LineshaftError
from lineshaft.worker.loop import Loop

EVERY_S = 60.0


class Pruner(Loop):
    """One loop, once a minute."""

    def __init__(self, broker: Broker) -> None:
        super().__init__()
        self._broker = broker

    async def run_once(self) -> None:
        """Trim at most 500 of each state."""
        await self._broker.finish("", [])
        await self._broker.fail("", [])

    async def _step(self) -> None:
        await asyncio.sleep(EVERY_S)
        await self.run_once()

    def _failed(self, error: LineshaftError) -> str:
        return f"cannot trim the history: {error}"
