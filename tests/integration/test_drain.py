"""Stopping a worker command: it finishes what runs, hands back what does not end in time, and is gone when it says so."""

import asyncio
import os
import signal
import time
from collections.abc import Callable

import pytest
import redis

from lineshaft import App
from servers import RunningServer

from .journal import Journal
from .processes import WorkerProcess, is_alive
from .waiting import soon, until

Start = Callable[..., WorkerProcess]


def producer(make_app: Callable[..., App], **settings: object) -> App:
    app = make_app("producer", **settings)
    for name in ("touch", "nap", "rest", "doze", "stubborn", "block", "die"):
        app.task(name=name)(lambda *args, **kwargs: None)
    return app


async def ended(worker: WorkerProcess, within_s: float = 20.0) -> int:
    return await asyncio.to_thread(worker.wait, within_s)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_worker_that_is_told_to_stop_finishes_what_runs_and_claims_nothing_more(
    make_app: Callable[..., App], start_worker: Start, raw: redis.Redis, journal: Journal, number: signal.Signals
):
    app = producer(make_app)
    worker = start_worker(concurrency=4)
    child = worker.child()
    running = await app.enqueue_many([app.call(name, [1.0]) for name in ("nap", "doze") for _ in range(2)])
    await soon(lambda: journal.count("start") == 4)
    worker.signal(number)
    waiting = await app.enqueue_many([app.call("touch") for _ in range(5)])
    assert await ended(worker) == 0
    assert [await task.result(timeout=1) for task in running] == [1.0] * 4
    assert {await task.status() for task in waiting} == {"pending"}
    assert raw.lrange("task_queue", 0, -1) == [task.id for task in reversed(waiting)]
    assert journal.count("start") == 4
    assert raw.exists("lineshaft:sessions", "lineshaft:suspects", "lineshaft:crashes") == 0
    assert not is_alive(child)
    assert len(list(raw.scan_iter("lineshaft:session:*"))) == 1


async def test_what_does_not_end_within_the_grace_is_handed_back_uncounted_and_runs_first_elsewhere(
    make_app: Callable[..., App], start_worker: Start, raw: redis.Redis, journal: Journal
):
    app = producer(make_app)
    worker = start_worker(concurrency=3, grace_s=0.5)
    worker.wait_ready()
    tasks = await app.enqueue_many([app.call(name, [20]) for name in ("nap", "doze", "stubborn")])
    await soon(lambda: journal.count("start") == 3)
    waiting = await app.submit(app.call("touch"))
    signalled_s = time.monotonic()
    worker.signal(signal.SIGTERM)
    assert await ended(worker) == 0
    assert time.monotonic() - signalled_s < 0.5 + 5 + 5
    assert raw.lindex("task_queue", 0) == waiting.id  # the newest is last in turn
    assert set(raw.lrange("task_queue", 1, -1)) == {task.id for task in tasks}
    for task in tasks:
        record = await app.client.inspector.task(task.id)
        assert (record.status, record.tries, record.crashes, record.attempts) == ("pending", 0, 0, [])
    assert raw.exists("lineshaft:tries", "lineshaft:crashes", "lineshaft:sessions", "lineshaft:suspects") == 0


@pytest.mark.parametrize(("signals", "within_s"), [(2, 8.0), (3, 3.0), (50, 3.0)])
async def test_more_signals_end_it_sooner_and_cost_no_task_a_try_or_a_crash(
    make_app: Callable[..., App],
    start_worker: Start,
    raw: redis.Redis,
    journal: Journal,
    signals: int,
    within_s: float,
):
    app = producer(make_app)
    worker = start_worker(grace_s=60)
    children = worker.wait_ready()
    tasks = await app.enqueue_many([app.call(name, [40]) for name in ("nap", "doze", "stubborn")])
    await soon(lambda: journal.count("start") == 3)
    for n in range(signals):
        worker.signal(signal.SIGTERM)
        if n == 0:
            await soon(lambda: "stopping: " in worker.log())
        elif n == 1:
            await soon(lambda: "stopping faster" in worker.log())
    assert await ended(worker, within_s) == 0
    assert {(await app.client.inspector.task(task.id)).status for task in tasks} == {"pending"}
    for task in tasks:
        record = await app.client.inspector.task(task.id)
        assert (record.tries, record.crashes, record.attempts) == (0, 0, [])
    assert raw.exists("lineshaft:sessions", "lineshaft:suspects") == 0
    assert not any(is_alive(pid) for pid in children)


async def test_a_storm_of_signals_before_anybody_looks_ends_it_too(
    make_app: Callable[..., App], start_worker: Start, raw: redis.Redis, journal: Journal
):
    app = producer(make_app)
    worker = start_worker(grace_s=60)
    worker.wait_ready()
    task = await app.submit(app.call("nap", [40]))
    await soon(lambda: journal.count("start") == 1)
    for n in range(50):
        worker.signal(signal.SIGINT if n % 3 == 0 else signal.SIGTERM)
    assert await ended(worker, 10) == 0
    assert (await app.client.inspector.task(task.id)).crashes == 0
    assert await task.status() == "pending"
    assert raw.exists("lineshaft:sessions") == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_to_the_child_itself_is_ignored(
    make_app: Callable[..., App], start_worker: Start, journal: Journal, number: signal.Signals
):
    app = producer(make_app)
    worker = start_worker(concurrency=2)
    child = worker.child()
    tasks = await app.enqueue_many([app.call(name, [0.5]) for name in ("nap", "doze")])
    await soon(lambda: journal.count("start") == 2)
    for _ in range(20):
        os.kill(child, number)
    assert [await task.result(timeout=10) for task in tasks] == [0.5, 0.5]
    after = await app.submit(app.call("touch", [1]))
    assert await after.result(timeout=10) == 1
    assert worker.child() == child
    assert set(journal.started().values()) == {1}


async def test_a_signal_to_everybody_at_once_drains_like_one_to_the_supervisor(
    make_app: Callable[..., App], start_worker: Start, journal: Journal
):
    """As systemd and a terminal send it."""
    app = producer(make_app)
    worker = start_worker(workers=2)
    worker.wait_ready(2)
    tasks = await app.enqueue_many([app.call("nap", [0.5]) for _ in range(4)])
    await soon(lambda: journal.count("start") == 4)
    worker.signal(signal.SIGTERM, worker.everybody())
    assert await ended(worker) == 0
    assert [await task.result(timeout=1) for task in tasks] == [0.5] * 4


async def test_a_worker_that_is_told_to_stop_while_redis_is_away_ends_in_time(
    make_app: Callable[..., App],
    start_worker: Start,
    start_server: Callable[..., RunningServer],
    journal: Journal,
):
    dead, frozen = start_server(), start_server()
    workers = [start_worker(url=server.url, grace_s=1.0, call_timeout_s=2.0) for server in (dead, frozen)]
    for server, worker in zip((dead, frozen), workers, strict=True):
        worker.wait_ready()
        app = producer(make_app, url=server.url)
        await app.enqueue_many([app.call("nap", [seconds]) for seconds in (0.5, 30)])
    await soon(lambda: journal.count("start") == 4)
    children = [worker.child() for worker in workers]
    await asyncio.to_thread(dead.kill)
    os.kill(frozen.pid, signal.SIGSTOP)
    try:
        for worker in workers:
            worker.signal(signal.SIGTERM)
        for worker in workers:
            # the grace, an answer that does not come, what is tried to deliver, two last calls, and a busy machine
            await ended(worker, within_s=1.0 + 2.0 + 5.0 + 2 * 2.0 + 5.0)
    finally:
        os.kill(frozen.pid, signal.SIGCONT)
    assert not any(is_alive(pid) for pid in children)


async def test_a_worker_that_is_told_to_stop_while_it_replaces_a_child_ends_well(
    make_app: Callable[..., App], start_worker: Start, raw: redis.Redis
):
    app = producer(make_app)
    worker = start_worker(max_crashes=1000)
    first = worker.child()
    await app.submit(app.call("die", ["kill"]))
    await soon(lambda: set(worker.children()) - {first})
    worker.signal(signal.SIGTERM)
    assert await ended(worker) == 0, worker.log()
    assert "error:" not in worker.log()


def test_a_worker_that_is_told_to_stop_while_its_app_loads_ends_at_once(start_worker: Start, tmp_path):
    (tmp_path / "slow.py").write_text("import time\nopen('loading', 'w').close()\ntime.sleep(30)\n")
    worker = start_worker(folder=tmp_path, app="slow:app")
    until(lambda: (tmp_path / "loading").exists())
    worker.signal(signal.SIGTERM)
    worker.wait(within_s=10)


async def test_rolling_restarts_under_load_cost_no_task_a_try_or_a_crash(
    make_app: Callable[..., App], start_worker: Start, raw: redis.Redis, journal: Journal
):
    app = producer(make_app)
    workers = [start_worker(concurrency=10)]
    workers[0].wait_ready()
    tasks = []
    for _ in range(4):
        tasks += await app.enqueue_many([app.call("rest", [0.02]) for _ in range(60)])
        workers.append(start_worker(concurrency=10))
        workers[-2].signal(signal.SIGTERM)
        await asyncio.to_thread(workers[-1].wait_ready)
    await asyncio.gather(*(task.result(timeout=20) for task in tasks))
    assert {await ended(worker) for worker in workers[:-1]} == {0}
    records = [await app.client.inspector.task(task.id) for task in tasks]
    assert {(record.status, record.tries, record.crashes) for record in records} == {("done", 1, 0)}
    assert set(journal.started().values()) == {1}
