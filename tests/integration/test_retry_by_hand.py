"""Running an ended task again by hand: `Task.retry`, and each reason why it is refused."""

import asyncio
from collections.abc import Callable

import pytest
import redis

from lineshaft import App, DamagedRecordError, Retry, TaskFailed, TaskNotFoundError, TaskNotRetriedError
from lineshaft.worker import Worker


async def test_a_failed_task_runs_again_with_fresh_tries_in_its_own_queue(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()
    tries: list[int] = []

    @app.task(queue="mail", retry=Retry(tries=2, base=0.01))
    async def work() -> str:
        tries.append(len(tries))
        if len(tries) < 4:
            raise ValueError("not yet")
        return "at last"

    async with Worker(app):
        task = await work.enqueue()
        with pytest.raises(TaskFailed):
            await task.result(timeout=10)
        assert len(tries) == 2
        assert await task.retry() == "pending"
        assert await task.result(timeout=10) == "at last"
    assert len(tries) == 4
    assert raw.lrange("lineshaft:ended:failed", 0, -1) == []


async def test_a_task_that_is_done_or_cancelled_runs_again(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()

    @app.task(queue="mail")
    async def work() -> None: ...

    cancelled = await work.enqueue()
    await cancelled.cancel()
    assert await cancelled.retry() == "pending"
    assert raw.lrange("task_queue:mail", 0, -1) == [cancelled.id]
    async with Worker(app):
        await cancelled.result(timeout=10)
        assert await cancelled.retry() == "pending"
        await cancelled.result(timeout=10)


async def test_what_has_not_ended_is_not_retried(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()

    @app.task
    async def work() -> None: ...

    ready, later = await work.enqueue(), await work.options(delay=60).enqueue()
    for task, word in ((ready, "pending"), (later, "scheduled")):
        with pytest.raises(TaskNotRetriedError, match=f"it has not ended, it is '{word}'") as refused:
            await task.retry()
        assert refused.value.status == word
    assert raw.lrange("task_queue", 0, -1) == [ready.id]


async def test_one_that_ran_again_since_it_was_looked_at_is_left_alone(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()

    @app.task
    async def work() -> None: ...

    task = await work.enqueue()
    await task.cancel()
    look = app.client.inspector.before_retry

    async def looked_long_ago(task_id: str) -> tuple[str | None, str, int]:
        seen = await look(task_id)
        raw.rpush(f"task:{task_id}:attempts", "{}")
        return seen

    app.client.inspector.before_retry = looked_long_ago
    with pytest.raises(TaskNotRetriedError, match="it ran again meanwhile; look at it"):
        await task.retry()
    assert await task.status() == "cancelled"


async def test_what_is_not_kept_cannot_be_retried(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()
    with pytest.raises(TaskNotFoundError, match="there is no task 'nobody'"):
        await app.get_task("nobody").retry()
    raw.set("task:foreign:status", "done")
    with pytest.raises(TaskNotFoundError, match="nothing is kept of what it ran"):
        await app.get_task("foreign").retry()


@pytest.mark.strange_keys("a queue of another type")
async def test_a_damaged_key_stops_a_retry_before_it_changes_anything(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()

    @app.task
    async def work() -> None: ...

    task = await work.enqueue()
    await task.cancel()
    raw.delete("task_queue")
    raw.set("task_queue", "damaged")
    with pytest.raises(DamagedRecordError, match="has another type in Redis"):
        await task.retry()
    assert await task.status() == "cancelled"


def test_for_callers_without_a_loop(make_app: Callable[..., App]):
    app = make_app()

    @app.task
    def work() -> None: ...

    task = work.enqueue_sync()
    task.cancel_sync()
    assert task.retry_sync() == "pending"
    app.run_sync(app.close())
    asyncio.run(app.close())
