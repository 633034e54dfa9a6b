"""How a sleeping fetcher is woken: by a token from Redis, or because something changed in this process.

A token that is lost costs time, never a task.
"""

import asyncio
from collections.abc import Sequence

from lineshaft.broker.wakeups import Wakeups
from lineshaft.worker.loop import Loop
from lineshaft.worker.queues import Queues


class Waking:
    """What the fetcher sleeps on.

    Attributes:
        changed: a slot is free, an end was delivered, a lease was renewed: look again.
        asleep: set while the fetcher waits for a task and would take a token.
        token: the queue of a token that came and that no claim has answered yet.
    """

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self.asleep = asyncio.Event()
        self.token: str | None = None

    def poke(self) -> None:
        """Something changed."""
        self.changed.set()


class TokenListener(Loop):
    """Takes a wake-up token only while the fetcher sleeps; one that comes when all slots are taken is passed on by a claim."""

    def __init__(self, wakeups: Wakeups, queues: Queues, waking: Waking) -> None:
        super().__init__()
        self._wakeups = wakeups
        self._queues = queues
        self._waking = waking

    async def run_once(self) -> None:
        """Wait for one token; raises what the connection raises."""
        await self._waking.asleep.wait()
        queues: Sequence[str] = self._queues.all()
        queue = await self._wakeups.wait(queues)
        if queue is not None:
            self._waking.asleep.clear()
            self._waking.token = queue
            self._waking.poke()

    async def _step(self) -> None:
        await self.run_once()  # where it fails, the fetcher says what is wrong
