"""Tasks that raise: whatever it is, it ends the task and nothing else."""

import asyncio
from collections.abc import Callable

import pytest

from lineshaft import App, Retry, TaskContext, TaskFailed
from lineshaft.worker import Worker

from .waiting import soon

ONCE = Retry(tries=1)


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class OwnBase(BaseException):
    pass


@pytest.mark.parametrize("plain", [False, True], ids=["async", "plain"])
@pytest.mark.parametrize(
    "error",
    [SystemExit(0), SystemExit(1), KeyboardInterrupt(), OwnBase("odd"), GeneratorExit(), MemoryError(), Unprintable()],
    ids=lambda error: f"{type(error).__name__} {error.args}",
)
async def test_whatever_a_task_raises_fails_it_and_the_worker_lives(
    make_app: Callable[..., App], error: BaseException, plain: bool
):
    app = make_app()

    if plain:

        @app.task(retry=ONCE)
        def work() -> None:
            raise error
    else:

        @app.task(retry=ONCE)
        async def work() -> None:
            raise error

    async with Worker(app, concurrency=1):
        task, after = await work.enqueue(), await app.submit(app.call(None))
        with pytest.raises(TaskFailed) as caught:
            await task.result(timeout=5)
        assert await after.result(timeout=5) == "pong"
    assert caught.value.error_type.endswith(type(error).__name__)


@pytest.mark.parametrize("error", [SystemExit(0), KeyboardInterrupt(), OwnBase()], ids=lambda e: type(e).__name__)
async def test_what_is_no_exception_is_not_tried_again(make_app: Callable[..., App], error: BaseException):
    app = make_app()
    runs: list[int] = []

    @app.task(retry=Retry(tries=3, base=0.01))
    async def work(ctx: TaskContext) -> None:
        runs.append(ctx.tries)
        raise error

    async with Worker(app):
        task = await work.enqueue()
        with pytest.raises(TaskFailed):
            await task.result(timeout=5)
    assert runs == [1]


async def test_stop_iteration_in_a_plain_function_fails_it_and_is_named(make_app: Callable[..., App]):
    app = make_app()

    @app.task(retry=ONCE)
    def first() -> int:
        return next(iter([]))

    @app.task(retry=ONCE)
    async def first_too() -> int:
        return next(iter([]))

    async with Worker(app):
        for task in (await first.enqueue(), await first_too.enqueue()):
            with pytest.raises(TaskFailed) as caught:
                await task.result(timeout=5)
            assert "StopIteration" in caught.value.error_type + caught.value.error_message + caught.value.traceback


@pytest.mark.parametrize("how", ["raises it", "cancels itself", "awaits a cancelled future"])
async def test_a_task_that_cancels_itself_has_failed_and_was_not_cancelled(make_app: Callable[..., App], how: str):
    app = make_app()

    @app.task(retry=ONCE)
    async def work() -> None:
        if how == "raises it":
            raise asyncio.CancelledError
        if how == "cancels itself":
            asyncio.current_task().cancel()
            await asyncio.sleep(60)
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    async with Worker(app, concurrency=1):
        task, after = await work.enqueue(), await app.submit(app.call(None))
        with pytest.raises(TaskFailed) as caught:
            await task.result(timeout=5)
        assert await after.result(timeout=5) == "pong"
        assert await task.status() == "failed"
    assert caught.value.error_type.endswith("CancelledError")


async def test_a_cancelled_error_in_a_plain_function_fails_it(make_app: Callable[..., App]):
    app = make_app()

    @app.task(retry=ONCE)
    def work() -> None:
        raise asyncio.CancelledError

    async with Worker(app, concurrency=1):
        task, after = await work.enqueue(), await app.submit(app.call(None))
        with pytest.raises(TaskFailed):
            await task.result(timeout=5)
        assert await after.result(timeout=5) == "pong"


async def test_a_task_that_leaves_a_cancel_pending_is_done_with_its_result(make_app: Callable[..., App]):
    app = make_app()

    @app.task(retry=ONCE)
    async def work() -> int:
        asyncio.current_task().cancel()
        return 1

    async with Worker(app, concurrency=1):
        task, after = await work.enqueue(), await app.submit(app.call(None))
        assert await task.result(timeout=5) == 1
        assert await after.result(timeout=5) == "pong"


async def test_an_exception_with_a_huge_text_is_kept_in_part(make_app: Callable[..., App], raw):
    app = make_app()

    @app.task(retry=ONCE)
    async def work() -> None:
        raise ValueError("ä\ud800" * 1_000_000)

    async with Worker(app):
        task = await work.enqueue()
        with pytest.raises(TaskFailed) as caught:
            await task.result(timeout=10)
    assert caught.value.error_message.startswith("ä")
    assert raw.strlen(f"task:{task.id}:result") < 200_000


@pytest.mark.parametrize("when", ["it raises", "its time is over"])
async def test_a_backoff_function_that_raises_ends_the_task_and_frees_its_slot(make_app: Callable[..., App], when: str):
    app = make_app(grace_s=0.5)

    def backoff(failed_try: int) -> float:
        raise ZeroDivisionError

    @app.task(retry=Retry(tries=3, backoff=backoff), timeout=0.2)
    async def work() -> None:
        if when == "it raises":
            raise ValueError("as it should")
        await asyncio.sleep(60)

    async with Worker(app, concurrency=1):
        task, after = await work.enqueue(), await app.submit(app.call(None))
        with pytest.raises(TaskFailed) as caught:
            await task.result(timeout=5)
        assert await after.result(timeout=5) == "pong"
    assert caught.value.error_type == ("ValueError" if when == "it raises" else "TimeoutError")


async def test_what_a_task_leaves_running_on_the_loop_does_not_hold_its_end(make_app: Callable[..., App]):
    app = make_app()
    left: list[asyncio.Task[None]] = []

    async def linger() -> None:
        await asyncio.sleep(60)

    @app.task
    async def work() -> int:
        left.append(asyncio.create_task(linger()))
        return 1

    async with Worker(app) as worker:
        task = await work.enqueue()
        assert await task.result(timeout=5) == 1
        await soon(lambda: worker.running == 0)
    left[0].cancel()
