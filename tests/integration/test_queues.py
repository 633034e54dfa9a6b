"""Slots and queues: how many run at once, from where, in which order, and when."""

import asyncio
import threading
import time
from collections.abc import Callable

import pytest
import redis

from lineshaft import App, ConfigurationError, Retry, TaskContext, TaskFailed
from lineshaft.worker import Worker

from .simple_tasks import noting_task
from .waiting import soon


@pytest.mark.parametrize("plain", [False, True])
async def test_never_more_run_at_once_than_there_are_slots_and_all_slots_are_used(make_app: Callable[..., App], plain: bool):
    app = make_app()
    lock = threading.Lock()
    running, most = 0, 0

    def enter() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)

    def leave() -> None:
        nonlocal running
        with lock:
            running -= 1

    if plain:

        @app.task
        def work() -> None:
            enter()
            time.sleep(0.02)
            leave()
    else:

        @app.task
        async def work() -> None:
            enter()
            await asyncio.sleep(0.02)
            leave()

    tasks = await app.enqueue_many([work.call() for _ in range(60)])
    async with Worker(app, concurrency=7):
        await asyncio.gather(*(task.result(timeout=20) for task in tasks))
    assert most == 7


async def test_a_slot_that_becomes_free_is_filled_without_waiting_for_a_poll(make_app: Callable[..., App]):
    app = make_app(poll_s=60, reconcile_s=60)

    @app.task
    async def work(n: int) -> int:
        await asyncio.sleep(0.01)
        return n

    async with Worker(app, concurrency=2):
        tasks = await app.enqueue_many([work.call(n) for n in range(50)])
        assert [await task.result(timeout=20) for task in tasks] == list(range(50))


async def test_tasks_of_one_queue_start_in_the_order_in_which_they_were_accepted(make_app: Callable[..., App]):
    app = make_app()
    work, order = noting_task(app)
    tasks = [await work.enqueue(n) for n in range(30)]
    async with Worker(app, concurrency=3):
        await asyncio.gather(*(task.result(timeout=20) for task in tasks))
    assert order == list(range(30))


async def test_the_queue_that_is_named_first_is_emptied_first(make_app: Callable[..., App]):
    app = make_app()
    order: list[str] = []

    @app.task
    async def work(name: str) -> None:
        order.append(name)

    calls = [work.options(queue=queue).call(queue) for _ in range(5) for queue in ("low", "high", "middle")]
    tasks = await app.enqueue_many(calls)
    async with Worker(app, concurrency=1, queues=["high", "middle", "low"]):
        await asyncio.gather(*(task.result(timeout=20) for task in tasks))
    assert order == ["high"] * 5 + ["middle"] * 5 + ["low"] * 5


async def test_a_worker_takes_only_from_the_queues_that_it_was_given(make_app: Callable[..., App]):
    app = make_app()

    @app.task
    async def work() -> str:
        return "done"

    async with Worker(app, queues=["images"]):
        other, own = await work.enqueue(), await work.options(queue="images").enqueue()
        assert await own.result(timeout=10) == "done"
        after = await work.options(queue="images").enqueue()
        assert await after.result(timeout=10) == "done"
        assert await other.status() == "pending"


async def test_a_worker_of_all_queues_takes_from_one_that_is_new_within_two_seconds(make_app: Callable[..., App]):
    app = make_app(lease_s=15, renew_s=5, look_gap_s=6, poll_s=1.0, reconcile_s=5.0)  # the defaults, about

    @app.task
    async def work() -> str:
        return "done"

    async with Worker(app) as worker:
        for n in range(2):
            looks = worker._fetcher._look_at_s
            await soon(lambda looks=looks: worker._fetcher._look_at_s > looks)  # the longest way to the next look
            task = await work.options(queue=f"brand-new-{n}").enqueue()
            assert await task.result(timeout=1.6) == "done"  # one look, and what a busy machine may take


async def test_a_worker_of_all_queues_finds_those_it_never_heard_of(make_app: Callable[..., App]):
    app, producer = make_app(), make_app("producer")

    @producer.task
    async def work(n: int) -> int: ...

    @app.task(name="work")
    async def run(n: int) -> int:
        return n

    tasks = await producer.enqueue_many([work.options(queue=f"q{n}").call(n) for n in range(120)])
    async with Worker(app):
        assert [await task.result(timeout=20) for task in tasks] == list(range(120))


@pytest.mark.parametrize("queue", ["", "a b", "q" * 65, "a:b", "ä"])
async def test_a_name_that_cannot_be_a_queues_is_refused(make_app: Callable[..., App], queue: str):
    app = make_app()

    @app.task
    async def work() -> None: ...

    with pytest.raises(ConfigurationError, match="queue"):
        work.options(queue=queue)
    with pytest.raises(ConfigurationError, match="queue"):

        @app.task(queue=queue)
        async def other() -> None: ...


@pytest.mark.parametrize(
    "options",
    [{"queues": ["bad name"]}, {"queues": "images"}, {"queues": [""]}, {"concurrency": 0}, {"concurrency": -1}],
    ids=str,
)
async def test_a_worker_that_could_never_work_is_refused(make_app: Callable[..., App], options: dict):
    with pytest.raises(ConfigurationError, match=r"queue|concurrency"):
        Worker(make_app(), **options)


async def test_a_paused_queue_gives_nothing_until_it_goes_on(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()
    runs: list[str] = []

    @app.task
    async def work(name: str) -> None:
        runs.append(name)

    raw.sadd("lineshaft:paused", "slow")
    async with Worker(app):
        paused = await work.options(queue="slow").enqueue("paused")
        for _ in range(3):
            await (await work.enqueue("other")).result(timeout=10)
        assert await paused.status() == "pending"
        raw.srem("lineshaft:paused", "slow")
        await paused.result(timeout=10)
    assert runs == ["other"] * 3 + ["paused"]


async def test_a_delayed_task_starts_when_it_is_due_and_not_before(make_app: Callable[..., App]):
    app = make_app(poll_s=30, reconcile_s=30)  # so that only its timer can be what starts it
    at_s: dict[str, float] = {}

    @app.task
    async def work(name: str) -> None:
        at_s[name] = time.monotonic()

    async with Worker(app) as worker:
        await (await work.enqueue("first")).result(timeout=10)
        await soon(lambda: worker.running == 0)
        began_s = time.monotonic()
        late = await work.options(delay=0.8).enqueue("late")
        early = await work.options(delay=0.4).enqueue("early")
        assert await early.status() == "scheduled"
        await asyncio.gather(early.result(timeout=10), late.result(timeout=10))
    assert 0.39 <= at_s["early"] - began_s < at_s["late"] - began_s
    assert at_s["late"] - began_s >= 0.79


async def test_a_thousand_tasks_due_at_once_all_run_once(make_app: Callable[..., App]):
    app = make_app()
    work, runs = noting_task(app)
    async with Worker(app):
        tasks = await app.enqueue_many([work.options(delay=0.3).call(n) for n in range(1200)])
        await asyncio.gather(*(task.result(timeout=20) for task in tasks))
    assert sorted(runs) == list(range(1200))


async def test_a_busy_worker_starts_a_due_task_as_soon_as_it_has_a_slot(make_app: Callable[..., App]):
    app = make_app()

    @app.task
    async def work(seconds: float) -> None:
        await asyncio.sleep(seconds)

    async with Worker(app, concurrency=1):
        await work.enqueue(0.5)
        due = await work.options(delay=0.1).enqueue(0)
        await due.result(timeout=10)


async def test_a_task_that_a_worker_does_not_know_waits_for_one_that_does(make_app: Callable[..., App], raw: redis.Redis):
    old, new = make_app("old", unknown_delay_s=0.2), make_app("new")

    @new.task
    async def recent(ctx: TaskContext) -> tuple[int, int]:
        return ctx.tries, ctx.crashes

    task = await recent.enqueue()
    async with Worker(old):
        await soon(lambda: raw.get(f"task:{task.id}:status") == "scheduled")
        first_due = raw.zscore("lineshaft:due:default", task.id)
        await soon(lambda: (raw.zscore("lineshaft:due:default", task.id) or 0) > first_due)  # put back more than once
        record = await new.client.inspector.task(task.id)
    assert [(attempt.kind, "recent" in attempt.error.message) for attempt in record.attempts] == [("unknown", True)]
    async with Worker(new):
        assert await task.result(timeout=10) == (1, 0)


async def test_a_task_that_no_worker_knows_fails_after_its_time(make_app: Callable[..., App]):
    app, producer = make_app(unknown_delay_s=0.1, unknown_kept_s=0.5), make_app("producer")

    @producer.task
    async def nowhere() -> None: ...

    async with Worker(app):
        task = await nowhere.enqueue()
        with pytest.raises(TaskFailed) as caught:
            await task.result(timeout=10)
        assert await (await app.submit(app.call(None))).result(timeout=10) == "pong"
    assert caught.value.error_type == "UnknownTaskError"
    assert "nowhere" in caught.value.error_message


async def test_two_workers_share_the_work_and_nothing_runs_twice(make_app: Callable[..., App]):
    runs: dict[int, list[str]] = {}
    apps = [make_app(name) for name in ("one", "two")]
    for app in apps:

        @app.task(retry=Retry(tries=1))
        async def work(ctx: TaskContext, n: int) -> str:
            runs.setdefault(n, []).append(ctx.session)
            await asyncio.sleep(0.01)
            return ctx.session

    tasks = await apps[0].enqueue_many([apps[0].call("work", [n]) for n in range(200)])
    async with Worker(apps[0], concurrency=5) as first, Worker(apps[1], concurrency=5) as second:
        sessions = {await task.result(timeout=20) for task in tasks}
        assert sessions == {first.lease.session, second.lease.session}
    assert len(runs) == 200
    assert all(len(of_task) == 1 for of_task in runs.values())


async def test_a_namespace_keeps_two_apps_apart(make_app: Callable[..., App], raw: redis.Redis):
    shop, bank = make_app("shop", namespace="shop"), make_app("bank", namespace="bank")
    for app in (shop, bank):

        @app.task
        async def who(app: str = app.name) -> str:
            return app

    theirs = await bank.submit(bank.call("who"))
    async with Worker(shop):
        assert await (await shop.submit(shop.call("who"))).result(timeout=10) == "shop"
        assert await theirs.status() == "pending"
    assert raw.lrange("bank:task_queue", 0, -1) == [theirs.id]
    async with Worker(bank):
        assert await theirs.result(timeout=10) == "bank"
    assert {key.partition(":")[0] for key in raw.scan_iter()} == {"shop", "bank"}
