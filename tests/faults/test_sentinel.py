"""The master changes behind Sentinel: workers and clients find the new one by themselves, and what is lost is said."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from integration.journal import Journal
from integration.processes import WorkerProcess
from integration.waiting import soon
from lineshaft import App, Task, TaskNotFoundError

from .sentinels import Flock

AGAIN_S = 10.0  # from healing until a worker consumes again


@pytest.fixture
def flock(tmp_path: Path) -> Iterator[Flock]:
    """A master, a replica and three sentinels."""
    started = Flock(tmp_path / "flock", "--appendonly", "yes")
    yield started
    started.end()


@pytest.fixture
def app(make_app: Callable[..., App], flock: Flock) -> App:
    """Enqueues for the worker processes."""
    app = make_app("shop", url=flock.url)

    @app.task
    async def touch(value: int = 0) -> int:
        return value

    @app.task
    async def nap(seconds: float, again: float | None = None) -> float:
        return seconds

    return app


def touches(app: App, amount: int) -> list:
    return [app.call("touch", [n]) for n in range(amount)]


def fall_behind(flock: Flock) -> None:
    """Lose the master while its replica is away; the replica comes back with what it had."""
    flock.first.kill()
    flock.second.restart()


def have_started(journal: Journal, tasks: list[Task[int]]) -> bool:
    return {task.id for task in tasks} <= journal.started().keys()


async def test_after_each_failover_the_worker_consumes_again(
    flock: Flock, app: App, journal: Journal, start_worker: Callable[..., WorkerProcess]
):
    worker = start_worker(url=flock.url)
    for _ in range(2):
        before = await app.enqueue_many(touches(app, 20))
        assert [await task.result(timeout=20) for task in before] == list(range(20))
        await asyncio.to_thread(flock.settle)
        await asyncio.to_thread(flock.fail_over)
        after = await app.enqueue_many(touches(app, 20))
        await soon(lambda tasks=after: have_started(journal, tasks), AGAIN_S, what=worker.log)
        assert [await task.result(timeout=20) for task in after] == list(range(20))


async def test_a_result_is_waited_for_across_a_failover(
    flock: Flock, app: App, journal: Journal, start_worker: Callable[..., WorkerProcess]
):
    start_worker(url=flock.url)
    task = await app.submit(app.call("nap", [3.0, 3.0]))
    waiting = asyncio.create_task(task.result(timeout=40))
    await soon(lambda: journal.count("start") == 1)
    await asyncio.to_thread(flock.settle)
    await asyncio.to_thread(flock.fail_over)
    assert await waiting == 3.0


async def test_a_master_that_is_killed_is_replaced_and_what_its_replica_had_is_done(
    flock: Flock, app: App, journal: Journal, start_worker: Callable[..., WorkerProcess]
):
    start_worker(url=flock.url)
    naps = await app.enqueue_many([app.call("nap", [1.0, 1.0]) for _ in range(10)])
    await soon(lambda: journal.count("start") == 10)
    await asyncio.to_thread(flock.settle)
    await asyncio.to_thread(flock.first.kill)
    assert [await task.result(timeout=40) for task in naps] == [1.0] * 10
    after = await app.enqueue_many(touches(app, 20))
    assert [await task.result(timeout=20) for task in after] == list(range(20))


async def test_what_a_lagging_replica_never_had_is_lost_and_said_to_be(
    flock: Flock, app: App, journal: Journal, start_worker: Callable[..., WorkerProcess]
):
    """A failover to a replica that was behind undoes what it had not heard. Nothing can hide that, and nothing does."""
    kept = await app.enqueue_many(touches(app, 10))
    await asyncio.to_thread(flock.settle)
    await asyncio.to_thread(flock.second.kill)
    lost = await app.enqueue_many(touches(app, 10))
    assert [await task.status() for task in lost] == ["pending"] * 10
    await asyncio.to_thread(fall_behind, flock)
    start_worker(url=flock.url)
    assert [await task.result(timeout=40) for task in kept] == list(range(10))
    for task in lost:
        with pytest.raises(TaskNotFoundError):
            await task.result(timeout=20)
    assert journal.started() == {task.id: 1 for task in kept}


async def test_a_run_whose_claim_a_failover_undid_ends_nothing(
    flock: Flock, app: App, journal: Journal, start_worker: Callable[..., WorkerProcess]
):
    task = await app.submit(app.call("nap", [6.0, 6.0]))
    await asyncio.to_thread(flock.settle)
    await asyncio.to_thread(flock.second.kill)
    start_worker(url=flock.url)
    await soon(lambda: journal.count("start") == 1)
    await asyncio.to_thread(fall_behind, flock)
    assert await task.result(timeout=60) == 6.0
    first, second = journal.lines("start", task.id)
    assert second.fence != first.fence
    assert [line.fence for line in journal.lines("end", task.id)] == [second.fence], (
        "the run whose claim was undone was stopped"
    )
    assert journal.lines("stopped", task.id)[0].fence == first.fence


async def test_sentinels_that_were_all_away_while_workers_reconnected_are_found_again(
    flock: Flock, app: App, journal: Journal, start_worker: Callable[..., WorkerProcess]
):
    worker = start_worker(url=flock.url)
    before = await app.enqueue_many(touches(app, 20))
    await soon(lambda: have_started(journal, before))
    for sentinel in flock.sentinels:
        sentinel.kill()
    with redis.Redis(port=flock.first.port, decode_responses=True) as master:
        master.client_kill_filter(_type="normal", skipme=True)
        master.client_kill_filter(_type="pubsub", skipme=True)
    await soon(lambda: "no sentinel leads to the master" in worker.log())
    for sentinel in flock.sentinels:
        await asyncio.to_thread(sentinel.start)
    after = await app.enqueue_many(touches(app, 20))
    await soon(lambda: have_started(journal, after), AGAIN_S, what=worker.log)
