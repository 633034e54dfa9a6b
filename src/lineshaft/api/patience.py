"""How long a request waits for Redis: long enough for a server that stumbles, short enough for whoever asked."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from lineshaft.errors import ServerFullError, ServerUnavailableError

ANSWER_S = 2.3

Answer = TypeVar("Answer")


async def answered(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """Ask, and ask once more where the connection had broken; for calls that may be repeated.

    Raises:
        ServerUnavailableError: there was no answer within ANSWER_S, or none to be had.
    """
    try:
        async with asyncio.timeout(ANSWER_S):
            try:
                return await ask()
            except ServerFullError:
                raise
            except ServerUnavailableError:
                return await ask()
    except TimeoutError:
        raise ServerUnavailableError(f"no answer from Redis within {ANSWER_S:g} s", sent=True) from None
