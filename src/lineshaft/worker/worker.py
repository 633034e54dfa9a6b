"""One worker: the loops that claim, run and deliver, put together, and the order in which they stop. It runs no task itself."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from lineshaft.app import App
from lineshaft.broker.broker import Broker
from lineshaft.broker.connection import Connection
from lineshaft.broker.wakeups import Wakeups
from lineshaft.errors import ConfigurationError, LineshaftError
from lineshaft.inspection.inspector import Inspector
from lineshaft.protocol.reply import Around
from lineshaft.settings import Settings
from lineshaft.task_function import checked_queue
from lineshaft.telemetry import Signals, logger
from lineshaft.worker.canceller import Canceller
from lineshaft.worker.executor import Executor
from lineshaft.worker.fetcher import Fetcher
from lineshaft.worker.finisher import Finisher
from lineshaft.worker.keeper_thread import KeeperThread
from lineshaft.worker.lease import Lease
from lineshaft.worker.loop import Loop
from lineshaft.worker.promoter import Promoter
from lineshaft.worker.pruner import Pruner
from lineshaft.worker.queues import Queues
from lineshaft.worker.reaper import Reaper
from lineshaft.worker.reconciler import Reconciler
from lineshaft.worker.run import Stop, Table
from lineshaft.worker.sessions import new_session, session_record
from lineshaft.worker.waking import TokenListener, Waking

log = logger("worker")

CANCELLED_S = 5.0  # how long tasks that were told to stop may take before they are left behind
FLUSH_S = 5.0
LEASE_LOOK_S = 0.2


class Worker:
    """Runs an app's tasks inside the running loop: `async with Worker(app): ...`.

    Its lease is renewed from a thread, so that a task that blocks the loop does not lose it. Leaving the block drains: it
    stops claiming, lets tasks go on for the grace period, and hands the rest back uncounted.

    Args:
        app: whose tasks run.
        concurrency: how many run at a time; the app's setting by default.
        queues: which queues it takes from, the most wanted first; all by default.
        lease: under which to work where somebody else keeps it, as a supervisor does for its children.
        signals: tells of moments such as "claimed" and "delivered".

    Raises:
        ConfigurationError: there would be no slot, or a queue's name is none.
    """

    def __init__(
        self,
        app: App,
        *,
        concurrency: int | None = None,
        queues: Sequence[str] = (),
        lease: Lease | None = None,
        signals: Signals | None = None,
    ) -> None:
        self.app = app
        self.settings: Settings = app.settings
        self.signals = signals or Signals()
        self.concurrency = self.settings.concurrency if concurrency is None else concurrency
        if self.concurrency < 1:
            raise ConfigurationError(f"concurrency must be at least 1; it is {concurrency!r}")
        if isinstance(queues, str):
            raise ConfigurationError(f"queues must be a list of names, such as [{queues!r}], not one name")
        for queue in queues:
            checked_queue(queue)
        self.lease = lease or Lease(new_session())
        self._started = False
        self._stack = AsyncExitStack()
        self._table = Table()
        self._waking = Waking()
        self._hurried = asyncio.Event()
        self._connections: list[Connection] = []
        self._lease_watch: asyncio.Task[None] | None = None
        self._stopping: asyncio.Task[bool] | None = None
        keys, poke = app.keys, self._waking.poke

        broker = self._broker("claim")
        self._inspector = Inspector(broker.connection, keys)
        self.queues = Queues(self._inspector, queues, {spec.queue for spec in app.registry})
        self._finisher = Finisher(self._broker("finish"), self._table, self.signals, poke)
        self._executor = Executor(app, self._table, self.concurrency, self._finisher.add, poke)
        self._promoter = Promoter(broker, self.queues, self.signals)
        self._reaper = Reaper(broker, self.signals)
        reconciler = Reconciler(broker, self._inspector, self._table, self.signals)
        self._fetcher = Fetcher(
            broker, self._executor, reconciler, self.queues, self.lease, self._waking, self.signals, self._looked_around
        )
        self._helpers: list[Loop] = [
            self._promoter,
            self._reaper,
            Pruner(broker),
            Canceller(self._connection("cancel"), keys.cancel_channel, self._inspector, self._table, self._executor),
            TokenListener(Wakeups(self._connection("wake"), keys), self.queues, self._waking),
        ]
        self._keeper: KeeperThread | None = None
        if lease is None:
            record = session_record(queues, self.concurrency)
            self._keeper = KeeperThread(lambda: self._broker("lease"), self.lease, record, self.stop_tasks)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def running(self) -> int:
        """How many tasks run now."""
        return self._table.running

    async def start(self) -> None:
        """Open a session, where nobody else did, enter the app's lifespan, and begin to claim.

        Raises:
            LineshaftError: the session could not be opened.
        """
        if self._started:
            return
        self.app.load_imports()
        if self._keeper is not None:
            await asyncio.to_thread(self._keeper.start, asyncio.get_running_loop())
        try:
            if self.app.lifespan is not None:
                self._executor.state = await self._stack.enter_async_context(self.app.lifespan(self.app))
        except BaseException:
            if self._keeper is not None:
                await asyncio.to_thread(self._keeper.stop)
            raise
        self._finisher.start()
        for helper in self._helpers:
            helper.start()
        self._started = True
        self._fetcher.start()
        self._lease_watch = asyncio.create_task(self._watch_lease())

    async def stop(self, grace_s: float | None = None) -> bool:
        """Drain: stop claiming, finish within the grace, hand back the rest uncounted, deliver what there is, close.

        Says whether nothing was left behind; a plain function that still runs in its thread is. Where `worker stop` was
        first, it waits for that. The app's lifespan ends here, for it may have to end in the task that it began in.
        """
        self._begin_to_stop(grace_s)
        nothing_left = self._stopping is None or await self._stopping
        await self._stack.aclose()
        return nothing_left

    def _begin_to_stop(self, grace_s: float | None = None) -> None:
        if self._started:
            self._started = False
            self._stopping = asyncio.create_task(self._drain(self.settings.grace_s if grace_s is None else grace_s))

    async def _drain(self, grace_s: float) -> bool:
        await self._fetcher.stop()
        idle = await self._wind_up(grace_s)
        delivered = await self._finisher.flush(FLUSH_S)
        if self._lease_watch is not None:
            self._lease_watch.cancel()
        for loop in (*self._helpers, self._finisher):
            await loop.stop()
        self._executor.close()
        if self._keeper is not None:
            await asyncio.to_thread(self._keeper.stop)
        for connection in self._connections:
            await connection.close()
        return idle and delivered

    def stop_tasks(self, task_ids: list[str]) -> None:
        """These tasks were cancelled: stop those that run here. Called on the loop."""
        for task_id in task_ids:
            self._executor.stop_task(task_id)

    async def is_lost(self) -> bool:
        """Whether the lease holds no longer. After a pause or a held GIL it waits a moment: maybe it held all the time."""
        if not self.lease.holds and not self.lease.lost:
            await asyncio.sleep(LEASE_LOOK_S)  # what was said meanwhile is heard first
        return not self.lease.holds

    async def abandon(self, limit_s: float) -> None:
        """The lease is lost: stop every run and give it a moment to see that. Nothing is handed back or delivered."""
        self._executor.stop_all(Stop.LOST)
        await self._executor.wait_idle(limit_s)

    def stuck(self) -> str:
        """Why this worker should give up; "" while it should not."""
        return self._fetcher.stuck()

    def hurry(self) -> None:
        """End the grace period of a stop that is under way."""
        self._hurried.set()

    async def is_all_done(self) -> bool:
        """Whether nothing runs here and nothing is ready, due or in progress in this worker's queues, at two looks in a row."""
        for _ in range(2):
            if self._table.running > 0 or len(self._table) > 0:
                return False
            await self.queues.refresh()
            if not await self._inspector.is_burst_over(self.queues.all()):
                return False
        return True

    async def _wind_up(self, grace_s: float) -> bool:
        if self._table.running:
            log.info("waiting up to %g s; tasks that run: %d", grace_s, self._table.running)
        idle = asyncio.create_task(self._executor.wait_idle(grace_s))
        hurried = asyncio.create_task(self._hurried.wait())
        await asyncio.wait([idle, hurried], return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        idle.cancel()
        if self._table.running == 0:
            return True
        self._executor.stop_all(Stop.DRAIN)
        return await self._executor.wait_idle(CANCELLED_S)

    def _connection(self, purpose: str) -> Connection:
        name = f"lineshaft-{purpose}-{self.lease.session[:8]}"
        connection = Connection(self.app.server_url, name=name, timeout_s=self.settings.call_timeout_s)
        self._connections.append(connection)
        return connection

    def _broker(self, purpose: str) -> Broker:
        return Broker(self._connection(purpose), self.app.keys, self.settings)

    def _looked_around(self, around: Around) -> None:
        self._promoter.expect(around.next_due_ms)
        if around.sessions_to_look_at:
            self._reaper.tell()
        self.queues.hear_of(around.queues_known)

    async def _watch_lease(self) -> None:
        """Treat every run as lost once the lease does not hold, then go on under a new session where it is ours to open."""
        while True:
            await asyncio.sleep(LEASE_LOOK_S)
            if self.lease.order == "stop":
                self._begin_to_stop()
            if not await self.is_lost():
                continue
            log.warning("session %s no longer holds: its %d tasks are lost here", self.lease.session, self._table.running)
            self._executor.stop_all(Stop.LOST)
            self.signals.emit("lost", session=self.lease.session)
            if self._keeper is None:
                return
            if self.lease.lost:
                try:
                    await asyncio.to_thread(self._keeper.open_another)
                except LineshaftError as error:
                    log.warning("no new session could be opened: %s", error)
            self._waking.poke()
