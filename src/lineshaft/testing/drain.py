"""A worker that runs until nothing is left to run, at the time of a test's clock, and says what it ran.

It takes, runs and ends tasks as `lineshaft.worker` does, with the same executor and finisher, but one step after the other:
no lease has to be renewed from elsewhere, and nothing happens once it has returned.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import msgspec

from lineshaft.app import App
from lineshaft.broker.broker import Broker
from lineshaft.broker.connection import Connection
from lineshaft.errors import LineshaftError
from lineshaft.inspection.inspector import Inspector
from lineshaft.protocol import wire
from lineshaft.protocol.reply import Claimed
from lineshaft.telemetry import Signals
from lineshaft.testing.clock import Clock
from lineshaft.worker.end import End
from lineshaft.worker.executor import Executor
from lineshaft.worker.finisher import Finisher
from lineshaft.worker.loop import wait_for
from lineshaft.worker.queues import Queues
from lineshaft.worker.run import Stop, Table
from lineshaft.worker.sessions import new_session, session_record

RUNS_AT_MOST = 10_000  # a task that enqueues itself would keep a test for ever
LOOK_S = 0.02
DELIVERY_S = 10.0
STOP_S = 1.0


@dataclass(frozen=True)
class Ran:
    """One run of one task.

    Attributes:
        task: its name.
        id: its id.
        tries: which run it was, counting from 1.
        status: the word it then had: done, failed, cancelled, or scheduled where it will be tried again.
        value: what it returned, as JSON holds it.
        error: type and message of what it raised; "" for nothing.
    """

    task: str
    id: str
    tries: int
    status: str
    value: Any = None
    error: str = ""


class Drain:
    """One drain: opened with `draining`, and good for as many looks as are wanted."""

    def __init__(self, app: App, clock: Clock, broker: Broker) -> None:
        settings, keys = app.settings, app.keys
        self.ran: list[Ran] = []
        self._clock = clock
        self._default_task = app.default_task
        self._broker = broker
        self._lease_s = settings.lease_s
        self._session = new_session()
        self._table = Table()
        self._ended = asyncio.Event()
        self._finisher = Finisher(broker, self._table, Signals(), lambda: None)
        self.executor = Executor(app, self._table, settings.concurrency, self._end, self._ended.set)
        self._queues = Queues(Inspector(broker.connection, keys), (), {spec.queue for spec in app.registry})
        self._next_due_ms: int | None = None

    async def start(self) -> None:
        """Open a session."""
        await self._broker.open(self._session, self._lease_s, {**session_record((), self.executor.concurrency)})
        self._finisher.start()

    async def stop(self) -> None:
        """End the session; what still runs, where this was interrupted, is stopped and goes back uncounted."""
        self.executor.stop_all(Stop.DRAIN)
        await self.executor.wait_idle(STOP_S)
        await self._finisher.stop()
        self.executor.close()
        await self._broker.close(self._session)

    async def run_until(self, end_ms: int) -> None:
        """Run what is ready, then what becomes due, each at its own time, until the clock shows `end_ms`.

        Raises:
            LineshaftError: there was no end to it, or the server does not take an end.
        """
        await self._run_now()
        while self._next_due_ms is not None and self._clock.now_ms + self._next_due_ms <= end_ms:
            self._clock.advance_ms(max(1, self._next_due_ms))
            await self._run_now()
        self._clock.advance_ms(max(0, end_ms - self._clock.now_ms))

    async def _run_now(self) -> None:
        while True:
            idle = len(self._table) == 0
            if not await self._take() and idle:
                return
            await wait_for(self._ended, LOOK_S)
            self._ended.clear()
            if not await self._finisher.flush(DELIVERY_S):
                raise LineshaftError("the server does not take the end of a task; the log says why")
            if len(self.ran) > RUNS_AT_MOST:
                last = self.ran[-1].task
                raise LineshaftError(f"there is no end to it: {RUNS_AT_MOST} tasks ran, the last one {last!r}")

    async def _take(self) -> int:
        """Hear who must stop, make ready what is due, and start what is ready; says how many were started."""
        await self._queues.refresh()
        renewed = (await self._broker.renew({self._session: self._lease_s}))[self._session]
        for task_id in renewed.to_stop if renewed else ():
            self.executor.stop_task(task_id)
        promoted = await self._broker.promote(self._queues.all())
        while promoted.more:
            promoted = await self._broker.promote(self._queues.all())
        self._next_due_ms = promoted.next_due_ms
        claimed = await self._broker.claim(self._session, self.executor.free_slots, self._queues.all())
        if not isinstance(claimed, Claimed):
            raise LineshaftError(f"the session of this drain is {claimed}: does another worker look after the same tasks?")
        self.executor.start(self._session, claimed.number, claimed.claims)
        return len(claimed.claims)

    def _end(self, end: End) -> None:
        self.ran.append(ran_of(end, self._default_task))
        self._finisher.add(end)


@asynccontextmanager
async def draining(app: App, clock: Clock) -> AsyncGenerator[Drain]:
    """A drain of an app's tasks, within its lifespan.

    Raises:
        LineshaftError: the server could not be reached.
    """
    app.load_imports()
    async with AsyncExitStack() as stack:
        connection = Connection(app.server_url, name="lineshaft-testing-drain", timeout_s=app.settings.call_timeout_s)
        stack.push_async_callback(connection.close)
        drain = Drain(app, clock, clock.guide(Broker(connection, app.keys, app.settings)))
        drain.executor.state = await stack.enter_async_context(app.lifespan(app) if app.lifespan else nullcontext())
        await drain.start()
        stack.push_async_callback(drain.stop)
        yield drain


def ran_of(end: End, default_task: str) -> Ran:
    """What a run's end says about it."""
    claim = end.run.claim
    name = default_task if end.run.spec is None else end.run.spec.name
    if end.kind == "finish":
        value = msgspec.json.decode(wire.decode_outcome(end.outcome).value)
        return Ran(name, claim.task_id, end.run.tries, "done", value)
    status = "scheduled" if end.returned is not None or (end.failed and end.failed.delay_ms is not None) else "failed"
    if end.run.stop is Stop.CANCELLED:
        status = "cancelled"
    failure = wire.decode_outcome(end.failed.outcome).error if end.failed is not None else None
    return Ran(name, claim.task_id, end.run.tries, status, error=f"{failure.type}: {failure.message}" if failure else "")
