"""Starting and stopping, in every order and at every moment: nothing is left behind and nothing is lost."""

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import redis

from lineshaft import App, Retry, TaskContext
from lineshaft.broker.broker import Broker
from lineshaft.broker.connection import Connection
from lineshaft.clock import monotonic_s
from lineshaft.worker import Worker
from lineshaft.worker.lease import Lease
from lineshaft.worker.lease_keeper import LeaseKeeper
from lineshaft.worker.loop import Loop

from .waiting import soon

LOOPS = ["Fetcher", "Finisher", "Promoter", "Reaper", "Pruner", "Canceller", "TokenListener", "LeaseKeeper"]


class Tenant:
    def permit(self, until_s: float) -> None: ...

    def stop_tasks(self, task_ids: list[str]) -> None: ...

    def obey(self, order: str) -> None: ...

    def lose(self) -> None: ...


@asynccontextmanager
async def loop_of(app: App, name: str) -> AsyncIterator[Loop]:
    """One loop of a worker whose session is open, and nothing else of it."""
    connection = Connection(app.server_url, name="keeper", timeout_s=5)
    keeper = LeaseKeeper(Broker(connection, app.keys, app.settings))
    lease = Lease("0" * 32)
    await keeper.open(lease.session, {"pid": 1}, Tenant())
    lease.permitted_until_s = monotonic_s() + 60
    worker = Worker(app, concurrency=3, lease=lease)
    loops: list[Loop] = [worker._fetcher, worker._finisher, *worker._helpers, keeper]
    (loop,) = [loop for loop in loops if type(loop).__name__ == name]
    try:
        yield loop
    finally:
        await loop.stop()
        worker._executor.close()
        for other in (*worker._connections, connection):
            await other.close()


def others() -> set[asyncio.Task]:
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}


@pytest.mark.parametrize("name", LOOPS)
async def test_stopping_a_loop_before_it_started_and_twice_does_nothing(make_app: Callable[..., App], name: str):
    async with loop_of(make_app(), name) as loop:
        before = others()
        await loop.stop()
        await loop.stop()
        assert others() == before
        loop.start()
        (task,) = others() - before
        await asyncio.sleep(0.05)  # time enough to end, for one that would
        assert not task.done(), "a stop before the start must not end what is started after it"
        await loop.stop()
        assert task.done()
        await loop.stop()
        assert others() == before


@pytest.mark.parametrize("name", LOOPS)
async def test_a_loop_that_is_started_twice_runs_once(make_app: Callable[..., App], name: str):
    async with loop_of(make_app(), name) as loop:
        before = others()
        loop.start()
        loop.start()
        assert len(others() - before) == 1
        await asyncio.gather(loop.stop(), loop.stop())
        assert others() == before


@pytest.mark.parametrize("name", LOOPS)
async def test_a_loop_is_stopped_at_any_moment(make_app: Callable[..., App], name: str):
    chance = random.Random(name)
    for _ in range(12):
        async with loop_of(make_app(), name) as loop:
            before = others()
            loop.start()
            for _ in range(chance.randrange(40)):
                await asyncio.sleep(0)
            await asyncio.wait_for(loop.stop(), 5)
            assert others() == before


async def test_a_worker_may_be_stopped_before_it_started_and_twice(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()
    worker = Worker(app)
    await worker.stop()
    assert raw.dbsize() == 0
    await worker.start()
    await worker.stop()
    await worker.stop()
    assert raw.zcard("lineshaft:sessions") == 0
    assert others() == set()


async def test_a_worker_that_is_started_twice_has_one_session(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()
    async with Worker(app) as worker:
        threads = threading.active_count()
        await worker.start()
        assert raw.zrange("lineshaft:sessions", 0, -1) == [worker.lease.session]
        assert threading.active_count() == threads
        assert await (await app.submit(app.call(None))).result(timeout=10) == "pong"
    assert raw.zcard("lineshaft:sessions") == 0


async def test_a_worker_that_is_stopped_by_two_at_once_stops_once(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()

    @app.task
    async def work() -> int:
        await asyncio.sleep(0.2)
        return 1

    worker = Worker(app)
    await worker.start()
    task = await work.enqueue()
    await soon(lambda: worker.running == 1)
    await asyncio.gather(worker.stop(), worker.stop())
    assert await task.result(timeout=10) == 1
    assert raw.zcard("lineshaft:sessions") == 0


async def test_workers_that_are_stopped_at_any_moment_of_their_work_lose_nothing(
    make_app: Callable[..., App], raw: redis.Redis
):
    app = make_app(grace_s=0.05)
    chance = random.Random(11)
    ended: list[str] = []

    @app.task(retry=Retry(tries=1))
    async def work(ctx: TaskContext, seconds: float) -> None:
        await asyncio.sleep(seconds)
        ended.append(ctx.id)

    tasks = []
    for _ in range(25):
        async with Worker(app, concurrency=4):
            tasks += await app.enqueue_many([work.call(chance.random() * 0.1) for _ in range(5)])
            await asyncio.sleep(chance.random() * 0.05)
        assert raw.zcard("lineshaft:sessions") == 0
        assert not list(raw.scan_iter("lineshaft:owned:*"))
    async with Worker(app):
        await asyncio.gather(*(task.result(timeout=20) for task in tasks))
    records = [await app.client.inspector.task(task.id) for task in tasks]
    assert {(record.status, record.tries, record.crashes) for record in records} == {("done", 1, 0)}
    assert sorted(ended) == sorted(task.id for task in tasks)


async def test_what_does_not_end_within_the_grace_of_a_worker_in_a_loop_goes_back_uncounted(
    make_app: Callable[..., App], raw: redis.Redis
):
    app = make_app(grace_s=0.1)
    events: list[str] = []

    @app.task
    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            events.append("stopped")

    async with Worker(app) as worker:
        tasks = await app.enqueue_many([work.call() for _ in range(3)])
        await soon(lambda: worker.running == 3)
    assert events == ["stopped"] * 3
    assert sorted(raw.lrange("task_queue", 0, -1)) == sorted(task.id for task in tasks)
    for task in tasks:
        record = await app.client.inspector.task(task.id)
        assert (record.status, record.tries, record.crashes, record.attempts) == ("pending", 0, 0, [])
    assert raw.exists("lineshaft:sessions", "lineshaft:suspects", "lineshaft:crashes", "lineshaft:tries") == 0


async def test_a_block_that_raises_still_drains(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()

    @app.task
    async def work() -> int:
        await asyncio.sleep(0.1)
        return 1

    with pytest.raises(ZeroDivisionError):
        async with Worker(app) as worker:
            task = await work.enqueue()
            await soon(lambda: worker.running == 1)
            raise ZeroDivisionError
    assert await task.result(timeout=10) == 1
    assert raw.zcard("lineshaft:sessions") == 0
