"""Pages of tasks: each task once, about newest first, whatever comes and goes meanwhile, and never more than a bounded look."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
import redis

from lineshaft import App, ConfigurationError
from lineshaft.inspection import pages
from lineshaft.inspection.pages import Page, Wanted
from lineshaft.task_function import Call, Options
from lineshaft.worker import Worker

ALL = Wanted()


async def every_page(app: App, wanted: Wanted = ALL, limit: int = 7) -> list[Page]:
    found = [await app.client.pages.tasks(wanted, limit)]
    while cursor := found[-1].next:
        found.append(await app.client.pages.tasks(wanted, limit, cursor))
    return found


def ids(found: list[Page]) -> list[str]:
    return [item.task_id for page in found for item in page.items]


def app_of(make_app: Callable[..., App]) -> App:
    app = make_app()

    @app.task
    async def work(n: int) -> int:
        if n % 3 == 0:
            raise ValueError("no")
        return n

    return app


def calls(app: App, amount: int, **options: Any) -> list[Call[int]]:
    spec = app.registry.get("work")

    return [Call(spec, (n,), {}, Options(**options)) for n in range(amount)]


async def test_every_task_is_on_one_page_wherever_it_stands(make_app: Callable[..., App]):
    app = app_of(make_app)
    ended = await app.enqueue_many(calls(app, 30, queue="mail"))
    async with Worker(app):
        for task in ended:
            await app.client.wait(task.id, 20)
    cancelled = await app.enqueue_many(calls(app, 5))
    for task in cancelled:
        await task.cancel()
    others = [*await app.enqueue_many(calls(app, 20)), *await app.enqueue_many(calls(app, 10, queue="mail", delay_ms=60_000))]

    found = await every_page(app)

    assert sorted(ids(found)) == sorted(task.id for task in [*ended, *cancelled, *others])
    assert all(len(page.items) <= 7 for page in found)
    mail = Wanted(queue="mail", task="work")
    assert sorted(ids(await every_page(app, mail))) == sorted(task.id for task in [*ended, *others[20:]])


async def test_a_scheduled_task_says_when_it_is_due_on_whichever_page_it_is(make_app: Callable[..., App], raw: redis.Redis):
    app = app_of(make_app)
    await app.enqueue_many(calls(app, 5))
    for n in range(20):
        await app.enqueue_many(calls(app, 1, queue=f"q{n % 3}", delay_ms=60_000 + 1000 * (n % 7)))
    due = {task_id: ms for n in range(3) for task_id, ms in raw.zrange(f"lineshaft:due:q{n}", 0, -1, withscores=True)}

    for wanted in (ALL, Wanted(status="scheduled")):
        found = [item for page in await every_page(app, wanted) for item in page.items]

        assert {item.task_id: item.due_ms for item in found if item.status == "scheduled"} == due
        assert all(item.due_ms is None for item in found if item.status != "scheduled")


async def test_what_comes_in_between_two_pages_makes_none_come_twice(make_app: Callable[..., App]):
    app = app_of(make_app)
    tasks = await app.enqueue_many(calls(app, 10))
    first = await app.client.pages.tasks(ALL, 4)
    await app.enqueue_many(calls(app, 20))

    second = await app.client.pages.tasks(ALL, 6, first.next)

    assert ids([first, second]) == [task.id for task in reversed(tasks)]


async def test_where_the_last_id_of_a_page_has_gone_the_next_goes_on_from_its_place(
    make_app: Callable[..., App], raw: redis.Redis
):
    app = app_of(make_app)
    tasks = await app.enqueue_many(calls(app, 6))
    first = await app.client.pages.tasks(ALL, 3)
    raw.lset("task_queue", 2, "somebody-else")

    second = await app.client.pages.tasks(ALL, 3, first.next)

    assert ids([first, second]) == [task.id for task in reversed(tasks)]


async def test_a_filter_looks_at_a_bounded_number_and_says_where_to_go_on(
    make_app: Callable[..., App], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pages, "LOOKED_AT", 40)
    app = app_of(make_app)
    (wanted,) = await app.enqueue_many(calls(app, 1, queue="mail"))
    await app.enqueue_many(calls(app, 100))
    await wanted.cancel()
    await app.enqueue_many(calls(app, 100))

    found = await every_page(app, Wanted(status="pending", task="other"))

    assert ids(found) == []
    assert len(found) >= 5
    assert ids(await every_page(app, Wanted(queue="mail"))) == [wanted.id]


@pytest.mark.parametrize("limit", [5, 50, 200])
async def test_a_page_over_many_queues_takes_few_round_trips(
    make_app: Callable[..., App], raw: redis.Redis, monkeypatch: pytest.MonkeyPatch, limit: int
):
    app = app_of(make_app)
    tasks = [task for n in range(400) for task in await app.enqueue_many(calls(app, 1, queue=f"q{n:03}"))]
    tasks += await app.enqueue_many(calls(app, 100, queue="q007"))
    connection, asked = app.client.pages._connection, []
    for name in ("call", "calls"):
        whole = getattr(connection, name)
        monkeypatch.setattr(
            connection, name, lambda *words, whole=whole, **more: (asked.append(words), whole(*words, **more))[1]
        )

    page = await app.client.pages.tasks(ALL, limit)

    assert len(page.items) == limit
    assert {item.task_id for item in page.items} <= {task.id for task in tasks}
    assert len(asked) < 60
    monkeypatch.undo()
    assert sorted(ids(await every_page(app, limit=limit))) == sorted(task.id for task in tasks)


async def test_a_damaged_record_is_listed_by_its_id_and_hides_no_other(make_app: Callable[..., App], raw: redis.Redis):
    app = app_of(make_app)
    tasks = await app.enqueue_many(calls(app, 3))
    raw.set(f"task:{tasks[1].id}", "{")
    raw.lpush("task_queue", "not an id")

    (page,) = await every_page(app)

    assert sorted(item.task_id for item in page.items) == sorted(task.id for task in tasks)
    assert {item.task_id: item.envelope is None for item in page.items}[tasks[1].id]


@pytest.mark.parametrize(
    "cursor", ["", "x", "!!", base64.b64encode(b'{"a":[-1,"b"]}').decode(), base64.b64encode(b"[1]").decode()]
)
async def test_a_cursor_that_no_page_gave_is_refused(make_app: Callable[..., App], cursor: str):
    with pytest.raises(ConfigurationError, match="none that a page gave"):
        await app_of(make_app).client.pages.tasks(ALL, 5, cursor)
