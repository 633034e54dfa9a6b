"""Retries and time limits as a worker keeps them; `test_policies.py` has which try is made when."""

import asyncio
import threading
import time
from collections.abc import Callable

import pytest
import redis

from lineshaft import App, Retry, TaskContext, TaskFailed
from lineshaft.worker import Worker

from .waiting import soon


async def test_a_task_waits_its_delay_between_tries_as_scheduled(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()
    at_s: list[float] = []

    @app.task(retry=Retry(tries=2, base=0.5, jitter=0))
    async def work() -> int:
        at_s.append(time.monotonic())
        if len(at_s) == 1:
            raise ValueError("once")
        return 1

    async with Worker(app):
        task = await work.enqueue()
        await soon(lambda: raw.get(f"task:{task.id}:status") == "scheduled")
        assert raw.zcard("lineshaft:due:default") == 1
        assert await task.result(timeout=10) == 1
    assert at_s[1] - at_s[0] >= 0.5


async def test_when_the_next_try_is_due_is_shown_of_any_task(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()
    app.default_task = "work"

    @app.task(name="work", queue="mail", retry=Retry(tries=2, base=60, jitter=0))
    async def work() -> None:
        raise ValueError("once")

    task = await work.enqueue()
    raw.set("task:foreign:status", "pending")
    raw.lpush("task_queue", "foreign")
    async with Worker(app):
        for task_id in (task.id, "foreign"):
            await soon(lambda task_id=task_id: raw.get(f"task:{task_id}:status") == "scheduled")
            record = await app.client.inspector.task(task_id)
            assert record.due_ms is not None
            assert abs(record.due_ms - record.attempts[0].at_ms - 60_000) < 5_000


@pytest.mark.parametrize("limit_from", ["task", "settings"])
async def test_an_async_task_past_its_limit_is_cancelled_and_counts_as_a_failed_try(
    make_app: Callable[..., App], limit_from: str
):
    app = make_app(timeout_s=0.3 if limit_from == "settings" else 3600)
    cancelled: list[int] = []

    @app.task(retry=Retry(tries=2, base=0.05), timeout=0.3 if limit_from == "task" else None)
    async def work(ctx: TaskContext) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            assert ctx.cancelled
            cancelled.append(ctx.tries)
            raise

    async with Worker(app):
        task = await work.enqueue()
        with pytest.raises(TaskFailed) as caught:
            await task.result(timeout=10)
        record = await app.client.inspector.task(task.id)
    assert cancelled == [1, 2]
    assert caught.value.error_type == "TimeoutError"
    assert "0.3 s" in caught.value.error_message
    assert [attempt.kind for attempt in record.attempts] == ["timeout", "timeout"]


async def test_what_a_task_returns_after_its_limit_does_not_count(make_app: Callable[..., App]):
    app = make_app()

    @app.task(retry=Retry(tries=1), timeout=0.2)
    async def work() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "too late"
        return "never"

    async with Worker(app):
        with pytest.raises(TaskFailed, match="limit"):
            await (await work.enqueue()).result(timeout=10)


async def test_a_thread_past_its_limit_sees_it_and_keeps_its_slot_and_its_claim_until_it_returns(
    make_app: Callable[..., App], raw: redis.Redis
):
    app = make_app()
    seen, release = threading.Event(), threading.Event()
    runs: list[int] = []

    @app.task(retry=Retry(tries=1), timeout=0.2)
    def work(ctx: TaskContext) -> str:
        runs.append(ctx.tries)
        while not ctx.cancelled:
            time.sleep(0.01)
        assert not ctx.lost
        seen.set()
        assert release.wait(20)
        return "too late"

    async with Worker(app, concurrency=1) as worker:
        task, after = await work.enqueue(), await app.submit(app.call(None))
        assert await asyncio.to_thread(seen.wait, 10)
        (owned,) = [key for key in raw.scan_iter("lineshaft:owned:*")]
        for _ in range(3):  # through a few renewals and comparisons
            renewed = raw.zrange("lineshaft:sessions", 0, -1, withscores=True)
            await soon(lambda renewed=renewed: raw.zrange("lineshaft:sessions", 0, -1, withscores=True) != renewed)
            assert raw.hkeys(owned) == [task.id]
            assert (worker.running, await after.status(), await task.status()) == (1, "pending", "in-progress")
        release.set()
        with pytest.raises(TaskFailed, match="limit"):
            await task.result(timeout=10)
        assert await after.result(timeout=10) == "pong"
    assert runs == [1]
