"""How long a loop waits after an error before it tries again, and how often it says so."""

import asyncio
import logging
import random

FIRST_S = 0.05
DOUBLED_AT_MOST = 6
MOST_S = 2.0  # more would let two looks pass, and reap the living


class Backoff:
    """Doubles from 50 ms to 2 s, with jitter; says the first error of a row and then one in every ten."""

    def __init__(self) -> None:
        self._failures = 0

    def reset(self) -> None:
        """It works again."""
        self._failures = 0

    def say(self, log: logging.Logger, message: str, *facts: object) -> None:
        """Log a failure, unless it was said just before."""
        if self._failures % 10 == 0:
            log.warning(message, *facts)

    async def wait(self) -> None:
        """Wait before the next try."""
        delay_s = min(MOST_S, FIRST_S * 2 ** min(self._failures, DOUBLED_AT_MOST))
        self._failures += 1
        await asyncio.sleep(delay_s * (0.5 + 0.5 * random.random()))  # noqa: S311 - spreads load, guards nothing
