"""A worker compares what it runs with what its session owns by (id, token): neither an id nor a number says whose run it is."""

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import redis

from lineshaft import App, TaskContext
from lineshaft.broker.broker import Broker
from lineshaft.broker.connection import Connection
from lineshaft.inspection.inspector import Inspector
from lineshaft.protocol.reply import Claim
from lineshaft.telemetry import Signals
from lineshaft.worker import Worker
from lineshaft.worker.reconciler import Reconciler
from lineshaft.worker.run import Run, Stop, Table

from .waiting import soon

SESSION = "s"
OLD, NEW = b"7:default", b"8:default"
NEVER_S = 3600.0


@dataclass
class Side:
    """One worker's side of the comparison: its table, and the comparison itself."""

    table: Table
    reconciler: Reconciler

    def runs(self, token: bytes) -> Run:
        """A run of task `a` that is in the table."""
        run = Run(Claim("a", token, None, 0, 0), 0, 0.0)
        self.table.add(run)
        return run

    async def compare(self) -> None:
        await self.reconciler.run_once(SESSION)


@asynccontextmanager
async def side_of(app: App, raw: redis.Redis, owned: bytes) -> AsyncIterator[Side]:
    """A worker whose session is open and owns task `a` under a token."""
    connection = Connection(app.server_url, name="compares", timeout_s=5)
    broker, table = Broker(connection, app.keys, app.settings), Table()
    await broker.open(SESSION, 15, {"pid": 1})
    raw.set("task:a:status", "in-progress")
    raw.hset(f"lineshaft:owned:{SESSION}", "a", owned)
    yield Side(table, Reconciler(broker, Inspector(connection, app.keys), table, Signals()))
    await connection.close()


async def test_a_newer_claim_that_never_arrived_is_handed_back_while_an_older_run_goes_on(
    make_app: Callable[..., App], raw: redis.Redis
):
    """A plain function in its thread cannot be stopped: its run stays in the table for as long as it lasts."""
    async with side_of(make_app(), raw, owned=NEW) as side:
        side.runs(OLD)
        await side.compare()
    assert (raw.get("task:a:status"), raw.lrange("task_queue", 0, -1)) == ("pending", ["a"])
    assert not raw.exists(f"lineshaft:owned:{SESSION}")


async def test_a_run_whose_task_is_owned_under_another_token_is_stopped(make_app: Callable[..., App], raw: redis.Redis):
    async with side_of(make_app(), raw, owned=NEW) as side:
        run = side.runs(OLD)
        await side.compare()
    assert run.stop is Stop.LOST


async def test_a_run_that_is_owned_goes_on(make_app: Callable[..., App], raw: redis.Redis):
    async with side_of(make_app(), raw, owned=OLD) as side:
        run = side.runs(OLD)
        await side.compare()
    assert run.stop is None
    assert raw.hgetall(f"lineshaft:owned:{SESSION}") == {"a": OLD.decode()}


async def test_a_run_whose_end_was_not_answered_yet_is_neither_handed_back_nor_stopped(
    make_app: Callable[..., App], raw: redis.Redis
):
    """Its end is on its way, and counts: handed back, the task would run again."""
    async with side_of(make_app(), raw, owned=OLD) as side:
        run = side.runs(OLD)
        side.table.end(run)
        await side.compare()
    assert run.stop is None
    assert raw.hgetall(f"lineshaft:owned:{SESSION}") == {"a": OLD.decode()}
    assert raw.get("task:a:status") == "in-progress"


async def test_a_task_that_comes_back_while_it_still_runs_here_stops_the_older_run(
    make_app: Callable[..., App], raw: redis.Redis
):
    """Without any comparison: the claim alone says so."""
    app = make_app(reconcile_s=NEVER_S)
    contexts: list[TaskContext] = []
    release = threading.Event()

    @app.task
    def work(ctx: TaskContext) -> str:
        contexts.append(ctx)
        if len(contexts) == 1:
            release.wait(20)
            return "from the older"
        return "from the newer"

    async with Worker(app, concurrency=2) as worker:
        task = await work.enqueue()
        await soon(lambda: contexts)
        raw.hdel(f"lineshaft:owned:{worker.lease.session}", task.id)  # as after a failover to a replica that was behind
        raw.set(f"task:{task.id}:status", "pending")
        raw.rpush("task_queue", task.id)
        try:
            assert await task.result(timeout=10) == "from the newer"
            assert (contexts[0].lost, contexts[0].cancelled) == (True, True)
        finally:
            release.set()
        await soon(lambda: worker.running == 0)
        assert await task.result(timeout=10) == "from the newer"
    assert [context.lost for context in contexts] == [True, False]


async def test_a_claim_that_never_arrived_is_run_under_a_new_number_and_never_from_what_was_read(
    make_app: Callable[..., App], raw: redis.Redis
):
    app = make_app()
    fences: list[int] = []

    @app.task
    async def work(ctx: TaskContext) -> int:
        fences.append(ctx.fence)
        return ctx.fence

    task = await work.enqueue()
    async with Worker(app, queues=["other"]) as worker:
        assert raw.rpop("task_queue") == task.id
        lost = raw.time()[0] * 1_000_000
        raw.set(f"task:{task.id}:status", "in-progress")
        raw.hset(f"lineshaft:owned:{worker.lease.session}", task.id, f"{lost}:other")
        fence = await task.result(timeout=10)
    assert fences == [fence]
    assert fence > lost


async def test_an_end_that_is_answered_during_the_comparison_is_not_taken_for_a_claim_that_never_arrived(
    make_app: Callable[..., App], raw: redis.Redis
):
    async with side_of(make_app(), raw, owned=OLD) as side:
        run = side.runs(OLD)
        read = side.reconciler._inspector.owned

        async def owned(session: str) -> dict[str, bytes]:
            found = await read(session)
            side.table.remove(run.key)
            return found

        side.reconciler._inspector.owned = owned
        await side.compare()
        assert raw.hget(f"lineshaft:owned:{SESSION}", "a") == OLD.decode()
