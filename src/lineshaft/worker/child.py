"""A worker process: `python -m lineshaft.worker.child <socket> <supervisor's pid>`, started by a supervisor and by nobody else.

It works under a session that the supervisor opened and renews. When its permit runs out, or the session has gone, its tasks
are lost; it ends, and the supervisor starts another with a new session. A thread sees to that, so that neither a blocked
loop nor a plain function that does not return can make it outlive its permit by more than two seconds.
"""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Coroutine
from typing import Any

import msgspec

from lineshaft.clock import monotonic_s
from lineshaft.control import EXIT_DRAINED, EXIT_LOST, EXIT_MISCONFIGURED, EXIT_STUCK, ChildEnd, Message
from lineshaft.errors import ConfigurationError
from lineshaft.event_loop import new_loop
from lineshaft.loading import load_app
from lineshaft.telemetry import configure_logging, logger
from lineshaft.worker.lease import Lease
from lineshaft.worker.worker import Worker

log = logger("worker")

OVERSTAY_S = 2.0
ABANDON_S = 1.0  # for tasks to see that they are lost
GUARD_LOOK_S = 0.25


class Child:
    """One worker under orders.

    Loads the app first and says with which settings, for the supervisor runs no user code and must not guess them; then it
    gets a session.

    Raises:
        ConfigurationError: the app cannot be loaded.
    """

    def __init__(self, line: ChildEnd) -> None:
        self._line = line
        self._burst: bool = line.orders["burst"]
        self._queues: list[str] = line.orders["queues"]
        self._app = load_app(line.orders["app"])
        self._app.configure(**line.orders["settings"])
        line.say({"loaded": msgspec.to_builtins(self._app.settings)})
        session = line.next_order()
        self._app.configure(redis_url=session["redis_url"])
        self._lease = Lease(session["session"])
        self._lease.permitted_until_s = session["permitted_until_s"]
        self._drain = asyncio.Event()
        self._grace_s = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._worker: Worker | None = None

    async def work(self) -> int:
        """Work until told to drain, until the lease is lost, or, in a burst, until nothing is left; gives the exit code."""
        self._loop = asyncio.get_running_loop()
        worker = self._worker = Worker(self._app, queues=self._queues, lease=self._lease)
        self._line.listen(self._heard)
        threading.Thread(target=self._guard, name="lineshaft-guard", daemon=True).start()
        await worker.start()
        self._line.say({"ready": True})
        poll_s = min(1.0, worker.settings.poll_s)
        while not self._drain.is_set():
            if await worker.is_lost():
                await worker.abandon(ABANDON_S)
                return EXIT_LOST
            if reason := worker.stuck():
                self._line.say({"failed": reason})
                await worker.stop(worker.settings.grace_s)
                return EXIT_STUCK
            if self._burst and await self._is_burst_over(worker):
                break
            try:
                async with asyncio.timeout(poll_s):
                    await self._drain.wait()
            except TimeoutError:
                continue
        await worker.stop(self._grace_s)
        if not self._lease.holds:
            return EXIT_LOST
        self._line.say({"drained": True})  # the exit code alone proves nothing: a task may call os._exit(0)
        return EXIT_DRAINED

    @staticmethod
    async def _is_burst_over(worker: Worker) -> bool:
        try:
            return await worker.is_all_done()
        except Exception as error:  # noqa: BLE001 - the next look tells; the worker itself says what is wrong
            log.debug("cannot see whether the burst is over: %s", error)
            return False

    def _heard(self, message: Message) -> None:
        """Act on a message from the supervisor; runs in the thread that reads the line."""
        if "permit" in message:
            self._lease.permitted_until_s = message["permit"]
        elif "lost" in message:
            self._lease.lost = True
        elif "quiet" in message:
            self._lease.order = "quiet"
        elif self._loop is not None:
            self._loop.call_soon_threadsafe(self._obey, message)

    def _obey(self, message: Message) -> None:
        if self._worker is None:
            return
        if "stop" in message:
            self._worker.stop_tasks(message["stop"])
        elif "drain" in message:
            if not self._drain.is_set():
                self._grace_s = message["drain"]
                self._drain.set()
            elif not message["drain"]:
                self._worker.hurry()

    def _guard(self) -> None:
        """End the process when it overstays its permit; the supervisor starts another, under a new session."""
        pause = threading.Event()
        overstaying_since_s: float | None = None
        while True:
            pause.wait(GUARD_LOOK_S)
            if self._lease.holds:
                overstaying_since_s = None
            elif overstaying_since_s is None:
                overstaying_since_s = monotonic_s()
            elif monotonic_s() - overstaying_since_s > OVERSTAY_S:
                os.write(2, b"lineshaft: this worker has no permit to go on and could not stop its tasks: it ends itself\n")
                end_group()


def end_group() -> None:
    """End this process and whatever its tasks have started: nothing of it may go on beside the next run."""
    os.killpg(0, signal.SIGKILL)


def run(work: Coroutine[Any, Any, int]) -> int:
    """Run, then end the process."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        code = runner.run(work)
        sys.stdout.flush()
        sys.stderr.flush()
        if code == EXIT_LOST:
            end_group()
        os._exit(code)  # a plain function that still runs in its thread must not keep the process


def main() -> None:
    """Take the orders, then work."""
    line = ChildEnd(sys.argv[1:])
    configure_logging(line.orders["log_level"])
    try:
        child = Child(line)
    except ConfigurationError as error:
        line.say({"failed": str(error)})
        os._exit(EXIT_MISCONFIGURED)
    run(child.work())


if __name__ == "__main__":
    main()
