"""What every loop of a worker can do: start, stop, and one step at a time in `run_once`."""

import asyncio

from lineshaft.telemetry import logger

log = logger("worker")

AGAIN_S = 1.0


class Loop:
    """A background task. Starting twice, stopping twice and stopping before a start do nothing."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running loop."""
        if self._task is None:
            self._task = asyncio.create_task(self._go_on_for_sure(), name=type(self).__name__)

    async def stop(self) -> None:
        """Stop wherever it is, and wait until it has."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _go_on_for_sure(self) -> None:
        """A loop that ends by an error of our own making would leave a worker that looks alive and does nothing."""
        while True:
            try:
                await self._go_on()
                return
            except Exception:
                log.exception("%s failed and goes on in %g s: please report this", type(self).__name__, AGAIN_S)
                await asyncio.sleep(AGAIN_S)

    async def _go_on(self) -> None:
        raise AssertionError("a loop says here what it does until it is stopped")


async def wait_for(event: asyncio.Event, limit_s: float | None) -> bool:
    """Wait for an event, or until the time is over; says whether it came."""
    try:
        async with asyncio.timeout(limit_s):
            await event.wait()
    except TimeoutError:
        return False
    return True
