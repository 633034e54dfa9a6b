"""Connections that break, fall silent, lose replies or deliver them byte by byte: nothing is lost and nothing ends twice."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable

import pytest
import redis

from lineshaft import App, LineshaftError, Retry, TaskContext
from lineshaft.broker.connection import Connection
from lineshaft.protocol import loader
from lineshaft.worker import Worker

from .proxy import Proxy
from .simple_tasks import held_task
from .waiting import soon

CALL_S = 1.0  # how long a call may take here; longer than a busy machine needs


def counting(make_app: Callable[..., App], url: str, **settings: float) -> tuple[App, Counter[str]]:
    """An app that goes through a proxy, and how often each of its tasks was started."""
    app = make_app(url=url, call_timeout_s=CALL_S, **settings)
    started: Counter[str] = Counter()

    @app.task(name="work", retry=Retry(tries=1))
    async def work(ctx: TaskContext, n: int = 0) -> int:
        started[ctx.id] += 1
        await asyncio.sleep(0.01)
        return n

    return app, started


@pytest.mark.parametrize("how", ["lose", "halve"])
async def test_a_claim_whose_reply_is_lost_is_handed_back_and_its_tasks_run_once(
    make_app: Callable[..., App], proxy: Proxy, raw: redis.Redis, how: str
):
    direct = make_app("producer")
    app, started = counting(make_app, proxy.url)
    direct.task(name="work")(lambda n=0: n)
    tasks = await direct.enqueue_many([direct.call("work", [n]) for n in range(5)])
    rule = getattr(proxy, how)(tasks[2].id.encode())
    async with Worker(app):
        assert [await task.result(timeout=10) for task in tasks] == list(range(5))
        assert rule.happened.is_set()
        record = await direct.client.inspector.task(tasks[2].id)
    assert started == {task.id: 1 for task in tasks}
    assert (record.tries, record.crashes, record.attempts) == (1, 0, [])


@pytest.mark.parametrize("how", ["lose", "halve"])
async def test_an_end_whose_reply_is_lost_is_sent_again_and_counts_once(
    make_app: Callable[..., App], proxy: Proxy, raw: redis.Redis, how: str
):
    app, started = counting(make_app, proxy.url)
    async with Worker(app):
        rule = getattr(proxy, how)(b"done")
        task = await app.submit(app.call("work", [7]))
        await soon(rule.happened.is_set)
        assert await task.result(timeout=10) == 7
        await soon(lambda: raw.lrange("lineshaft:ended:done", 0, -1) == [task.id])
    assert started == {task.id: 1}
    assert not list(raw.scan_iter("lineshaft:owned:*"))


async def test_a_failure_whose_reply_is_lost_is_sent_again_and_counts_once(
    make_app: Callable[..., App], proxy: Proxy, raw: redis.Redis
):
    app = make_app(url=proxy.url, call_timeout_s=CALL_S)
    tries: list[int] = []

    @app.task(retry=Retry(tries=2, base=0.3, jitter=0))
    async def work(ctx: TaskContext) -> int:
        tries.append(ctx.tries)
        if ctx.tries == 1:
            raise ValueError("once")
        return ctx.tries

    async with Worker(app):
        rule = proxy.lose(b"scheduled")
        task = await work.enqueue()
        assert await task.result(timeout=10) == 2
        assert rule.happened.is_set()
        record = await app.client.inspector.task(task.id)
    assert tries == [1, 2]
    assert (record.tries, len(record.attempts)) == (2, 1)


async def test_an_enqueue_whose_reply_is_lost_is_sent_again_and_makes_one_task(
    make_app: Callable[..., App], proxy: Proxy, raw: redis.Redis
):
    app, _ = counting(make_app, proxy.url)
    rule = proxy.lose(b"created")
    task = await app.submit(app.call("work", [1]))
    assert rule.happened.is_set()
    assert raw.lrange("task_queue", 0, -1) == [task.id]
    rule = proxy.lose(b"created")
    tasks = await app.enqueue_many([app.call("work", [n]) for n in range(700)])
    assert rule.happened.is_set()
    assert raw.llen("task_queue") == len(tasks) + 1 == 701


async def test_an_enqueue_that_never_reached_the_server_is_sent_again(
    make_app: Callable[..., App], proxy: Proxy, raw: redis.Redis
):
    app, _ = counting(make_app, proxy.url)
    await app.submit(app.call("work", [1]))
    rule = proxy.lose(loader.load("enqueue").sha.encode(), "request")
    task = await app.submit(app.call("work", [2]))
    assert rule.happened.is_set()
    assert raw.lrange("task_queue", 0, 0) == [task.id]
    assert raw.llen("task_queue") == 2


async def test_connections_that_are_cut_again_and_again_lose_no_task(
    make_app: Callable[..., App], proxy: Proxy, raw: redis.Redis
):
    app, started = counting(make_app, proxy.url)
    accepted, unknown = [], 0
    async with Worker(app, concurrency=10):
        proxy.cut_every(0.2)
        began_s = asyncio.get_running_loop().time()
        number = 0
        while asyncio.get_running_loop().time() - began_s < 10:
            try:
                accepted += await app.enqueue_many([app.call("work", [number + n]) for n in range(3)])
            except LineshaftError:
                unknown += 1
            number += 3
            await asyncio.sleep(0.02)
        proxy.calm()
        await asyncio.gather(*(task.result(timeout=20) for task in accepted))
        await soon(lambda: not list(raw.scan_iter("lineshaft:owned:*")))
    assert proxy.cuts >= 40
    assert len(accepted) >= 100
    assert unknown == 0
    assert {raw.get(f"task:{task.id}:status") for task in accepted} == {"done"}
    assert sum(started.values()) == len(started), "nothing here may cost a second run"
    assert raw.llen("lineshaft:ended:done") == len(started)


async def test_a_call_on_a_connection_that_was_cut_meanwhile_is_answered(
    make_app: Callable[..., App], proxy: Proxy, redis_url: str
):
    app, _ = counting(make_app, proxy.url)
    task = await app.submit(app.call("work", [1]))
    assert await task.status() == "pending"
    proxy.cut()
    assert await task.status() == "pending"
    proxy.cut()
    assert (await app.client.inspector.task(task.id)).status == "pending"
    proxy.cut()
    assert (await app.submit(app.call("work", [1]))).id
    assert await task.cancel() == "cancelled"


async def test_a_waiter_hears_of_the_end_though_its_connections_are_cut(
    make_app: Callable[..., App], proxy: Proxy, redis_url: str
):
    direct, app = make_app("worker"), make_app("waiter", url=proxy.url)
    wait, release = held_task(direct)
    async with Worker(direct):
        task = await wait.enqueue()
        waiting = asyncio.create_task(app.get_task(task.id).result(timeout=20))
        assert await app.get_task(task.id).status() in {"pending", "in-progress"}
        proxy.cut()
        release.set()
        proxy.cut()
        assert await waiting == "free"


async def test_connections_that_fall_silent_are_given_up_and_the_work_goes_on(
    make_app: Callable[..., App], proxy: Proxy, raw: redis.Redis
):
    app, started = counting(make_app, proxy.url, lease_s=4.0, renew_s=1.0, look_gap_s=2.0)
    async with Worker(app) as worker:
        before = await app.submit(app.call("work", [1]))
        assert await before.result(timeout=10) == 1
        session = worker.lease.session
        proxy.silence()  # half-open: nobody is told
        tasks = await app.enqueue_many([app.call("work", [n]) for n in range(20)])
        assert [await task.result(timeout=20) for task in tasks] == list(range(20))
        assert worker.lease.session == session
    assert set(started.values()) == {1}


async def test_replies_that_come_byte_by_byte_are_read_like_any_other(make_app: Callable[..., App], proxy: Proxy):
    proxy.split()
    app, started = counting(make_app, proxy.url)
    async with Worker(app):
        tasks = await app.enqueue_many([app.call("work", [n]) for n in range(30)])
        assert [await task.result(timeout=20) for task in tasks] == list(range(30))
    assert set(started.values()) == {1}


async def test_slow_replies_cost_time_and_nothing_else(make_app: Callable[..., App], proxy: Proxy, raw: redis.Redis):
    app, started = counting(make_app, proxy.url, lease_s=4.0)
    async with Worker(app):
        rules = [proxy.delay(loader.load(name).sha.encode(), 1.5 * CALL_S) for name in ("claim", "finish", "enqueue", "renew")]
        tasks = await app.enqueue_many([app.call("work", [n]) for n in range(10)])
        assert [await task.result(timeout=20) for task in tasks] == list(range(10))
        assert all(rule.happened.is_set() for rule in rules)
        await soon(lambda: not list(raw.scan_iter("lineshaft:owned:*")))
    assert set(started.values()) == {1}


async def test_a_worker_that_stops_while_its_claim_is_on_the_wire_hands_back_what_that_brings(
    make_app: Callable[..., App], proxy: Proxy, raw: redis.Redis
):
    direct = make_app("producer")
    app, started = counting(make_app, proxy.url)
    direct.task(name="work")(lambda n=0: n)
    async with Worker(app) as worker:
        rule = proxy.delay(loader.load("claim").sha.encode(), 0.5)
        await soon(rule.happened.is_set)
        task = await direct.submit(direct.call("work", [3]))
        await worker.stop()
    word = await task.status()
    assert word in {"pending", "done"}
    assert raw.zcard("lineshaft:sessions") == 0
    assert not list(raw.scan_iter("lineshaft:owned:*"))
    assert started[task.id] == (word == "done")


async def test_killed_clients_come_back_and_nothing_is_lost(make_app: Callable[..., App], raw: redis.Redis, redis_url: str):
    app, started = counting(make_app, redis_url)
    kills = 0
    async with Worker(app, concurrency=10):
        tasks = []
        for n in range(40):
            tasks += await app.enqueue_many([app.call("work", [n]) for _ in range(5)])
            for kind in ("normal", "pubsub"):
                kills += raw.client_kill_filter(_type=kind)
            await asyncio.sleep(0.05)
        await asyncio.gather(*(task.result(timeout=20) for task in tasks))
    assert kills > 100
    assert (len(started), set(started.values())) == (200, {1})


async def test_scripts_that_the_server_forgets_are_sent_again(
    make_app: Callable[..., App], raw: redis.Redis, redis_url: str, caplog: pytest.LogCaptureFixture
):
    app, started = counting(make_app, redis_url)
    async with Worker(app, concurrency=10):
        tasks = []
        for n in range(100):
            raw.script_flush()
            tasks += await app.enqueue_many([app.call("work", [n]) for _ in range(5)])
            raw.script_flush()
            await asyncio.sleep(0.01)
        await asyncio.gather(*(task.result(timeout=20) for task in tasks))
    assert (len(started), set(started.values())) == (500, {1})
    assert not [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}]


async def test_a_call_that_is_cancelled_never_leaves_its_reply_to_another(redis_url: str):
    connection = Connection(lambda: redis_url, name="fuzz", timeout_s=5)
    chance = random.Random(7)
    answered = cancelled = 0

    async def ask(n: int) -> None:
        nonlocal answered
        assert await connection.call("ECHO", f"{n}") == f"{n}".encode()
        answered += 1

    for n in range(2000):
        call = asyncio.create_task(ask(n))
        for _ in range(chance.randrange(8)):
            await asyncio.sleep(0)
        if chance.random() < 0.5:
            call.cancel()
            cancelled += 1
        with contextlib.suppress(asyncio.CancelledError):
            await call
    several = await connection.calls([("ECHO", "a"), ("ECHO", "b")])
    await connection.close()
    assert several == [b"a", b"b"]
    assert answered > 500
    assert cancelled > 500


async def test_a_server_that_moved_is_found_at_its_new_address(redis_url: str, proxy: Proxy):
    addresses = iter([proxy.url, redis_url])
    connection = Connection(lambda: next(addresses), name="moving", timeout_s=5)
    assert await connection.call("ECHO", "there") == b"there"
    proxy.cut()
    with contextlib.suppress(LineshaftError):
        await connection.call("PING")
    assert await connection.call("ECHO", "here") == b"here"
    await connection.close()
    assert next(addresses, None) is None
