"""Waits for what a test needs to see: looks again and again until a deadline, never for a fixed time."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, TypeVar

Seen = TypeVar("Seen")

WITHIN_S = 20.0
EVERY_S = 0.01


def until(look: Callable[[], Seen], within_s: float = WITHIN_S, *, what: Callable[[], Any] | None = None) -> Seen:
    """Look until that gives something true, and give it; fails with what `what` says when the time is over."""
    deadline_s = time.monotonic() + within_s
    while not (seen := look()):
        if time.monotonic() > deadline_s:
            raise AssertionError(f"not within {within_s:g} s; last seen: {what() if what else seen!r}")
        time.sleep(EVERY_S)  # nothing tells; the deadline above bounds it
    return seen


async def soon(look: Callable[[], Seen], within_s: float = WITHIN_S, *, what: Callable[[], Any] | None = None) -> Seen:
    """As `until`, and lets the loop go on meanwhile."""
    deadline_s = time.monotonic() + within_s
    while not (seen := look()):
        if time.monotonic() > deadline_s:
            raise AssertionError(f"not within {within_s:g} s; last seen: {what() if what else seen!r}")
        await asyncio.sleep(EVERY_S)
    return seen
