"""Faults of Redis and of the way to it, where no test of the integration tests shows them already."""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from integration.journal import Journal
from integration.processes import WorkerProcess
from integration.proxy import Proxy
from integration.waiting import soon
from lineshaft import App, LineshaftError, Retry, Task, TaskContext, TaskNotFoundError
from lineshaft.worker import Worker
from servers import RunningServer

EVERYSEC_LOSES_S = 2.0  # how much a server that writes every second may lose, by its own documentation
OUTAGES = 3
CANCELS = 12_000

Start = Callable[..., WorkerProcess]
StartServer = Callable[..., RunningServer]


def producer(make_app: Callable[..., App], url: str, **settings: Any) -> App:
    """An app that knows the shop's tasks by name and runs none."""
    app = make_app("producer", url=url, **settings)
    app.tasks = {name: app.task(name=name)(lambda *args: None) for name in ("touch", "nap", "rest")}
    return app


def client_of(server: RunningServer) -> redis.Redis:
    return redis.Redis.from_url(server.url, decode_responses=True, protocol=3)


@contextlib.contextmanager
def proxy_of(server: RunningServer) -> Iterator[Proxy]:
    """A proxy before a server of the test's own."""
    proxy = Proxy(server.port)
    try:
        yield proxy
    finally:
        proxy.stop()


async def load(app: App, tasks: list[tuple[Task, float]], over: asyncio.Event) -> None:
    """Enqueue a few tasks again and again, and note which were accepted, and when they were sent."""
    while not over.is_set():
        sent_s = time.monotonic()
        with contextlib.suppress(LineshaftError):
            accepted = await app.enqueue_many([app.call("rest", [0.01]) for _ in range(5)])
            tasks += [(task, sent_s) for task in accepted]
        await asyncio.sleep(0.01)


async def test_a_server_that_writes_every_second_and_is_killed_under_load_loses_no_older_task_and_starts_few_twice(
    make_app: Callable[..., App], start_server: StartServer, start_worker: Start, journal: Journal
):
    """Fault 18."""
    server = start_server("--appendonly", "yes", "--appendfsync", "everysec")
    app = producer(make_app, server.url)
    workers = [start_worker(url=server.url, concurrency=10) for _ in range(2)]
    for worker in workers:
        worker.wait_ready()
    accepted: list[tuple[Task, float]] = []
    may_be_lost: set[str] = set()
    over = asyncio.Event()
    loading = asyncio.create_task(load(app, accepted, over))
    for _ in range(OUTAGES):
        before = len(accepted)
        await soon(lambda before=before: len(accepted) > before + 100)
        await asyncio.to_thread(server.kill)
        killed_s = time.monotonic()
        await asyncio.to_thread(server.restart)
        may_be_lost |= {task.id for task, sent_s in accepted if killed_s - EVERYSEC_LOSES_S < sent_s < killed_s}
    over.set()
    await loading
    with client_of(server) as raw:
        words = dict(zip([task.id for task, _ in accepted], statuses(raw, accepted), strict=True))
        gone = {task_id for task_id, word in words.items() if word is None}
        await soon(lambda: set(statuses(raw, accepted)) <= {"done", None}, what=lambda: Counter(statuses(raw, accepted)))
        await soon(lambda: not list(raw.scan_iter("lineshaft:owned:*")))
        assert raw.hlen("lineshaft:crashes") == 0
    assert gone <= may_be_lost
    at_once = 2 * 10 * OUTAGES
    assert len([times for times in journal.started().values() if times > 1]) <= at_once
    assert [worker.process.poll() for worker in workers] == [None, None]


def statuses(raw: redis.Redis, accepted: list[tuple[Task, float]]) -> list[str | None]:
    return raw.mget([f"task:{task.id}:status" for task, _ in accepted])


@pytest.mark.parametrize("script", ["enqueue", "claim", "finish"])
async def test_a_call_whose_reply_is_lost_because_the_server_restarts_has_one_effect(
    make_app: Callable[..., App], start_server: StartServer, start_worker: Start, journal: Journal, script: str
):
    """Fault 20: the server has done it and written it down; it restarts before the reply arrives."""
    server = start_server("--appendonly", "yes", "--appendfsync", "always")
    with proxy_of(server) as proxy:
        app = producer(make_app, proxy.url if script == "enqueue" else server.url)
        worker = start_worker(url=server.url if script == "enqueue" else proxy.url)
        child = worker.child()
        id_in_reply = {"enqueue": b"created", "claim": b"the-task", "finish": b"done"}[script]
        rule = proxy.delay(id_in_reply, 60, "reply")
        enqueuing = asyncio.create_task(app.tasks["touch"].options(task_id="the-task").enqueue(3))
        await soon(rule.happened.is_set)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.restart)
        proxy.cut()
        task = await enqueuing
        assert await task.result(timeout=20) == 3
        record = await app.client.inspector.task(task.id)
        assert (record.status, record.tries, record.crashes, record.attempts) == ("done", 1, 0, [])
        assert journal.started() == {task.id: 1}
        assert worker.child() == child
        with client_of(server) as raw:
            await soon(lambda: not list(raw.scan_iter("lineshaft:owned:*")))
            assert raw.lrange("lineshaft:ended:done", 0, -1) == [task.id]
            assert raw.llen("task_queue") == 0
        await asyncio.to_thread(worker.end)
        await app.close()


async def test_a_server_that_stands_still_for_longer_than_calls_may_take_hands_out_nothing_twice(
    make_app: Callable[..., App], start_server: StartServer, start_worker: Start, journal: Journal
):
    """Fault 22: claims time out in the middle of a full queue, again and again, and nobody gives up."""
    server = start_server()
    app = producer(make_app, server.url)
    workers = [start_worker(url=server.url, concurrency=5, call_timeout_s=0.4) for _ in range(2)]
    children = [worker.child() for worker in workers]
    tasks = await app.enqueue_many([app.call("rest", [0.03]) for _ in range(400)])
    for _ in range(OUTAGES):
        started = journal.count("start")
        await soon(lambda started=started: journal.count("start") > started + 20)
        os.kill(server.pid, signal.SIGSTOP)
        await asyncio.sleep(1.0)  # more than two calls may take
        os.kill(server.pid, signal.SIGCONT)
    await asyncio.gather(*(task.result(timeout=30) for task in tasks))
    assert journal.started() == {task.id: 1 for task in tasks}
    assert [worker.child() for worker in workers] == children
    records = [await app.client.inspector.task(task.id) for task in tasks]
    assert {(record.tries, record.crashes) for record in records} == {(1, 0)}
    assert any("no answer within" in worker.log() for worker in workers)


async def test_a_server_that_is_busy_with_a_script_is_waited_for(
    make_app: Callable[..., App], start_server: StartServer, start_worker: Start, journal: Journal
):
    """Fault 24: everybody is answered BUSY for longer than the lease, until somebody kills the script."""
    server = start_server("--lua-time-limit", "20")
    app = producer(make_app, server.url)
    workers = [start_worker(url=server.url, concurrency=5) for _ in range(2)]
    children = [worker.child() for worker in workers]
    tasks = await app.enqueue_many([app.call("rest", [0.02]) for _ in range(100)])
    running = [await app.tasks["nap"].enqueue(4)]
    await soon(lambda: journal.count("start", running[0].id) == 1)
    with client_of(server) as raw:
        looping = asyncio.create_task(asyncio.to_thread(loop_in_a_script, server))
        with client_of(server) as other:
            await soon(lambda: is_busy(other))
            late = asyncio.create_task(app.tasks["touch"].enqueue(9))
            await asyncio.sleep(2.5)  # the lease is 2 s
            assert is_busy(other)
            other.script_kill()
        await looping
        assert await (await late).result(timeout=20) == 9
        await asyncio.gather(*(task.result(timeout=20) for task in [*tasks, *running]))
        assert raw.exists("lineshaft:suspects", "lineshaft:crashes") == 0
    assert set(journal.started().values()) == {1}
    assert [worker.child() for worker in workers] == children
    assert any("BUSY" in worker.log() for worker in workers)


def loop_in_a_script(server: RunningServer) -> None:
    with client_of(server) as raw, contextlib.suppress(redis.RedisError):
        raw.eval("while true do end", 0)


def is_busy(raw: redis.Redis) -> bool:
    try:
        raw.ping()
    except redis.RedisError as error:
        return "BUSY" in f"{getattr(error, 'status_code', '')} {error}" or "busy" in f"{error}".lower()
    return False


async def test_a_server_that_takes_no_more_clients_is_waited_for_and_connections_that_stand_work_on(
    make_app: Callable[..., App], start_server: StartServer, start_worker: Start, journal: Journal
):
    """Fault 31."""
    server = start_server()
    app = producer(make_app, server.url, resend_s=0.5)
    settled = start_worker(url=server.url)
    child = settled.child()
    before = await app.tasks["touch"].enqueue(1)
    assert await before.result(timeout=20) == 1
    with client_of(server) as raw:
        raw.config_set("maxclients", raw.info("clients")["connected_clients"])
        late = start_worker(url=server.url)
        await soon(lambda: "waits for its session" in late.log() or "max number of clients" in late.log(), what=late.log)
        stranger = make_app("stranger", url=server.url, resend_s=0.5)
        with pytest.raises(LineshaftError, match="max number of clients"):
            await stranger.submit(stranger.call(None))
        meanwhile = await app.tasks["touch"].enqueue(2)
        assert await meanwhile.result(timeout=20) == 2
        assert settled.children() == [child]
        raw.config_set("maxclients", 1000)
    assert await asyncio.to_thread(late.child)
    assert (await stranger.submit(stranger.call(None))).id
    tasks = await app.enqueue_many([app.call("rest", [0.2]) for _ in range(60)])
    await asyncio.gather(*(task.result(timeout=20) for task in tasks))
    assert len({line.pid for line in journal.lines("start")}) == 2
    assert set(journal.started().values()) == {1}


async def double(ctx: TaskContext, n: int) -> list[Any]:
    return [ctx.id, 2 * n]


class Asking:
    """Calls of one client about tasks whose arguments and results tell which they are; each checks its own answer."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.answered: Counter[str] = Counter()
        self.double = app.task(retry=Retry(tries=1))(double)

    async def enqueue(self, n: int) -> None:
        task = await self.double.options(task_id=f"n{n}").enqueue(n)
        assert task.id == f"n{n}"
        self.answered["enqueue"] += 1

    async def result(self, n: int) -> None:
        assert await self.app.get_task(f"n{n}").result(timeout=30) == [f"n{n}", 2 * n]
        self.answered["result"] += 1

    async def status(self, n: int) -> None:
        assert await self.app.get_task(f"n{n}").status() in {"pending", "in-progress", "done"}
        self.answered["status"] += 1

    async def record(self, n: int) -> None:
        assert (await self.app.client.inspector.task(f"n{n}")).task_id == f"n{n}"
        self.answered["record"] += 1


async def test_calls_that_are_cancelled_by_the_thousand_leave_no_answer_to_another(
    make_app: Callable[..., App], raw: redis.Redis
):
    """Fault 45: on one client, at every await; each answer that arrives is of its own question."""
    asking, chance = Asking(make_app()), random.Random(5)
    number = cancelled = 0
    async with Worker(asking.app, concurrency=20):
        while cancelled < CANCELS:
            number += 20
            kinds = [asking.result, asking.status, asking.record]
            calls = [asyncio.create_task(asking.enqueue(n)) for n in range(number - 10, number)]
            calls += [asyncio.create_task(chance.choice(kinds)(chance.randint(1, number))) for _ in range(30)]
            for call in chance.sample(calls, 25):
                for _ in range(chance.randrange(4)):
                    await asyncio.sleep(0)
                cancelled += call.cancel()
            ends = await asyncio.gather(*calls, return_exceptions=True)
            unexpected = [end for end in ends if not isinstance(end, None | asyncio.CancelledError | TaskNotFoundError)]
            assert unexpected == []
        accepted = [n for n in range(number) if raw.exists(f"task:n{n}")]
        await asyncio.gather(*(asking.result(n) for n in accepted))
    assert all(asking.answered[kind] > 100 for kind in ("enqueue", "result", "status", "record")), asking.answered
    assert raw.llen("lineshaft:ended:done") == len(accepted)
