"""Cancelling: what has not started never does, what runs is stopped, and what was stopped is never put back."""

import asyncio
import threading
import time
from collections.abc import Callable

import pytest
import redis

from lineshaft import App, Retry, TaskCancelled, TaskContext
from lineshaft.worker import Worker

from .simple_tasks import noting_task
from .waiting import soon


async def test_a_pending_task_that_is_cancelled_never_starts(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()
    work, runs = noting_task(app)
    tasks = await app.enqueue_many([work.call(n) for n in range(6)])
    for task in tasks[::2]:
        assert await task.cancel() == "cancelled"
    async with Worker(app):
        for task in tasks[::2]:
            with pytest.raises(TaskCancelled):
                await task.result(timeout=10)
            assert await task.status() == "cancelled"
        await asyncio.gather(*(task.result(timeout=10) for task in tasks[1::2]))
    assert sorted(runs) == [1, 3, 5]
    assert raw.llen("task_queue") == 0


async def test_a_scheduled_task_that_is_cancelled_never_starts(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()
    work, runs = noting_task(app)
    async with Worker(app):
        cancelled = await work.options(delay=0.3).enqueue(1)
        other = await work.options(delay=0.4).enqueue(2)
        assert await cancelled.cancel() == "cancelled"
        await other.result(timeout=10)
        await soon(lambda: raw.zcard("lineshaft:due:default") == 0)
    assert runs == [2]
    assert await cancelled.status() == "cancelled"


async def test_a_running_task_is_stopped_by_the_message(make_app: Callable[..., App]):
    app = make_app(lease_s=60, renew_s=30, look_gap_s=35, reconcile_s=30)
    started, stopped = asyncio.Event(), asyncio.Event()

    @app.task
    async def work(ctx: TaskContext) -> None:
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            assert ctx.cancelled
            assert not ctx.lost
            stopped.set()

    async with Worker(app):
        task = await work.enqueue()
        await asyncio.wait_for(started.wait(), 10)
        assert await task.cancel() == "cancelling"
        assert await task.cancel() in {"cancelling", "cancelled"}
        await asyncio.wait_for(stopped.wait(), 10)  # long before the next renewal
        with pytest.raises(TaskCancelled):
            await task.result(timeout=10)


async def test_a_running_task_is_stopped_by_the_renewal_when_the_message_is_lost(
    make_app: Callable[..., App], raw: redis.Redis
):
    app = make_app()
    started = asyncio.Event()

    @app.task
    async def work() -> None:
        started.set()
        await asyncio.sleep(60)

    async with Worker(app):
        task = await work.enqueue()
        await asyncio.wait_for(started.wait(), 10)
        raw.sadd("lineshaft:cancelling", task.id)  # all that a cancel does but its message
        with pytest.raises(TaskCancelled):
            await task.result(timeout=10)
    assert raw.exists("lineshaft:cancelling") == 0


@pytest.mark.parametrize("message", ["of a task that nobody marked", "that is no id at all"])
async def test_a_message_that_says_nothing_true_stops_nothing_and_the_next_is_heard(
    make_app: Callable[..., App], raw: redis.Redis, message: str
):
    app = make_app(lease_s=60, renew_s=30, look_gap_s=35, reconcile_s=30)
    release = asyncio.Event()

    @app.task
    async def work() -> str:
        await release.wait()
        return "undisturbed"

    async with Worker(app) as worker:
        task, victim = await work.enqueue(), await work.enqueue()
        await soon(lambda: worker.running == 2)
        assert raw.publish("lineshaft:cancel", task.id if message.startswith("of") else b"\xff not an id") == 1
        await victim.cancel()  # its message comes after that one
        with pytest.raises(TaskCancelled):
            await victim.result(timeout=5)
        release.set()
        assert await task.result(timeout=10) == "undisturbed"


async def test_a_thread_that_is_cancelled_sees_it_and_whatever_it_returns_it_was_cancelled(
    make_app: Callable[..., App],
):
    app = make_app()
    started = threading.Event()

    @app.task
    def work(ctx: TaskContext) -> str:
        started.set()
        while not ctx.cancelled:
            time.sleep(0.01)
        return "I was quicker"

    async with Worker(app):
        task = await work.enqueue()
        assert await asyncio.to_thread(started.wait, 10)
        assert await task.cancel() == "cancelling"
        with pytest.raises(TaskCancelled):
            await task.result(timeout=10)


async def test_a_cancelled_run_is_not_tried_again(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()
    tries: list[int] = []

    @app.task(retry=Retry(tries=5, base=0.01))
    async def work(ctx: TaskContext) -> None:
        tries.append(ctx.tries)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise ValueError("not like this") from None

    async with Worker(app):
        task = await work.enqueue()
        await soon(lambda: tries)
        await task.cancel()
        with pytest.raises(TaskCancelled):
            await task.result(timeout=10)
        await soon(lambda: raw.llen("lineshaft:ended:cancelled") == 1)
    assert tries == [1]
    assert raw.zcard("lineshaft:due:default") == 0


async def test_a_task_that_waits_for_its_next_try_is_cancelled_like_any_other(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()
    tries: list[int] = []

    @app.task(retry=Retry(tries=5, base=60))
    async def work(ctx: TaskContext) -> None:
        tries.append(ctx.tries)
        raise ValueError("try again")

    async with Worker(app):
        task = await work.enqueue()
        await soon(lambda: raw.get(f"task:{task.id}:status") == "scheduled")
        assert await task.cancel() == "cancelled"
        with pytest.raises(TaskCancelled):
            await task.result(timeout=10)
    assert tries == [1]
    assert raw.exists("lineshaft:tries") == 0


async def test_a_task_that_is_cancelled_between_two_runs_still_tells_how_often_it_ran(
    make_app: Callable[..., App], raw: redis.Redis
):
    app = make_app()

    @app.task(retry=Retry(tries=5, base=60))
    async def work() -> None:
        raise ValueError("try again")

    async with Worker(app):
        task = await work.enqueue()
        await soon(lambda: raw.get(f"task:{task.id}:status") == "scheduled")
        assert (await app.client.inspector.task(task.id)).tries == 1
        await task.cancel()
        record = await app.client.inspector.task(task.id)
    assert (record.status, record.tries, record.crashes, len(record.attempts)) == ("cancelled", 1, 0, 1)


async def test_a_stubborn_task_that_is_cancelled_ends_as_cancelled_once_it_returns(make_app: Callable[..., App]):
    app = make_app()
    stopped, release = asyncio.Event(), asyncio.Event()

    @app.task
    async def work() -> str:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                stopped.set()
        return "done after all"

    async with Worker(app) as worker:
        task = await work.enqueue()
        await soon(lambda: worker.running == 1)
        await task.cancel()
        await asyncio.wait_for(stopped.wait(), 10)
        assert await task.status() == "in-progress"
        release.set()
        with pytest.raises(TaskCancelled):
            await task.result(timeout=10)
