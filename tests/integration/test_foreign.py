"""Programs that know only two keys: they push ids and take them, in any order, and harm nobody."""

import asyncio
from collections.abc import Callable

import pytest
import redis

from lineshaft import App, TaskConflictError
from lineshaft.worker import Worker

from .waiting import soon


@pytest.mark.parametrize("order", ["status first", "id first"])
async def test_a_foreign_producers_id_runs_the_default_task_within_two_seconds(
    make_app: Callable[..., App], raw: redis.Redis, order: str
):
    app = make_app(poll_s=1.0, reconcile_s=5.0)  # the defaults
    async with Worker(app):
        await (await app.submit(app.call(None))).result(timeout=10)
        if order == "status first":
            raw.set("task:foreign-1:status", "pending")
            raw.lpush("task_queue", "foreign-1")
        else:
            raw.lpush("task_queue", "foreign-1")
            raw.set("task:foreign-1:status", "pending")
        await soon(lambda: raw.get("task:foreign-1:status") == "done", within_s=2.0)
        assert await app.get_task("foreign-1").result(timeout=5) == "pong"
    assert raw.llen("task_queue") == 0


async def test_an_id_that_gets_its_status_much_later_still_runs(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()
    async with Worker(app):
        raw.lpush("task_queue", "foreign-1")
        await soon(lambda: raw.zscore("lineshaft:strays", "foreign-1"))
        assert raw.llen("task_queue") == 0
        raw.set("task:foreign-1:status", "pending")
        await soon(lambda: raw.get("task:foreign-1:status") == "done")
    assert raw.zcard("lineshaft:strays") == 0


async def test_a_foreign_producers_task_runs_once_however_often_it_is_pushed(make_app: Callable[..., App], raw: redis.Redis):
    runs: list[str] = []
    app = make_app()
    app.default_task = "note"

    @app.task(name="note")
    async def note() -> None:
        runs.append("run")
        await asyncio.sleep(0.3)

    raw.set("task:foreign-1:status", "pending")
    raw.lpush("task_queue", "foreign-1", "foreign-1", "foreign-1")
    async with Worker(app):
        await soon(lambda: raw.get("task:foreign-1:status") == "in-progress")
        raw.lpush("task_queue", "foreign-1")
        await app.get_task("foreign-1").result(timeout=10)
        await soon(lambda: raw.llen("task_queue") == 0)
    assert runs == ["run"]


@pytest.mark.parametrize("malformed", [b"not an id", b"", b"a" * 65, b"\xff\xfe", "ä".encode(), b"a:b", b"x" * 100_000])
async def test_what_cannot_be_an_id_is_set_aside_and_the_queue_moves_on(
    make_app: Callable[..., App], raw: redis.Redis, redis_url: str, malformed: bytes
):
    app = make_app()
    raw.lpush("task_queue", malformed)
    after = await app.submit(app.call(None))
    async with Worker(app):
        assert await after.result(timeout=10) == "pong"
    assert raw.llen("task_queue") == 0
    with redis.Redis.from_url(redis_url) as binary:
        assert binary.lrange("lineshaft:set_aside", 0, -1) == [malformed[:256]]


async def test_a_foreign_consumer_takes_tasks_without_harm_to_the_rest(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()

    @app.task
    async def work(n: int) -> int:
        return n

    tasks = await app.enqueue_many([work.call(n) for n in range(20)])
    taken = [raw.brpop("task_queue", 5)[1] for _ in range(5)]
    for task_id in taken:
        raw.set(f"task:{task_id}:status", "in-progress")
    async with Worker(app):
        values = [await task.result(timeout=10) for task in tasks if task.id not in taken]
        assert values == list(range(5, 20))
        for task_id in taken:
            assert raw.get(f"task:{task_id}:status") == "in-progress"
            raw.set(f"task:{task_id}:status", "done")
        await asyncio.gather(*(app.get_task(task_id).result(timeout=10) for task_id in taken))


async def test_a_foreign_tasks_id_is_taken(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()

    @app.task
    async def work() -> None: ...

    raw.set("task:foreign-1:status", "pending")
    with pytest.raises(TaskConflictError):
        await work.options(task_id="foreign-1").enqueue()
    assert raw.exists("task:foreign-1") == 0


async def test_the_status_words_of_a_plain_task_are_the_three_of_the_contract(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()
    release = asyncio.Event()

    @app.task
    async def work() -> None:
        await release.wait()

    task = await work.enqueue()
    assert raw.get(f"task:{task.id}:status") == "pending"
    assert raw.lrange("task_queue", 0, -1) == [task.id]
    async with Worker(app):
        await soon(lambda: raw.get(f"task:{task.id}:status") == "in-progress")
        release.set()
        await task.result(timeout=10)
        assert raw.get(f"task:{task.id}:status") == "done"
