"""When a failed try is made again, and when not: at the clock of `lineshaft.testing`, so that nobody waits for it."""

from collections.abc import Callable
from typing import Any

import pytest
import redis

from lineshaft import App, Retry, TaskContext, TaskFailed
from lineshaft.testing import AppInTest, Ran

InTest = Callable[[App], AppInTest]


def failing(app: App, *, plain: bool = False, times: int = 1000, **options: Any) -> Any:
    """A task that fails so many times, and then says at which try it did not; `async`, or a plain function."""

    def run(ctx: TaskContext) -> int:
        if ctx.tries <= times:
            raise ValueError(f"try {ctx.tries}")
        return ctx.tries

    async def run_async(ctx: TaskContext) -> int:
        return run(ctx)

    return app.task(name="work", **options)(run if plain else run_async)


def told(ran: list[Ran]) -> list[tuple[int, str, str]]:
    return [(run.tries, run.status, run.error) for run in ran]


async def test_a_failing_task_is_tried_as_often_as_its_policy_says_and_then_fails(lineshaft_app: InTest, raw: redis.Redis):
    app = App("test")
    work = failing(app, retry=Retry(tries=3, base=10, jitter=0))
    tasks = lineshaft_app(app)
    task = await work.enqueue()

    assert told(await tasks.drain(advance=3600)) == [
        (1, "scheduled", "ValueError: try 1"),
        (2, "scheduled", "ValueError: try 2"),
        (3, "failed", "ValueError: try 3"),
    ]
    with pytest.raises(TaskFailed, match="try 3"):
        await task.result()
    record = await app.client.inspector.task(task.id)
    assert record is not None
    assert (record.tries, record.crashes, record.status) == (3, 0, "failed")
    assert [(attempt.kind, attempt.try_number) for attempt in record.attempts] == [("error", 1), ("error", 2), ("error", 3)]
    assert raw.exists(app.keys.tries) == 0


@pytest.mark.parametrize("plain", [False, True])
async def test_a_try_that_succeeds_ends_the_task(lineshaft_app: InTest, raw: redis.Redis, plain: bool):
    app = App("test")
    work = failing(app, plain=plain, times=2, retry=Retry(tries=5))
    tasks = lineshaft_app(app)
    task = await work.enqueue()

    assert [run.status for run in await tasks.drain(advance=3600)] == ["scheduled", "scheduled", "done"]
    assert await task.result() == 3
    record = await app.client.inspector.task(task.id)
    assert record is not None
    assert (record.tries, len(record.attempts)) == (3, 2)
    assert raw.exists(app.keys.tries) == 0


async def test_each_try_waits_its_own_delay_to_the_millisecond(lineshaft_app: InTest):
    app = App("test")
    work = failing(app, retry=Retry(tries=4, base=10, jitter=0))
    tasks = lineshaft_app(app)
    await work.enqueue()

    assert [run.tries for run in await tasks.drain()] == [1]
    for tries, delay_s in ((2, 10), (3, 20), (4, 40)):
        assert await tasks.drain(advance=delay_s - 0.001) == []
        assert [run.tries for run in await tasks.drain(advance=0.001)] == [tries]
    assert await tasks.drain(advance=3600) == []


@pytest.mark.parametrize("policy", [{"give_up": ValueError}, {"on": (KeyError, OSError)}, {"give_up": (KeyError, ValueError)}])
async def test_an_error_that_the_policy_gives_up_on_ends_the_task_at_once(lineshaft_app: InTest, policy: dict[str, Any]):
    app = App("test")
    work = failing(app, retry=Retry(tries=5, base=60, **policy))
    tasks = lineshaft_app(app)
    await work.enqueue()

    assert told(await tasks.drain()) == [(1, "failed", "ValueError: try 1")]
    assert await tasks.drain(advance=3600) == []


async def test_without_a_policy_a_task_is_tried_three_times_within_one_and_two_seconds(lineshaft_app: InTest):
    app = App("test")
    work = failing(app)
    tasks = lineshaft_app(app)
    await work.enqueue()

    assert [run.status for run in await tasks.drain()] == ["scheduled"]
    assert await tasks.drain(advance=0.499) == []  # half of a delay is left to chance
    assert [run.status for run in await tasks.drain(advance=0.502)] == ["scheduled"]
    assert [run.status for run in await tasks.drain(advance=2)] == ["failed"]
