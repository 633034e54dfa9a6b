"""Tasks that many tests need: one that notes what it ran with, one that waits until it is let go."""

import asyncio
from typing import Any

from lineshaft import App
from lineshaft.task_function import TaskFunction


def noting_task(app: App) -> tuple[TaskFunction[[int], [int], int, Any], list[int]]:
    """The task `note`, which gives back its argument, and the list of the arguments of all its runs so far."""
    runs: list[int] = []

    @app.task
    async def note(n: int) -> int:
        runs.append(n)
        return n

    return note, runs


def held_task(app: App) -> tuple[TaskFunction[[], [], str, Any], asyncio.Event]:
    """The task `wait`, which gives "free" as soon as the event is set."""
    release = asyncio.Event()

    @app.task
    async def wait() -> str:
        await release.wait()
        return "free"

    return wait, release
