"""An app to try the commands with: they load it as `shop:app`, and a test's worker runs it in the test's process."""

import asyncio
import threading

from lineshaft import App, Retry

app = App("shop", default_task="shop.count")
held = threading.Event()  # set where the worker runs when a task that holds has begun


@app.task(name="shop.count")
async def count(up_to: int = 3, of: str = "sheep") -> dict[str, int]:
    """A result with a shape."""
    return {of: up_to}


@app.task(name="shop.add")
async def add(left: float, right: float) -> float:
    """Arguments without defaults."""
    return left + right


@app.task(name="shop.anything")
async def anything(value: object = None) -> object:
    """Gives back what it is given."""
    return value


@app.task(name="shop.fail", retry=Retry(tries=1))
async def fail(why: str) -> None:
    """Fails for good."""
    raise ValueError(why)


@app.task(name="shop.hold")
async def hold() -> None:
    """Runs until it is cancelled."""
    held.set()
    await asyncio.Event().wait()
