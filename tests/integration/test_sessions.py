"""A worker and its lease, in one process: kept through a blocked loop, lost when it is reaped, taken up anew."""

import asyncio
import threading
import time
from collections.abc import Callable

import pytest
import redis

from lineshaft import App, LineshaftError, TaskContext
from lineshaft.broker.broker import Broker
from lineshaft.broker.connection import Connection
from lineshaft.worker import Worker

from .waiting import soon


async def reap(app: App, session: str) -> None:
    """End a session as another worker does that saw its process die."""
    connection = Connection(app.server_url, name="reaper", timeout_s=5)
    broker = Broker(connection, app.keys, app.settings)
    while (await broker.reap(session)).more:
        pass
    await connection.close()


@pytest.mark.parametrize("plain", [False, True])
async def test_a_run_whose_session_was_reaped_is_told_and_its_late_result_changes_nothing(
    make_app: Callable[..., App], raw: redis.Redis, plain: bool
):
    app = make_app()
    contexts: list[TaskContext] = []
    release = threading.Event()

    if plain:

        @app.task
        def work(ctx: TaskContext) -> str:
            contexts.append(ctx)
            if len(contexts) == 1:
                release.wait(20)
                return "from the first"
            return "from the second"
    else:

        @app.task
        async def work(ctx: TaskContext) -> str:
            contexts.append(ctx)
            if len(contexts) == 1:
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    assert ctx.lost
                    while not release.is_set():
                        await asyncio.sleep(0.01)
                    return "from the first"
            return "from the second"

    async with Worker(app, concurrency=2) as worker:
        first_session = worker.lease.session
        task = await work.enqueue()
        await soon(lambda: contexts)
        await reap(app, first_session)
        assert await task.result(timeout=10) == "from the second"
        await soon(lambda: contexts[0].lost and contexts[0].cancelled)
        ended = raw.get(f"task:{task.id}:result")
        release.set()
        await soon(lambda: worker.running == 0)
        after = await app.submit(app.call(None))
        assert await after.result(timeout=10) == "pong"
        assert raw.get(f"task:{task.id}:result") == ended
        assert raw.get(f"task:{task.id}:status") == "done"
        record = await app.client.inspector.task(task.id)
        assert worker.lease.session != first_session
    assert (record.tries, record.crashes) == (1, 1)
    assert [attempt.kind for attempt in record.attempts] == ["crash"]
    assert contexts[0].fence < contexts[1].fence
    assert (contexts[1].lost, contexts[1].crashes) == (False, 1)
    assert contexts[1].session != first_session
    assert raw.zcard("lineshaft:sessions") == 0


async def test_a_worker_whose_session_went_while_it_was_idle_goes_on_under_a_new_one(
    make_app: Callable[..., App], raw: redis.Redis
):
    app = make_app()
    async with Worker(app) as worker:
        for _ in range(3):
            session = worker.lease.session
            raw.zrem("lineshaft:sessions", session)
            await soon(lambda session=session: worker.lease.session != session)
            assert await (await app.submit(app.call(None))).result(timeout=10) == "pong"
        assert raw.zrange("lineshaft:sessions", 0, -1) == [worker.lease.session]
    assert raw.zcard("lineshaft:sessions") == 0


async def test_a_worker_that_lost_everything_to_a_flush_goes_on(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()
    async with Worker(app) as worker:
        assert await (await app.submit(app.call(None))).result(timeout=10) == "pong"
        session = worker.lease.session
        raw.flushall()
        await soon(lambda: worker.lease.session != session)
        assert await (await app.submit(app.call(None))).result(timeout=10) == "pong"


async def test_a_task_that_blocks_the_loop_for_longer_than_the_lease_keeps_its_claim(
    make_app: Callable[..., App], raw: redis.Redis
):
    apps = [make_app(name, lease_s=1.0, renew_s=0.3) for name in ("blocked", "waiting")]
    runs: list[str] = []
    blocked = threading.Event()

    def block(seconds: float) -> str:
        runs.append("run")
        blocked.set()
        time.sleep(seconds)
        return "kept"

    for app in apps:

        @app.task(name="block")
        async def work(seconds: float) -> str:
            return block(seconds)

    def beside() -> None:
        """A second worker, in a loop of its own, that would take over."""

        async def watch() -> None:
            assert await asyncio.to_thread(blocked.wait, 10)
            async with Worker(apps[1]):
                await apps[1].get_task(task.id).result(timeout=20)
            await apps[1].close()

        asyncio.run(watch())

    async with Worker(apps[0]):
        task = await apps[0].submit(apps[0].call("block", [3.5]))
        thread = threading.Thread(target=beside)
        thread.start()
        assert await task.result(timeout=20) == "kept"
        await asyncio.to_thread(thread.join)
        record = await apps[0].client.inspector.task(task.id)
    assert runs == ["run"]
    assert (record.crashes, record.attempts) == (0, [])


async def test_a_claim_that_redis_no_longer_has_stops_its_run(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()
    contexts: list[TaskContext] = []

    @app.task
    async def work(ctx: TaskContext) -> None:
        contexts.append(ctx)
        await asyncio.sleep(60)

    async with Worker(app) as worker:
        task = await work.enqueue()
        await soon(lambda: contexts)
        session = worker.lease.session
        raw.hdel(f"lineshaft:owned:{session}", task.id)  # as after a failover to a replica that was behind
        await soon(lambda: contexts[0].lost)
        await soon(lambda: worker.running == 0)
        assert worker.lease.session == session
        assert raw.get(f"task:{task.id}:status") == "in-progress"


async def test_a_claim_that_the_worker_never_heard_of_is_handed_back_and_not_run_from_there(
    make_app: Callable[..., App], raw: redis.Redis
):
    app = make_app()
    fences: list[int] = []

    @app.task
    async def work(ctx: TaskContext) -> str:
        fences.append(ctx.fence)
        return "done"

    task = await work.enqueue()
    async with Worker(app, queues=["other"]) as worker:
        raw.rpop("task_queue")
        raw.hset(f"lineshaft:owned:{worker.lease.session}", task.id, "17:other")
        raw.set(f"task:{task.id}:status", "in-progress")
        assert await task.result(timeout=10) == "done"
        record = await app.client.inspector.task(task.id)
    assert fences != [17]
    assert (len(fences), record.tries, record.crashes, record.attempts) == (1, 1, 0, [])


async def test_a_worker_that_dies_without_a_word_is_reaped_and_its_tasks_run_elsewhere(
    make_app: Callable[..., App], raw: redis.Redis
):
    app = make_app(lease_s=1.0, renew_s=0.3)
    contexts: list[TaskContext] = []

    @app.task
    async def work(ctx: TaskContext) -> int:
        contexts.append(ctx)
        if ctx.crashes == 0:
            await asyncio.sleep(60)
        return ctx.crashes

    connection = Connection(app.server_url, name="dead", timeout_s=5)
    dead = Broker(connection, app.keys, app.settings)
    tasks = await app.enqueue_many([work.call() for _ in range(20)])
    await dead.open("dead", 1.0, {"pid": 1, "lease_ms": 1000})
    claimed = await dead.claim("dead", 20, ["default"])
    await connection.close()
    assert len(claimed.claims) == 20
    async with Worker(app):
        assert [await task.result(timeout=10) for task in tasks] == [1] * 20
    assert len(contexts) == 20
    assert all(context.fence > claimed.number for context in contexts)
    assert raw.exists("lineshaft:owned:dead", "lineshaft:suspects", "lineshaft:crashes") == 0


async def test_a_worker_that_cannot_open_its_session_says_so_and_leaves_nothing_behind(make_app: Callable[..., App]):
    app = make_app(url="redis://127.0.0.1:1/0", call_timeout_s=0.5)
    threads = set(threading.enumerate())
    worker = Worker(app)
    with pytest.raises(LineshaftError, match="Redis cannot be reached"):
        await worker.start()
    await soon(lambda: not lineshaft_threads() - threads, within_s=3, what=lambda: lineshaft_threads() - threads)


async def test_a_worker_whose_lifespan_raises_says_so_and_closes_its_session(make_app: Callable[..., App], raw: redis.Redis):
    class Broken:
        async def __aenter__(self) -> None:
            raise OSError("no database")

        async def __aexit__(self, *_: object) -> None: ...

    app = make_app(lifespan=lambda _app: Broken())
    threads = set(threading.enumerate())
    with pytest.raises(OSError, match="no database"):
        async with Worker(app):
            pass
    await soon(lambda: raw.zcard("lineshaft:sessions") == 0, within_s=3)
    await soon(lambda: not lineshaft_threads() - threads, within_s=3, what=lambda: lineshaft_threads() - threads)


def lineshaft_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("lineshaft")}


async def test_a_loop_that_dies_of_what_nobody_foresaw_does_not_leave_a_silent_worker(
    make_app: Callable[..., App], caplog: pytest.LogCaptureFixture
):
    """Promise 7: it says so, and it recovers or it ends."""
    app = make_app()
    async with Worker(app) as worker:
        assert await (await app.submit(app.call(None))).result(timeout=10) == "pong"
        look = worker.queues.next_some
        failures = iter([RuntimeError("nobody foresaw this")])

        def next_some(*arguments: object) -> list[str]:
            for error in failures:
                raise error
            return look(*arguments)

        worker.queues.next_some = next_some
        try:
            assert await (await app.submit(app.call(None))).result(timeout=5) == "pong"
        finally:
            assert "nobody foresaw this" in caplog.text
