"""Processes that are stopped (SIGSTOP, a paused machine) and go on later: nobody runs a task that another one runs."""

import asyncio
import signal
from collections.abc import Callable

import redis

from lineshaft import App

from .journal import Journal
from .processes import WorkerProcess, is_alive
from .waiting import soon

Start = Callable[..., WorkerProcess]


def producer(make_app: Callable[..., App]) -> App:
    app = make_app("producer")
    names = ("touch", "nap", "rest", "doze", "block", "hold", "stubborn")
    app.tasks = {name: app.task(name=name)(lambda *args, **kwargs: None) for name in names}
    return app


async def test_what_a_frozen_worker_ran_is_done_by_another_and_its_late_results_change_nothing(
    make_app: Callable[..., App], start_worker: Start, raw: redis.Redis, journal: Journal
):
    app = producer(make_app)
    frozen = start_worker(concurrency=10)
    child = frozen.child()
    tasks = await app.enqueue_many([app.call(name, [3.0, 0.2]) for name in ("nap", "doze", "rest") for _ in range(3)])
    await soon(lambda: journal.count("start") == 9)
    stopped = frozen.signal(signal.SIGSTOP, frozen.everybody())
    other = start_worker(concurrency=10)
    await asyncio.gather(*(task.result(timeout=20) for task in tasks))
    keys = [f"task:{task.id}{part}" for task in tasks for part in ("", ":status", ":result")]
    before = raw.mget(keys), [raw.lrange(f"task:{task.id}:attempts", 0, -1) for task in tasks]
    frozen.signal(signal.SIGCONT, stopped)
    await soon(lambda: not is_alive(child))
    replacement = await soon(lambda: set(frozen.sessions()) - {child}, what=frozen.log)
    assert len(replacement) == 1
    assert (raw.mget(keys), [raw.lrange(f"task:{task.id}:attempts", 0, -1) for task in tasks]) == before
    assert {(await app.client.inspector.task(task.id)).crashes for task in tasks} == {1}
    assert set(journal.started().values()) == {2}
    await asyncio.to_thread(frozen.signal, signal.SIGTERM)
    assert await asyncio.to_thread(frozen.wait) == 0
    assert other.process.poll() is None


async def test_a_supervisor_that_is_frozen_alone_causes_no_two_runs_at_once(
    make_app: Callable[..., App], start_worker: Start, raw: redis.Redis, journal: Journal
):
    app = producer(make_app)
    # The gap between two looks is larger than what a child may take to end itself: 2 s beyond its permit, as by default.
    busy, blocked = (start_worker(look_gap_s=3.5, queues=[queue]) for queue in ("busy", "blocked"))
    frozen = {worker: worker.child() for worker in (busy, blocked)}
    tasks = [await app.tasks[name].options(queue="busy").enqueue(30, 0.5) for name in ("nap", "doze", "stubborn")]
    tasks.append(await app.tasks["block"].options(queue="blocked").enqueue(30, 0.5))
    await soon(lambda: journal.count("start") == 4)
    other = start_worker(look_gap_s=3.5)
    other.wait_ready()
    for worker in frozen:
        worker.signal(signal.SIGSTOP)
    await soon(lambda: journal.count("start") == 8, within_s=15)
    await soon(lambda: not any(is_alive(child) for child in frozen.values()), within_s=1)
    for worker, child in frozen.items():
        worker.signal(signal.SIGCONT)
        await soon(lambda worker=worker, child=child: set(worker.sessions()) - {child}, what=worker.log)
    await asyncio.gather(*(task.result(timeout=10) for task in tasks))
    assert journal.overlaps() == []
    assert set(journal.started().values()) == {2}
    assert {(await app.client.inspector.task(task.id)).crashes for task in tasks} == {1}


async def test_a_child_that_is_frozen_alone_keeps_its_claims_while_its_supervisor_renews(
    make_app: Callable[..., App], start_worker: Start, raw: redis.Redis, journal: Journal
):
    app = producer(make_app)
    frozen = start_worker()
    child = frozen.child()
    tasks = await app.enqueue_many([app.call(name, [5.0]) for name in ("nap", "doze")])
    await soon(lambda: journal.count("start") == 2)
    other = start_worker()
    other.wait_ready()
    frozen.signal(signal.SIGSTOP, [child])
    await asyncio.sleep(4)  # lease, gap and looks: what would be enough to reap it
    assert journal.count("start") == 2
    frozen.signal(signal.SIGCONT, [child])
    await asyncio.gather(*(task.result(timeout=20) for task in tasks))
    assert set(journal.started().values()) == {1}
    assert child in frozen.children()


async def test_a_task_that_blocks_the_loop_or_holds_the_gil_for_longer_than_the_lease_runs_once(
    make_app: Callable[..., App], start_worker: Start, raw: redis.Redis, journal: Journal
):
    app = producer(make_app)
    workers = [start_worker(concurrency=1) for _ in range(3)]
    for worker in workers:
        worker.wait_ready()
    children = [worker.child() for worker in workers]
    tasks = [await app.submit(app.call(name, [4.5])) for name in ("block", "hold")]
    assert [await task.result(timeout=20) for task in tasks] == [4.5, 4.5]
    records = [await app.client.inspector.task(task.id) for task in tasks]
    assert {(record.tries, record.crashes, len(record.attempts)) for record in records} == {(1, 0, 0)}
    assert journal.started() == {task.id: 1 for task in tasks}
    assert [worker.child() for worker in workers] == children
