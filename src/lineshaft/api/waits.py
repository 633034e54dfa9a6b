"""Requests that wait for something: each ends when its client leaves, and all of them end at once when the server drains."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

from starlette.types import Receive

MOST_WAIT_S = 60.0


class Waits:
    """The waits of one server; they belong to its loop."""

    def __init__(self) -> None:
        self._limits: set[asyncio.Timeout] = set()
        self._draining = False

    async def within(self, limit_s: float | None, work: Coroutine[Any, Any, object], receive: Receive) -> None:
        """Wait for some work; raises what it raises. What has not ended by then is cancelled.

        Args:
            limit_s: how long to wait at most; None waits for as long as the client stays and the server does not drain.
            work: what to wait for.
            receive: of the request, whose body is of no interest: it tells when the client has left.
        """
        working, leaving = asyncio.create_task(work), asyncio.create_task(left(receive))
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0 if self._draining else limit_s) as limit:
                    self._limits.add(limit)
                    try:
                        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        self._limits.discard(limit)
        finally:
            working.cancel()
            leaving.cancel()
            await asyncio.gather(working, leaving, return_exceptions=True)
        if not working.cancelled():
            working.result()

    def drain(self) -> None:
        """End every wait now, and those to come at once."""
        self._draining = True
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(0)


async def left(receive: Receive) -> None:
    """Wait until the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
