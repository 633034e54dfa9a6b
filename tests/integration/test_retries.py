"""Tries, retries and time limits."""

import asyncio
import itertools
import threading
import time
from collections.abc import Callable

import pytest
import redis

from lineshaft import App, Retry, TaskContext, TaskFailed
from lineshaft.worker import Worker

from .waiting import soon


async def test_a_failing_task_is_tried_as_often_as_its_policy_says_and_then_fails(
    make_app: Callable[..., App], raw: redis.Redis
):
    app = make_app()
    tries: list[int] = []

    @app.task(retry=Retry(tries=3, base=0.05, jitter=0))
    async def work(ctx: TaskContext) -> None:
        tries.append(ctx.tries)
        raise ValueError(f"try {ctx.tries}")

    async with Worker(app):
        task = await work.enqueue()
        with pytest.raises(TaskFailed, match="try 3"):
            await task.result(timeout=10)
        record = await app.client.inspector.task(task.id)
    assert tries == [1, 2, 3]
    assert (record.tries, record.crashes, record.status) == (3, 0, "failed")
    assert [(attempt.kind, attempt.try_number, attempt.error.message) for attempt in record.attempts] == [
        ("error", 1, "try 1"), ("error", 2, "try 2"), ("error", 3, "try 3"),
    ]  # fmt: skip
    assert raw.exists("lineshaft:tries") == 0


@pytest.mark.parametrize("plain", [False, True])
async def test_a_try_that_succeeds_ends_the_task(make_app: Callable[..., App], raw: redis.Redis, plain: bool):
    app = make_app()
    tries = itertools.count(1)

    def fail_twice() -> int:
        if (number := next(tries)) < 3:
            raise ValueError(f"try {number}")
        return number

    if plain:

        @app.task(retry=Retry(tries=5, base=0.05))
        def work() -> int:
            return fail_twice()
    else:

        @app.task(retry=Retry(tries=5, base=0.05))
        async def work() -> int:
            return fail_twice()

    async with Worker(app):
        task = await work.enqueue()
        assert await task.result(timeout=10) == 3
        record = await app.client.inspector.task(task.id)
    assert (record.tries, len(record.attempts)) == (3, 2)
    assert raw.exists("lineshaft:tries") == 0


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


@pytest.mark.parametrize("policy", [{"give_up": ValueError}, {"on": (KeyError, OSError)}, {"give_up": (KeyError, ValueError)}])
async def test_an_error_that_the_policy_gives_up_on_ends_the_task_at_once(make_app: Callable[..., App], policy: dict):
    app = make_app()
    tries: list[int] = []

    @app.task(retry=Retry(tries=5, base=60, **policy))
    async def work(ctx: TaskContext) -> None:
        tries.append(ctx.tries)
        raise ValueError("for good")

    async with Worker(app):
        task = await work.enqueue()
        with pytest.raises(TaskFailed, match="for good"):
            await task.result(timeout=10)
    assert tries == [1]


async def test_without_a_policy_a_task_is_tried_three_times_after_one_and_two_seconds(
    make_app: Callable[..., App], raw: redis.Redis
):
    app = make_app()

    @app.task
    async def work() -> None:
        raise ValueError("as always")

    async with Worker(app):
        task = await work.enqueue()
        for tries in (1, 2):
            await soon(lambda tries=tries: raw.hget("lineshaft:tries", task.id) == str(tries))
            left_ms = raw.zscore("lineshaft:due:default", task.id) - server_ms(raw)
            assert 0 < left_ms <= 1000 * tries
            raw.zadd("lineshaft:due:default", {task.id: 0})
        with pytest.raises(TaskFailed):
            await task.result(timeout=10)


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


def server_ms(raw: redis.Redis) -> float:
    seconds, microseconds = raw.time()
    return seconds * 1000 + microseconds / 1000
