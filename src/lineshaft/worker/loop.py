"""What every loop of a worker can do: start, stop, take one step after another, and go on after an error."""

import asyncio

from lineshaft.clock import monotonic_s
from lineshaft.errors import LineshaftError
from lineshaft.telemetry import logger
from lineshaft.worker.backoff import Backoff

AGAIN_S = 1.0


class Loop:
    """A background task. Starting twice, stopping twice and stopping before a start do nothing.

    Attributes:
        failing_since_s: since when each of its steps has failed, by the monotonic clock; None while they succeed.
        failure: why the last one did.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._stopping = False  # ends the loop after the step that it is in
        self.failing_since_s: float | None = None
        self.failure = ""

    def start(self) -> None:
        """Begin, on the running loop."""
        self._stopping = False
        if self._task is None:
            self._task = asyncio.create_task(self._go_on(), name=type(self).__name__)

    async def stop(self) -> None:
        """Stop wherever it is, and wait until it has."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _go_on(self) -> None:
        name, backoff = type(self).__name__, Backoff()
        log = logger(name.lower())
        while not self._stopping:
            try:
                await self._step()
            except LineshaftError as error:
                self.failing_since_s, self.failure = self.failing_since_s or monotonic_s(), str(error)
                if said := self._failed(error):
                    backoff.say(log, "%s", said)
                await backoff.wait()
            except Exception:  # else an error of our own making would leave a worker that looks alive and does nothing
                log.exception("%s failed and goes on in %g s: please report this", name, AGAIN_S)
                await asyncio.sleep(AGAIN_S)
            else:
                self.failing_since_s = None
                backoff.reset()

    async def _step(self) -> None:
        """Wait until there is something to do, and do it once; an error of the connection is waited out."""
        raise AssertionError("a loop says here what it does until it is stopped")

    def _failed(self, error: LineshaftError) -> str:
        """Take note of a step that failed; gives what to log, "" where another loop says what is wrong."""
        del error
        return ""


async def wait_for(event: asyncio.Event, limit_s: float | None) -> bool:
    """Wait for an event, or until the time is over; says whether it came."""
    try:
        async with asyncio.timeout(limit_s):
            await event.wait()
    except TimeoutError:
        return False
    return True
