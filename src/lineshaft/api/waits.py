"""Requests that wait for something: each has a limit of its own, and all of them end at once when the server drains."""

import asyncio
from collections.abc import Awaitable

MOST_WAIT_S = 60.0


class Waits:
    """The waits of one server; they belong to its loop."""

    def __init__(self) -> None:
        self._limits: set[asyncio.Timeout] = set()
        self._draining = False

    async def within(self, limit_s: float, event: Awaitable[object]) -> None:
        """Wait until it has happened, the time is over or the server drains, whichever comes first; raises what it raises."""
        try:
            async with asyncio.timeout(0 if self._draining else limit_s) as limit:
                self._limits.add(limit)
                try:
                    await event
                finally:
                    self._limits.discard(limit)
        except TimeoutError:
            return

    def drain(self) -> None:
        """End every wait now, and those to come at once."""
        self._draining = True
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(0)
