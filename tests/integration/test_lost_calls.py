"""Calls that get no answer, a late one or a refusal: nothing is sent twice that may not be, and no reply is another's."""

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest
import redis
import uvloop

from lineshaft import App, ServerUnavailableError, TaskContext
from lineshaft.broker.connection import Connection
from lineshaft.protocol import loader
from lineshaft.worker import Worker
from servers import RunningServer

from .proxy import Proxy
from .waiting import soon

ADDED = 4_100_000  # a number that no other reply has in it
NEVER_S = 3600.0


@pytest.mark.strange_keys("plain commands, to see how often they arrive")
async def test_a_call_whose_reply_is_lost_is_not_sent_again_by_itself(proxy: Proxy, raw: redis.Redis):
    connection = Connection(lambda: proxy.url, name="once", timeout_s=5)
    rule = proxy.lose(b":%d" % ADDED)

    with pytest.raises(ServerUnavailableError) as caught:
        await connection.call("INCRBY", "counter", ADDED)

    await connection.close()
    assert rule.happened.is_set()
    assert caught.value.sent
    assert raw.get("counter") == str(ADDED)


@pytest.mark.strange_keys("plain commands, to see how often they arrive")
async def test_where_every_call_may_be_repeated_it_is_sent_again_once(proxy: Proxy, raw: redis.Redis):
    connection = Connection(lambda: proxy.url, name="twice", timeout_s=5, repeats=True)
    rule = proxy.lose(b":%d" % ADDED)

    assert await connection.call("INCRBY", "counter", ADDED) == 2 * ADDED

    await connection.close()
    assert rule.happened.is_set()
    assert raw.get("counter") == str(2 * ADDED)


async def test_a_reply_that_comes_after_its_time_is_not_taken_for_that_of_the_next_call(proxy: Proxy):
    connection = Connection(lambda: proxy.url, name="late", timeout_s=5)
    assert await connection.call("ECHO", "first") == b"first"
    proxy.delay(b"late", 0.5, "reply")

    with pytest.raises(ServerUnavailableError):
        await connection.call("ECHO", "late", timeout_s=0.1)
    answer = await connection.call("ECHO", "next")

    await connection.close()
    assert answer == b"next"


@pytest.mark.strange_keys("plain commands, to see how often they arrive")
async def test_a_call_on_a_connection_that_has_ended_is_sent_on_a_new_one(raw: redis.Redis, server: RunningServer):
    """Nothing was sent on the one that ended, so this is no repeat: also a call that may not be repeated is answered."""
    connection = Connection(lambda: server.url, name="ends", timeout_s=5)
    for number in range(1, 6):
        assert await connection.call("INCR", "counter") == number
        (mine,) = [client["id"] for client in raw.client_list() if client["name"] == "ends"]
        raw.client_kill_filter(_id=mine)
        await soon(connection._link._reader.at_eof)
    await connection.close()
    assert raw.get("counter") == "5"


async def test_calls_that_are_made_at_once_get_each_their_own_reply(redis_url: str):
    connection = Connection(lambda: redis_url, name="many", timeout_s=5)
    answers = await asyncio.gather(*(connection.call("ECHO", f"{n}") for n in range(200)))
    await connection.close()
    assert answers == [f"{n}".encode() for n in range(200)]


@pytest.mark.strange_keys("plain commands, to see how often they arrive")
async def test_a_server_that_takes_no_writes_any_more_is_left_and_its_address_asked_for_again(
    start_server: Callable[..., RunningServer], raw: redis.Redis, server: RunningServer
):
    """A failover leaves clients connected to the demoted server."""
    demoted = start_server()
    addresses = iter([demoted.url, server.url])
    connection = Connection(lambda: next(addresses), name="failover", timeout_s=5)
    await connection.call("SET", "where", "there")
    with redis.Redis.from_url(demoted.url) as client:
        client.replicaof("127.0.0.1", "1")  # of nobody: it takes no writes, and has none to follow

    with pytest.raises(ServerUnavailableError, match="READONLY"):
        await connection.call("SET", "where", "nowhere")
    await connection.call("SET", "where", "here")

    await connection.close()
    assert raw.get("where") == "here"


def producing(make_app: Callable[..., App], proxy: Proxy, **settings: float) -> tuple[App, App, Counter[str]]:
    """An app for producers, one whose workers go through the proxy, and how often each task was started."""
    direct, app = make_app("producer"), make_app(url=proxy.url, **settings)
    started: Counter[str] = Counter()
    direct.work = direct.task(name="work")(lambda: None)

    @app.task(name="work")
    async def work(ctx: TaskContext) -> None:
        started[ctx.id] += 1

    return direct, app, started


async def test_a_claim_whose_reply_is_lost_is_handed_back_before_the_next_one(make_app: Callable[..., App], proxy: Proxy):
    direct, app, started = producing(make_app, proxy, call_timeout_s=1.0, reconcile_s=NEVER_S)
    async with Worker(app):
        await (await direct.work.enqueue()).result(timeout=10)
        rule = proxy.lose(b"its-reply-is-lost")
        task = await direct.work.options(task_id="its-reply-is-lost").enqueue()
        await task.result(timeout=10)
    assert rule.happened.is_set()
    assert started[task.id] == 1


async def test_what_a_claim_brings_while_the_worker_stops_is_still_run_within_the_grace(
    make_app: Callable[..., App], proxy: Proxy
):
    direct, app, started = producing(make_app, proxy)
    async with Worker(app) as worker:
        await (await direct.work.enqueue()).result(timeout=10)
        rule = proxy.delay(b"claimed-while-it-stops", 0.5, "reply")
        task = await direct.work.options(task_id="claimed-while-it-stops").enqueue()
        await soon(rule.happened.is_set)
        assert await task.status() == "in-progress"
        await worker.stop()
    assert await task.status() == "done"
    assert started[task.id] == 1


async def test_a_waiter_asks_again_where_nobody_tells_it(make_app: Callable[..., App], raw: redis.Redis):
    """A foreign consumer sets the word and tells nobody, long after the waiter first asked."""
    app = make_app()
    task = await app.submit(app.call(None))
    waiting = asyncio.create_task(task.result(timeout=15))
    await soon(lambda: raw.hexists("lineshaft:watched", task.id))
    await soon(lambda: app.client._watcher._to_ask == [])
    assert raw.rpop("task_queue") == task.id
    raw.set(f"task:{task.id}:status", "done")
    assert await waiting is None


@pytest.mark.parametrize("times", [1, 3])
async def test_an_end_that_never_reached_the_server_is_sent_again(
    make_app: Callable[..., App], proxy: Proxy, raw: redis.Redis, times: int
):
    direct, app, started = producing(make_app, proxy)
    async with Worker(app):
        await (await direct.work.enqueue()).result(timeout=10)
        rules = [proxy.lose(loader.load("finish").sha.encode(), "request") for _ in range(times)]
        task = await direct.work.enqueue()
        await task.result(timeout=10)
        await soon(lambda: not list(raw.scan_iter("lineshaft:owned:*")))
    assert all(rule.happened.is_set() for rule in rules)
    assert started[task.id] == 1


async def test_an_end_that_is_slow_to_be_delivered_is_waited_for_while_the_worker_stops(
    make_app: Callable[..., App], proxy: Proxy
):
    direct, app, started = producing(make_app, proxy)
    async with Worker(app) as worker:
        await (await direct.work.enqueue()).result(timeout=10)
        rule = proxy.delay(loader.load("finish").sha.encode(), 1.0)
        task = await direct.work.enqueue()
        await soon(rule.happened.is_set)
        assert await worker.stop()
    assert await task.status() == "done"
    assert started[task.id] == 1


async def test_an_idle_worker_starts_a_new_task_without_waiting_for_its_next_look(make_app: Callable[..., App]):
    app = make_app(poll_s=NEVER_S, reconcile_s=NEVER_S)
    async with Worker(app) as worker:
        for _ in range(3):
            await soon(worker._waking.asleep.is_set)
            await asyncio.wait_for((await app.submit(app.call(None))).result(), 10)


def test_a_connection_that_is_closed_between_the_look_and_the_call_is_said_to_be_lost(redis_url: str):
    """uvloop raises RuntimeError then, which is no error of a connection by its type."""

    async def call_on_a_closed_connection() -> None:
        connection = Connection(lambda: redis_url, name="closed", timeout_s=5)
        await connection.call("PING")

        async def nothing_to_read() -> bool:
            return False

        connection._link.can_read = nothing_to_read
        connection._link._writer.transport.abort()
        with pytest.raises(ServerUnavailableError):
            await connection.call("PING")
        assert await connection.call("PING") == b"PONG"
        await connection.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(call_on_a_closed_connection())
