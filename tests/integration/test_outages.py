"""Redis dies, stops or fills up in the middle of work: what was accepted is done, and what is alive is not reaped."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Callable

import pytest
import redis

from lineshaft import App, LineshaftError, OutcomeUnknownError, Retry, ServerFullError, ServerUnavailableError, TaskContext
from lineshaft.worker import Worker
from servers import RunningServer

from .journal import Journal
from .processes import WorkerProcess
from .waiting import soon, until


@pytest.fixture
def durable(start_server: Callable[..., RunningServer]) -> RunningServer:
    """A server of its own whose writes are on disk before they are answered."""
    return start_server("--appendonly", "yes", "--appendfsync", "always")


async def test_a_server_that_is_killed_and_comes_back_costs_no_task_and_no_result(
    make_app: Callable[..., App], durable: RunningServer
):
    app = make_app(url=durable.url)
    started: Counter[str] = Counter()
    release = asyncio.Event()

    @app.task(retry=Retry(tries=1))
    async def work(ctx: TaskContext, n: int) -> int:
        started[ctx.id] += 1
        await release.wait()
        return n

    async with Worker(app, concurrency=50) as worker:
        tasks = await app.enqueue_many([work.call(n) for n in range(200)])
        await soon(lambda: worker.running == 50)
        await asyncio.to_thread(durable.kill)
        release.set()  # they end while nobody can be told
        await soon(lambda: worker.running == 0)
        await asyncio.sleep(app.settings.lease_s + app.settings.look_gap_s)  # longer than the lease: the outage under test
        await asyncio.to_thread(durable.restart)
        assert [await task.result(timeout=20) for task in tasks] == list(range(200))
    assert (len(started), set(started.values())) == (200, {1})
    with redis.Redis.from_url(durable.url, decode_responses=True) as client:
        assert client.llen("lineshaft:ended:done") == 200
        assert not list(client.scan_iter("lineshaft:owned:*"))


async def test_what_is_enqueued_while_the_server_restarts_is_accepted_once(
    make_app: Callable[..., App], durable: RunningServer
):
    app = make_app(url=durable.url)

    @app.task
    async def work(n: int) -> int:
        return n

    await work.enqueue(0)
    await asyncio.to_thread(durable.kill)
    calls = [asyncio.create_task(work.enqueue(n)) for n in range(1, 20)]
    await asyncio.sleep(0)
    await asyncio.to_thread(durable.restart)
    tasks = await asyncio.gather(*calls)
    with redis.Redis.from_url(durable.url, decode_responses=True) as client:
        assert sorted(client.lrange("task_queue", 0, -1)[:-1]) == sorted(task.id for task in tasks)


async def test_a_read_after_the_server_was_restarted_is_answered(make_app: Callable[..., App], durable: RunningServer):
    app = make_app(url=durable.url)
    task = await app.submit(app.call(None))
    assert await task.status() == "pending"
    await asyncio.to_thread(durable.restart)
    assert await task.status() == "pending"
    await asyncio.to_thread(durable.restart)
    assert (await app.client.inspector.task(task.id)).status == "pending"
    await asyncio.to_thread(durable.restart)
    assert await task.cancel() == "cancelled"


async def test_an_enqueue_without_a_server_is_refused_in_time_and_says_whether_it_may_have_been_accepted(
    make_app: Callable[..., App], start_server: Callable[..., RunningServer]
):
    server = start_server()
    app = make_app(url=server.url, resend_s=0.5, call_timeout_s=0.3)

    @app.task
    async def work() -> None: ...

    await work.enqueue()
    os.kill(server.pid, signal.SIGSTOP)
    try:
        with pytest.raises(OutcomeUnknownError, match="order-1"):
            await work.options(task_id="order-1").enqueue()
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert (await work.options(task_id="order-1").enqueue()).id == "order-1"
    with redis.Redis.from_url(server.url, decode_responses=True) as client:
        assert client.lrange("task_queue", 0, -1).count("order-1") == 1
    await asyncio.to_thread(server.kill)
    await app.close()
    with pytest.raises(ServerUnavailableError):
        await work.enqueue()


async def test_a_server_that_stands_still_for_longer_than_the_lease_causes_no_second_run(
    make_app: Callable[..., App],
    start_server: Callable[..., RunningServer],
    start_worker: Callable[..., WorkerProcess],
    journal: Journal,
):
    server = start_server()
    workers = [start_worker(url=server.url, app="shop:app", look_gap_s=2.5) for _ in range(2)]
    app = make_app("producer", url=server.url)
    for name in ("nap", "doze"):
        app.task(name=name)(lambda seconds: seconds)
    for worker in workers:
        worker.wait_ready()
    tasks = await app.enqueue_many([app.call(name, [5]) for name in ("nap", "doze") for _ in range(8)])
    await soon(lambda: len(journal.started()) == 16)
    os.kill(server.pid, signal.SIGSTOP)
    await asyncio.sleep(3.0)  # the lease is 2 s
    os.kill(server.pid, signal.SIGCONT)
    assert [await task.result(timeout=20) for task in tasks] == [5] * 16
    await soon(lambda: all(worker.children() for worker in workers))
    assert set(journal.started().values()) == {1}
    assert journal.count("stopped") == 0


def test_a_restarted_server_finds_its_workers_alive_under_their_old_sessions(
    durable: RunningServer, start_worker: Callable[..., WorkerProcess]
):
    worker = start_worker(url=durable.url)
    worker.wait_ready()
    before = worker.sessions()
    durable.kill()
    began_s = time.monotonic()
    until(lambda: time.monotonic() - began_s > 2.5)  # longer than the lease: the outage under test
    durable.restart()

    def renewed() -> bool:
        with redis.Redis.from_url(durable.url) as client:
            (end_ms,) = [end for _, end in client.zrange("lineshaft:sessions", 0, -1, withscores=True)]
            return end_ms > client.time()[0] * 1000

    until(renewed)
    assert worker.sessions() == before


async def test_a_server_that_is_full_refuses_new_work_whole_and_takes_the_ends_of_the_old(
    make_app: Callable[..., App], start_server: Callable[..., RunningServer]
):
    server = start_server("--maxmemory", "20mb", "--maxmemory-policy", "noeviction")
    app = make_app(url=server.url)
    release = asyncio.Event()

    @app.task
    async def work(n: int) -> int:
        await release.wait()
        return n

    with redis.Redis.from_url(server.url, decode_responses=True) as client:
        async with Worker(app, concurrency=20) as worker:
            tasks = await app.enqueue_many([work.call(n) for n in range(60)])
            await soon(lambda: worker.running == 20)
            client.config_set("maxmemory", "1mb")
            with pytest.raises(ServerFullError):
                await work.options(task_id="refused").enqueue(1)
            assert client.exists("task:refused", "task:refused:status", "task:refused:digest") == 0
            release.set()
            assert [await task.result(timeout=20) for task in tasks] == list(range(60))
            client.config_set("maxmemory", "20mb")
            assert await (await work.enqueue(1)).result(timeout=10) == 1


@pytest.mark.parametrize("who", ["enqueue", "status", "worker", "result"])
async def test_a_wrong_password_is_named_by_whatever_needs_the_server(
    make_app: Callable[..., App], start_server: Callable[..., RunningServer], who: str
):
    server = start_server()
    with redis.Redis.from_url(server.url) as client:
        client.config_set("requirepass", "secret")
    app = make_app(url=server.url.replace("127.0.0.1", ":wrong@127.0.0.1"), resend_s=0.5)
    with pytest.raises(LineshaftError, match="password"):
        if who == "enqueue":
            await app.submit(app.call(None))
        elif who == "status":
            await app.get_task("some").status()
        elif who == "worker":
            await Worker(app).start()
        else:
            await app.get_task("some").result(timeout=2)
