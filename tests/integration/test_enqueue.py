"""Calls that are made now and run later: what is accepted, under which id, in which order."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import redis

from lineshaft import App, ArgumentError, ConfigurationError, TaskConflictError, TaskContext, UnknownTaskError
from lineshaft.protocol import loader
from lineshaft.worker import Worker

from .simple_tasks import noting_task
from .waiting import soon


async def test_defaults_fill_what_a_call_leaves_out(make_app: Callable[..., App]):
    app = make_app()

    @app.task
    async def join(a: int, b: int = 2, *rest: int, c: int = 3, **more: int) -> list[int]:
        return [a, b, *rest, c, *more.values()]

    async with Worker(app):
        tasks = [
            await join.enqueue(1),
            await join.enqueue(1, 5),
            await join.enqueue(a=1, c=7),
            await join.enqueue(1, 2, 9, 9, c=4, d=5, e=6),
        ]
        assert [await task.result(timeout=10) for task in tasks] == [
            [1, 2, 3], [1, 5, 3], [1, 2, 7], [1, 2, 9, 9, 4, 5, 6],
        ]  # fmt: skip


async def test_calling_a_task_is_calling_the_function(make_app: Callable[..., App]):
    app = make_app()

    @app.task
    async def double(n: int) -> int:
        """Twice as much."""
        return 2 * n

    @app.task(name="halves")
    def half(n: int) -> float:
        return n / 2

    assert await double(4) == 8
    assert half(5) == 2.5
    assert (double.name, double.__doc__, half.name) == ("double", "Twice as much.", "halves")


@pytest.mark.parametrize(
    ("args", "kwargs", "argument"),
    [
        ((), {}, "n"),
        ((1, 2, 3), {}, None),
        ((1,), {"n": 1}, "n"),
        ((1,), {"other": 1}, "other"),
        ((), {"m": 1}, "n"),
    ],
)
async def test_arguments_that_do_not_fit_are_refused_by_name_and_nothing_is_written(
    make_app: Callable[..., App], raw: redis.Redis, args: tuple, kwargs: dict, argument: str | None
):
    app = make_app()

    @app.task
    async def double(ctx: TaskContext, n: int, m: int = 0) -> int:
        return 2 * n

    with pytest.raises(ArgumentError, match="double") as caught:
        await double.enqueue(*args, **kwargs)
    assert caught.value.argument == argument
    with pytest.raises(TypeError):
        await app.enqueue_many([double.call(1), double.call(*args, **kwargs)])
    assert raw.dbsize() == 0


@pytest.mark.parametrize(
    ("args", "kwargs", "argument"),
    [
        ((float("nan"), 1), {}, "x"),
        ((1, [1, {"deep": float("inf")}]), {}, "y"),
        ((1,), {"y": float("-inf")}, "y"),
        ((1, object()), {}, "y"),
        ((1, 2, float("nan")), {}, "rest[0]"),
    ],
)
async def test_what_json_cannot_carry_is_refused_by_name_and_nothing_is_written(
    make_app: Callable[..., App], raw: redis.Redis, args: tuple, kwargs: dict, argument: str
):
    app = make_app()

    @app.task
    async def draw(x: float, y: object, *rest: float) -> None: ...

    with pytest.raises(ArgumentError, match="JSON") as caught:
        await draw.enqueue(*args, **kwargs)
    assert caught.value.argument == argument
    assert argument in str(caught.value)
    assert raw.dbsize() == 0


async def test_arguments_over_the_limit_are_refused_and_nothing_is_written(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app(body_limit=1000)

    @app.task
    async def keep(text: str) -> None: ...

    with pytest.raises(ArgumentError, match="1000"):
        await keep.enqueue("x" * 1000)
    assert raw.dbsize() == 0
    await keep.enqueue("x" * 900)


async def test_an_unknown_name_is_refused_and_the_likeliest_is_named(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()

    @app.task
    async def resize() -> None: ...

    with pytest.raises(UnknownTaskError, match="resize"):
        app.call("resise")
    assert raw.dbsize() == 0


@pytest.mark.parametrize("task_id", ["", "a b", "a" * 65, "ä", "a:b"])
async def test_an_id_that_cannot_be_one_is_refused(make_app: Callable[..., App], task_id: str):
    app = make_app()

    @app.task
    async def work() -> None: ...

    with pytest.raises(ConfigurationError, match="task_id"):
        work.options(task_id=task_id)


async def test_the_same_id_twice_is_one_task_and_other_content_is_refused(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()
    note, runs = noting_task(app)

    @app.task
    async def other(n: int) -> int:
        runs.append(-n)
        return n

    first = await note.options(task_id="order-1").enqueue(1)
    again = await note.options(task_id="order-1").enqueue(1)
    assert first.id == again.id == "order-1"
    assert raw.lrange("task_queue", 0, -1) == ["order-1"]
    for call in (note.options(task_id="order-1").call(2), other.options(task_id="order-1").call(1)):
        with pytest.raises(TaskConflictError, match="order-1"):
            await app.submit(call)
    with pytest.raises(TaskConflictError):
        await note.options(task_id="order-1", queue="elsewhere").enqueue(1)
    assert raw.llen("task_queue:elsewhere") == 0

    async with Worker(app):
        assert await first.result(timeout=10) == 1
        late = await note.options(task_id="order-1").enqueue(1)
        assert await late.result(timeout=10) == 1
        with pytest.raises(TaskConflictError):
            await note.options(task_id="order-1").enqueue(2)
    assert runs == [1]


async def test_an_id_is_remembered_when_the_record_is_gone(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()

    @app.task
    async def note(n: int) -> int:
        return n

    async with Worker(app):
        await (await note.options(task_id="order-1").enqueue(1)).result(timeout=10)
    raw.delete("task:order-1", "task:order-1:status", "task:order-1:result")
    assert (await note.options(task_id="order-1").enqueue(1)).id == "order-1"
    assert raw.llen("task_queue") == 0
    with pytest.raises(TaskConflictError):
        await note.options(task_id="order-1").enqueue(2)
    assert 0 < raw.ttl("task:order-1:digest") <= 86_400


async def test_1200_tasks_at_once_are_accepted_in_order_and_all_run(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()
    note, order = noting_task(app)
    raw.config_resetstat()
    tasks = await app.enqueue_many([note.call(n) for n in range(1200)])
    calls = raw.info("commandstats")
    assert calls.get("cmdstat_evalsha", {"calls": 0})["calls"] + calls.get("cmdstat_eval", {"calls": 0})["calls"] <= 4
    assert len({task.id for task in tasks}) == 1200
    assert raw.lrange("task_queue", 0, -1) == [task.id for task in reversed(tasks)]
    async with Worker(app, concurrency=1):
        assert [await task.result(timeout=30) for task in tasks] == list(range(1200))
    assert order == list(range(1200))


async def test_calls_that_come_from_a_generator_are_accepted_like_those_of_a_list(
    make_app: Callable[..., App], raw: redis.Redis
):
    app = make_app()

    @app.task
    async def note(n: int) -> None: ...

    tasks = await app.enqueue_many(note.call(n) for n in range(3))  # type: ignore[arg-type]
    assert raw.lrange("task_queue", 0, -1) == [task.id for task in reversed(tasks)]


async def test_many_calls_of_several_tasks_go_each_to_its_queue(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()

    @app.task(queue="images")
    async def resize(n: int) -> None: ...

    @app.task
    async def report(n: int) -> None: ...

    tasks = await app.enqueue_many(
        [resize.call(1), report.call(2), report.options(queue="low").call(3), report.options(delay=60).call(4)]
    )
    assert raw.lrange("task_queue:images", 0, -1) == [tasks[0].id]
    assert raw.lrange("task_queue", 0, -1) == [tasks[1].id]
    assert raw.lrange("task_queue:low", 0, -1) == [tasks[2].id]
    assert raw.zrange("lineshaft:due:default", 0, -1) == [tasks[3].id]
    assert await app.enqueue_many([]) == []


async def test_what_is_enqueued_while_a_call_is_on_the_wire_goes_out_together(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()

    @app.task
    async def note(n: int) -> None: ...

    await note.enqueue(0)
    raw.config_resetstat()
    tasks = await asyncio.gather(*(note.enqueue(n) for n in range(1000)))
    assert len({task.id for task in tasks}) == 1000
    assert raw.info("commandstats")["cmdstat_evalsha"]["calls"] <= 5
    assert raw.llen("task_queue") == 1001


async def test_a_caller_that_gives_up_does_not_take_others_with_it(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()

    @app.task
    async def note(n: int) -> None: ...

    calls = [asyncio.create_task(note.enqueue(n)) for n in range(50)]
    await asyncio.sleep(0)
    for call in calls[::2]:
        call.cancel()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(answer, asyncio.CancelledError) for answer in answers[::2])
    assert set(raw.lrange("task_queue", 0, -1)) >= {task.id for task in answers[1::2]}


async def test_tasks_share_what_the_lifespan_opened_and_it_is_closed_after_the_last_of_them(
    make_app: Callable[..., App],
):
    events: list[str] = []

    @asynccontextmanager
    async def lifespan(app: App) -> AsyncIterator[dict[str, str]]:
        events.append(f"open {app.name}")
        yield {"database": "connected"}
        events.append("close")

    app = make_app("shop", lifespan=lifespan)

    @app.task
    async def ask(ctx: TaskContext) -> str:
        await asyncio.sleep(0.1)
        events.append("asked")
        return ctx.state["database"]

    @app.task
    def ask_too(ctx: TaskContext) -> str:
        return ctx.state["database"]

    async with Worker(app) as worker:
        tasks = [await ask.enqueue(), await ask_too.enqueue()]
        assert await tasks[1].result(timeout=10) == "connected"
        await soon(lambda: worker.running > 0 or "asked" in events)
    assert events == ["open shop", "asked", "close"]
    assert await tasks[0].result(timeout=10) == "connected"


async def test_a_batch_larger_than_one_call_is_split(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()

    @app.task
    async def note(n: int) -> None: ...

    raw.script_flush()
    tasks = await app.enqueue_many([note.call(n) for n in range(501)])
    assert len(tasks) == raw.llen("task_queue") == 501
    assert raw.script_exists(loader.load("enqueue").sha) == [True]
