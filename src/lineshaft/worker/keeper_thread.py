"""Keeps the lease of a worker that lives in somebody else's loop, from a thread with a loop of its own.

No task runs in it, so none can hold up a renewal.
"""

import asyncio
from collections.abc import Callable

from lineshaft.blocking import LoopThread
from lineshaft.broker.broker import Broker
from lineshaft.errors import LineshaftError
from lineshaft.telemetry import logger
from lineshaft.worker.lease import Lease
from lineshaft.worker.lease_keeper import LeaseKeeper
from lineshaft.worker.sessions import Record, new_session

log = logger("lease_keeper")


class KeeperThread:
    """A thread that opens one session after the other for a worker, and renews it. Its methods block; none is for a loop.

    Args:
        broker: makes a broker for this thread's loop.
        lease: what the worker looks at.
        record: who the worker is.
        stop_tasks: is told, in the worker's loop, of tasks that were cancelled.
    """

    def __init__(
        self, broker: Callable[[], Broker], lease: Lease, record: Record, stop_tasks: Callable[[list[str]], None]
    ) -> None:
        self._make_broker = broker
        self._lease = lease
        self._record = record
        self._stop_tasks = stop_tasks
        self._thread = LoopThread()
        self._worker_loop: asyncio.AbstractEventLoop | None = None

    def start(self, worker_loop: asyncio.AbstractEventLoop) -> None:
        """Open the session and keep it from now on; raises what opening it raises."""
        self._worker_loop = worker_loop
        try:
            self._thread.run(self._begin())
        except BaseException:
            self._thread.stop()
            raise

    def open_another(self) -> None:
        """Open a new session in place of one that has gone; raises what opening it raises."""
        self._keeper.drop(self._lease.session)
        self._lease.session = new_session()
        self._thread.run(self._open())

    def stop(self) -> None:
        """Close the session, which puts back what it still owns, and end the thread."""
        self._thread.run(self._end())
        self._thread.stop()

    def permit(self, until_s: float) -> None:
        """The worker may go on until then."""
        self._lease.permitted_until_s = until_s

    def stop_tasks(self, task_ids: list[str]) -> None:
        """Pass on that these were cancelled."""
        if self._worker_loop is not None:
            self._worker_loop.call_soon_threadsafe(self._stop_tasks, task_ids)

    def obey(self, order: str) -> None:
        """The worker looks at it."""
        self._lease.order = order

    def lose(self) -> None:
        """The session has gone."""
        self._lease.lost = True

    async def _begin(self) -> None:
        self._broker = self._make_broker()
        self._keeper = LeaseKeeper(self._broker)
        await self._open()
        self._keeper.start()

    async def _open(self) -> None:
        await self._keeper.open(self._lease.session, self._record, self)
        self._lease.lost, self._lease.order = False, ""

    async def _end(self) -> None:
        await self._keeper.stop()
        self._keeper.drop(self._lease.session)
        try:
            await self._broker.close(self._lease.session)
        except LineshaftError as error:
            log.warning("session %s could not be closed and will be reaped: %s", self._lease.session, error)
        await self._broker.connection.close()
