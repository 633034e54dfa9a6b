"""One worker is told to be quiet, or to stop: it hears with a renewal, what it runs goes on, and the others do the rest."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable

import redis

from lineshaft import App
from lineshaft.worker import Worker

from .journal import Journal
from .processes import WorkerProcess, is_alive
from .waiting import soon

Start = Callable[..., WorkerProcess]
TASKS = 20


class Mill:
    """An app with a task that ends when it is let go, and one that ends at once."""

    def __init__(self, make_app: Callable[..., App]) -> None:
        self.app = make_app(renew_s=0.2, poll_s=0.2)
        self.go_on = asyncio.Event()
        self.running = 0
        self.held = self.app.task(name="held")(self._hold)
        self.touch = self.app.task(name="touch")(self._touch)

    async def _hold(self) -> str:
        self.running += 1
        await self.go_on.wait()
        return "held"

    async def _touch(self) -> None:
        pass

    async def session_of(self, task_id: str) -> str:
        """The session that a task was done under."""
        return (await self.app.client.inspector.task(task_id)).outcome.session

    async def tell(self, worker: Worker, order: str) -> None:
        """Give an order, and wait until it was heard."""
        assert await self.app.client.order(worker.lease.session, order) == order
        await soon(lambda: worker.lease.order == order)


async def test_a_quiet_worker_ends_what_it_runs_and_leaves_the_rest_to_another(make_app: Callable[..., App], raw: redis.Redis):
    mill = Mill(make_app)
    async with Worker(mill.app, concurrency=1) as quiet:
        held = await mill.held.enqueue()
        await soon(lambda: mill.running == 1)
        await mill.tell(quiet, "quiet")
        tasks = [await mill.touch.enqueue() for _ in range(TASKS)]
        mill.go_on.set()
        assert await held.result(timeout=20) == "held"
        due = await mill.touch.options(delay=0.5).enqueue()  # once that is ready, the worker has looked with a free slot
        await soon(lambda: raw.get(f"task:{due.id}:status") == "pending")
        assert {await task.status() for task in tasks} == {"pending"}
        async with Worker(mill.app, concurrency=1) as other:
            for task in [*tasks, due]:
                await task.result(timeout=20)

            assert {await mill.session_of(task.id) for task in [*tasks, due]} == {other.lease.session}
            assert await mill.session_of(held.id) == quiet.lease.session
            assert quiet.running == 0
            assert {w.session for w in await mill.app.client.inspector.workers()} == {quiet.lease.session, other.lease.session}


async def test_a_quiet_worker_makes_ready_what_is_due_and_takes_no_wake_up_token_from_others(
    make_app: Callable[..., App], raw: redis.Redis
):
    mill = Mill(make_app)
    async with Worker(mill.app, concurrency=1, queues=["default", "mail"]) as quiet:
        await mill.app.client.pause("mail")  # so that nothing is left behind that a worker could claim
        await mill.tell(quiet, "quiet")
        raw.lpush("lineshaft:wake:default", "1")  # taken, at most, by the wait that was under way
        first = await mill.touch.options(queue="mail", delay=0.1).enqueue()
        await soon(lambda: raw.get(f"task:{first.id}:status") == "pending")
        raw.delete("lineshaft:wake:default")
        raw.lpush("lineshaft:wake:default", "1")
        second = await mill.touch.options(queue="mail", delay=0.5).enqueue()
        await soon(lambda: raw.get(f"task:{second.id}:status") == "pending")

        assert raw.lrange("lineshaft:wake:default", 0, -1) == ["1"]
        assert raw.lrange("task_queue:mail", 0, -1) == [second.id, first.id]


async def test_a_worker_in_somebodys_loop_that_is_told_to_stop_drains_and_its_block_goes_on(
    make_app: Callable[..., App], raw: redis.Redis
):
    tasks: list[asyncio.Task | None] = []

    @contextlib.asynccontextmanager
    async def lifespan(_app: App) -> AsyncIterator[None]:
        tasks.append(asyncio.current_task())
        yield
        tasks.append(asyncio.current_task())

    mill = Mill(lambda **settings: make_app(lifespan=lifespan, **settings))
    async with Worker(mill.app, concurrency=2) as worker:
        held = await mill.held.enqueue()
        await soon(lambda: mill.running == 1)
        await mill.tell(worker, "stop")
        ready = await mill.touch.enqueue()
        mill.go_on.set()
        assert await held.result(timeout=20) == "held"
        await soon(lambda: not raw.exists("lineshaft:sessions"))

        assert await ready.status() == "pending"
        assert len(tasks) == 1, "the lifespan ends with the block"
    assert tasks == [asyncio.current_task()] * 2
    assert not raw.exists("lineshaft:suspects", "lineshaft:crashes")


async def test_leaving_the_block_waits_for_a_worker_that_was_told_to_stop(make_app: Callable[..., App], raw: redis.Redis):
    mill = Mill(make_app)
    async with Worker(mill.app, concurrency=2) as worker:
        held = await mill.held.enqueue()
        await soon(lambda: mill.running == 1)
        await mill.tell(worker, "stop")
        asyncio.get_running_loop().call_later(0.5, mill.go_on.set)
    assert await held.result(timeout=1) == "held"
    assert not raw.exists("lineshaft:sessions", "lineshaft:suspects", "lineshaft:crashes")


async def test_an_order_ends_with_the_session_that_it_was_given_to(make_app: Callable[..., App], raw: redis.Redis):
    mill = Mill(make_app)
    async with Worker(mill.app, concurrency=1) as worker:
        before = worker.lease.session
        await mill.tell(worker, "quiet")
        raw.zrem("lineshaft:sessions", before)
        await soon(lambda: worker.lease.session != before)

        await (await mill.touch.enqueue()).result(timeout=20)
        assert await mill.app.client.order(before, "stop") == "gone"


# Worker processes.


def producer(make_app: Callable[..., App]) -> App:
    app = make_app("producer")
    for name in ("touch", "nap"):
        app.task(name=name)(lambda *args, **kwargs: None)
    return app


async def both_nap(app: App, journal: Journal, seconds: float) -> dict[int, str]:
    """Have two worker processes with one slot each run a task; gives pid -> id."""
    await app.enqueue_many([app.call("nap", [seconds]) for _ in range(2)])
    await soon(lambda: journal.count("start") == 2)
    return {line.pid: line.task_id for line in journal.lines("start")}


async def renewals(raw: redis.Redis, session: str, amount: int) -> None:
    """Wait until a lease was renewed so often."""
    for _ in range(amount):
        before = raw.zscore("lineshaft:sessions", session)
        await soon(lambda before=before: raw.zscore("lineshaft:sessions", session) != before)


async def test_a_quiet_worker_process_lives_on_and_claims_nothing(
    make_app: Callable[..., App], start_worker: Start, raw: redis.Redis, journal: Journal
):
    app = producer(make_app)
    worker = start_worker(workers=2, concurrency=1)
    worker.wait_ready(2)
    napping = await both_nap(app, journal, 3.0)
    sessions = worker.sessions()
    quiet, other = napping
    assert await app.client.order(sessions[quiet], "quiet") == "quiet"
    await renewals(raw, sessions[quiet], 2)  # it hears with the first, and has heard when the second is sent
    for task_id in napping.values():
        assert await app.get_task(task_id).result(timeout=20) == 3.0
    tasks = await app.enqueue_many([app.call("touch", [n]) for n in range(TASKS)])
    assert [await task.result(timeout=20) for task in tasks] == [*range(TASKS)]

    assert {line.pid for task in tasks for line in journal.lines("start", task.id)} == {other}
    assert worker.sessions() == sessions


async def test_a_worker_process_that_is_told_to_stop_ends_for_good_and_the_last_one_ends_the_command(
    make_app: Callable[..., App], start_worker: Start, raw: redis.Redis, journal: Journal
):
    app = producer(make_app)
    worker = start_worker(workers=2, concurrency=1)
    worker.wait_ready(2)
    napping = await both_nap(app, journal, 2.0)
    sessions = worker.sessions()
    first, last = napping
    assert await app.client.order(sessions[first], "stop") == "stop"
    assert await app.get_task(napping[first]).result(timeout=20) == 2.0
    await soon(lambda: f"worker process {first}, which was told to stop, ended (exit code 0)" in worker.log())
    touched = await app.submit(app.call("touch", [7]))
    assert await touched.result(timeout=20) == 7
    assert worker.children() == [last]
    assert list(worker.sessions()) == [last]

    await app.submit(app.call("nap", [1.0]))
    await soon(lambda: journal.count("start") == 4)
    assert await app.client.order(sessions[last], "stop") == "stop"
    assert await asyncio.to_thread(worker.wait) == 0, worker.log()
    assert journal.count("end") == 4
    assert set(journal.started().values()) == {1}
    assert not raw.exists("lineshaft:sessions", "lineshaft:suspects", "lineshaft:crashes")


async def test_a_signal_meanwhile_takes_nothing_from_the_grace_of_one_that_was_told_to_stop(
    make_app: Callable[..., App], start_worker: Start, raw: redis.Redis, journal: Journal
):
    app = producer(make_app)
    worker = start_worker(workers=2, concurrency=1)
    worker.wait_ready(2)
    napping = await both_nap(app, journal, 3.0)
    first = next(iter(napping))
    await app.client.order(worker.sessions()[first], "stop")
    await soon(lambda: f"worker process {first} was told to stop" in worker.log())
    worker.signal(signal.SIGTERM)
    assert await asyncio.to_thread(worker.wait) == 0
    assert journal.count("end") == 2
    assert set(journal.started().values()) == {1}


async def test_one_that_does_not_do_as_it_is_told_is_killed_and_that_is_no_crash(
    make_app: Callable[..., App], start_worker: Start, raw: redis.Redis, journal: Journal
):
    app = producer(make_app)
    worker = start_worker(workers=2, concurrency=1, grace_s=0.1, call_timeout_s=0.5)
    worker.wait_ready(2)
    napping = await both_nap(app, journal, 60.0)
    frozen, task_id = next(iter(napping.items()))
    session = worker.sessions()[frozen]
    os.kill(frozen, signal.SIGSTOP)
    await app.client.order(session, "stop")
    await soon(lambda: f"worker process {frozen}, which was told to stop, ended (killed by SIGKILL)" in worker.log(), 30.0)

    assert not is_alive(frozen)
    await soon(lambda: raw.get(f"task:{task_id}:status") == "pending")
    record = await app.client.inspector.task(task_id)
    assert (record.tries, record.crashes, record.attempts) == (0, 0, [])
    assert not raw.exists("lineshaft:crashes", "lineshaft:suspects")
    assert len(worker.children()) == 1
