"""Waiting for a task's end: by push, with a limit, and whatever that end is."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from lineshaft import (
    App,
    LineshaftError,
    ResultTimeoutError,
    Retry,
    Settings,
    TaskCancelled,
    TaskContext,
    TaskEndedError,
    TaskFailed,
    TaskNotFoundError,
)
from lineshaft.protocol import loader
from lineshaft.worker import Worker

from .monitoring import commands
from .simple_tasks import held_task
from .waiting import soon

ONCE = Retry(tries=1)


class SecretError(Exception):
    """An error of the tests."""


@pytest.mark.parametrize("kind", ["async", "plain", "async with context", "plain with context"])
async def test_what_a_task_returns_comes_back(make_app: Callable[..., App], kind: str):
    app = make_app()
    if kind == "async":

        @app.task
        async def double(n: int) -> int:
            return 2 * n
    elif kind == "plain":

        @app.task
        def double(n: int) -> int:
            return 2 * n
    elif kind == "async with context":

        @app.task
        async def double(ctx: TaskContext, n: int) -> int:
            assert (ctx.task, ctx.queue, ctx.tries, ctx.crashes, ctx.lost) == ("double", "default", 1, 0, False)
            return 2 * n
    else:

        @app.task
        def double(ctx: TaskContext, n: int) -> int:
            assert ctx.idempotency_key.endswith(ctx.id)
            return 2 * n

    async with Worker(app):
        task = await double.enqueue(21)
        assert await task.result(timeout=10) == 42
        assert await task.status() == "done"


async def test_the_result_comes_by_push_and_not_by_asking_again_and_again(make_app: Callable[..., App], redis_url: str):
    app = make_app()
    wait, release = held_task(app)
    sha = loader.load("watch").sha
    async with Worker(app):
        task = await wait.enqueue()
        with commands(redis_url) as seen:
            waiting = asyncio.create_task(task.result(timeout=20))
            await soon(lambda: [line for line in seen if sha in line])
            began_s = time.monotonic()
            await asyncio.sleep(2.0)  # the time during which nothing should be sent is what is tested
            release.set()
            assert await waiting == "free"
            took_s = time.monotonic() - began_s
        asked = [line for line in seen if sha in line]
    # Once at first, once when the subscription stands, and once in a while in case the message was lost.
    assert len(asked) <= 2 + took_s // 3, asked
    assert not [line for line in seen if f"task:{task.id}" in line and "lua" not in line]


async def test_a_thousand_waiters_cost_one_question(make_app: Callable[..., App], redis_url: str):
    app = make_app(concurrency=1)
    wait, release = held_task(app)
    sha = loader.load("watch").sha
    async with Worker(app):
        task = await wait.enqueue()
        with commands(redis_url) as seen:
            waiting = [asyncio.create_task(task.result(timeout=20)) for _ in range(1000)]
            await soon(lambda: [line for line in seen if sha in line])
            release.set()
            assert await asyncio.gather(*waiting) == ["free"] * 1000
        assert len([line for line in seen if sha in line]) <= 3


async def test_a_wait_that_takes_too_long_says_so_and_the_task_goes_on(make_app: Callable[..., App]):
    app = make_app()
    wait, release = held_task(app)
    async with Worker(app):
        task = await wait.enqueue()
        with pytest.raises(ResultTimeoutError, match=task.id):
            await task.result(timeout=0.1)
        with pytest.raises(TimeoutError):
            await task.result(timeout=0.1)
        release.set()
        assert await task.result(timeout=10) == "free"


@pytest.mark.parametrize("plain", [False, True])
async def test_a_failure_tells_type_message_and_place_but_neither_locals_nor_the_worker(
    make_app: Callable[..., App], plain: bool
):
    app = make_app()

    def fail(password: str) -> None:
        raise SecretError("it is broken")

    if plain:

        @app.task(retry=ONCE)
        def work(password: str) -> None:
            fail(password)
    else:

        @app.task(retry=ONCE)
        async def work(password: str) -> None:
            fail(password)

    async with Worker(app):
        task = await work.enqueue("open-sesame")
        with pytest.raises(TaskFailed) as caught:
            await task.result(timeout=10)
        assert await task.status() == "failed"
    error = caught.value
    assert error.task_id == task.id
    assert error.error_type.endswith("test_results.SecretError")
    assert error.error_message == "it is broken"
    assert task.id in str(error)
    assert "it is broken" in str(error)
    assert 'in fail\n    raise SecretError("it is broken")' in error.traceback
    assert "in work" in error.traceback
    assert "open-sesame" not in error.traceback
    assert "lineshaft/worker" not in error.traceback
    assert "concurrent/futures" not in error.traceback


async def test_a_cancelled_task_raises_where_its_result_is_asked_for(make_app: Callable[..., App]):
    app = make_app()

    @app.task
    async def never() -> None: ...

    task = await never.options(delay=60).enqueue()
    waiting = asyncio.create_task(task.result(timeout=10))
    assert await task.cancel() == "cancelled"
    with pytest.raises(TaskCancelled) as caught:
        await waiting
    assert caught.value.task_id == task.id
    assert await task.cancel() == "cancelled"


@pytest.mark.parametrize("early", [False, True])
async def test_a_result_of_a_mebibyte_arrives(make_app: Callable[..., App], early: bool):
    app = make_app()

    @app.task
    async def large(size: int) -> str:
        return "x" * size

    async with Worker(app):
        task = await large.enqueue(1 << 20)
        if not early:
            await soon(lambda: app.client is not None)
        assert await task.result(timeout=10) == "x" * (1 << 20)
        assert len(await task.result(timeout=10)) == 1 << 20  # of a task that has ended already


async def test_there_is_no_result_of_a_task_that_never_was(make_app: Callable[..., App]):
    app = make_app()
    task = app.get_task("nobody")
    with pytest.raises(TaskNotFoundError, match="nobody"):
        await task.result(timeout=5)
    with pytest.raises(TaskNotFoundError, match="nobody"):
        await task.status()
    with pytest.raises(TaskNotFoundError, match="nobody"):
        await task.cancel()


async def test_a_waiter_hears_that_a_foreign_consumer_ended_the_task(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()

    @app.task
    async def untyped():
        return 1

    task = await untyped.enqueue()
    waiting = asyncio.create_task(task.result(timeout=10))
    assert raw.brpop("task_queue", 5) == ["task_queue", task.id]
    raw.set(f"task:{task.id}:status", "done")
    assert await waiting is None


async def test_a_foreign_consumers_end_is_none_whatever_the_task_is_said_to_return(
    make_app: Callable[..., App], raw: redis.Redis
):
    app = make_app()

    @app.task
    async def typed() -> str:
        return "text"

    task = await typed.enqueue()
    assert raw.brpop("task_queue", 5) == ["task_queue", task.id]
    raw.set(f"task:{task.id}:status", "done")
    assert await task.result(timeout=10) is None


async def test_a_waiter_is_not_forgotten_while_others_come_and_go(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()
    app.task(name="lost")(lambda: None)
    task = await app.submit(app.call("lost"))
    assert raw.brpop("task_queue", 5) == ["task_queue", task.id]
    waiting = asyncio.create_task(task.result(timeout=20))
    async with Worker(app):
        raw.set(f"task:{task.id}:status", "done")  # nobody is told
        began_s = time.monotonic()
        while not waiting.done() and time.monotonic() - began_s < 8:
            assert await (await app.submit(app.call(None))).result(timeout=10) == "pong"
            await asyncio.sleep(0.1)  # the traffic under which it must be answered
        assert waiting.done(), "it was not asked about again"
    assert await waiting is None


@pytest.mark.parametrize("value", [float("nan"), object(), {1: object()}, "\ud800", {"a": [float("inf")]}])
async def test_a_result_that_json_cannot_carry_fails_the_task_which_ran_once(make_app: Callable[..., App], value: object):
    app = make_app()
    runs = []

    @app.task
    async def odd():
        runs.append(1)
        return value

    async with Worker(app):
        task = await odd.enqueue()
        with pytest.raises(TaskFailed) as caught:
            await task.result(timeout=10)
    assert caught.value.error_type == "ResultError"
    assert "JSON" in caught.value.error_message
    assert runs == [1]


async def test_a_result_over_the_limit_fails_the_task_and_says_how_large_it_is(make_app: Callable[..., App]):
    app = make_app(result_limit=100)

    @app.task
    async def large() -> str:
        return "x" * 99

    async with Worker(app):
        task = await large.enqueue()
        with pytest.raises(TaskFailed, match="101 bytes; the limit is 100"):
            await task.result(timeout=10)


async def test_a_task_that_has_ended_cannot_be_cancelled(make_app: Callable[..., App]):
    app = make_app()

    @app.task
    async def work() -> None: ...

    async with Worker(app):
        task = await work.enqueue()
        await task.result(timeout=10)
        with pytest.raises(TaskEndedError) as caught:
            await task.cancel()
    assert caught.value.status == "done"
    assert task.id in str(caught.value)


async def test_waiting_without_a_server_says_that_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("REDIS_URL", raising=False)
    app = App("lonely", settings=Settings())
    try:
        with pytest.raises(LineshaftError) as enqueuing:
            await app.submit(app.call(None))
        with pytest.raises(type(enqueuing.value), match="REDIS_URL"):
            await app.get_task("some").result(timeout=2)
    finally:
        await app.close()
