"""Worker processes that die, in every way there is: their tasks run again, and what keeps killing them is set aside."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from lineshaft import App, TaskFailed
from lineshaft.ids import new_id

from .journal import Journal
from .processes import WorkerProcess, is_alive
from .proxy import Proxy
from .waiting import soon, until

Start = Callable[..., WorkerProcess]


def producer(make_app: Callable[..., App], **settings: float) -> App:
    """An app that knows the shop's tasks by name and runs none."""
    app = make_app("producer", **settings)
    for name in ("nap", "rest", "doze", "die", "breed"):
        app.task(name=name)(lambda *args, **kwargs: None)
    app.touch = app.task(name="touch")(lambda value=0: value)
    return app


async def test_the_tasks_of_a_killed_child_are_ready_at_once_and_all_get_done(
    make_app: Callable[..., App], start_worker: Start, raw: redis.Redis, journal: Journal
):
    app = producer(make_app)
    worker = start_worker(concurrency=100, lease_s=60, renew_s=20, look_gap_s=30)  # so that no lease can run out here
    child = worker.child()
    tasks = await app.enqueue_many([app.call("rest", [60, 0.2]) for _ in range(100)])
    await soon(lambda: journal.count("start") == 100)
    os.kill(child, signal.SIGKILL)
    killed_s = time.monotonic()
    await soon(lambda: raw.llen("task_queue") == 100 or journal.count("start") > 100, within_s=1.0)
    assert time.monotonic() - killed_s < 1.0
    await asyncio.gather(*(task.result(timeout=20) for task in tasks))
    records = [await app.client.inspector.task(task.id) for task in tasks]
    assert {(record.tries, record.crashes) for record in records} == {(1, 1)}
    assert {tuple(attempt.kind for attempt in record.attempts) for record in records} == {("crash",)}
    assert set(journal.started().values()) == {2}
    assert journal.overlaps() == []
    assert worker.child() != child
    assert raw.exists("lineshaft:crashes", "lineshaft:suspects") == 0


async def test_a_worker_command_that_is_killed_whole_is_reaped_by_another_and_its_tasks_run_again(
    make_app: Callable[..., App], start_worker: Start, raw: redis.Redis, journal: Journal
):
    app = producer(make_app)
    doomed = start_worker()
    doomed.wait_ready()
    tasks = await app.enqueue_many([app.call(name, [60, 0.5]) for name in ("nap", "doze") for _ in range(5)])
    await soon(lambda: journal.count("start") == 10)
    other = start_worker()
    other.wait_ready()
    killed_s = time.monotonic()
    dead = await asyncio.to_thread(doomed.kill_all)
    await soon(lambda: not any(is_alive(pid) for pid in dead))
    await soon(lambda: journal.count("start") == 20, within_s=10)
    # lease + gap + two looks, and what a busy machine may take for a call
    assert time.monotonic() - killed_s < 2.0 + 1.0 + 2 * 0.2 + 2.0
    await asyncio.gather(*(task.result(timeout=20) for task in tasks))
    assert set(journal.started().values()) == {2}
    assert {(await app.client.inspector.task(task.id)).crashes for task in tasks} == {1}
    assert len(raw.zrange("lineshaft:sessions", 0, -1)) == 1


async def test_children_end_with_their_supervisor(
    make_app: Callable[..., App], start_worker: Start, raw: redis.Redis, journal: Journal
):
    app = producer(make_app)
    worker = start_worker(workers=2)
    children = worker.wait_ready(2)
    await app.enqueue_many([app.call("doze", [30]) for _ in range(4)])
    await soon(lambda: journal.count("start") == 4)
    os.kill(worker.pid, signal.SIGKILL)
    await asyncio.to_thread(worker.wait)
    await soon(lambda: not any(is_alive(pid) for pid in children), within_s=2)
    last_s = max(line.at_s for line in journal.lines())
    await asyncio.sleep(0.2)  # ten beats of what must no longer beat
    assert max(line.at_s for line in journal.lines()) == last_s


async def test_what_a_task_started_ends_with_its_child(make_app: Callable[..., App], start_worker: Start, journal: Journal):
    app = producer(make_app)
    worker = start_worker()
    child = worker.child()
    await app.submit(app.call("breed", [30]))
    (line,) = await soon(lambda: journal.lines("bred"))
    grandchild = int(line.note)
    assert is_alive(grandchild)
    os.kill(child, signal.SIGKILL)
    await soon(lambda: not is_alive(grandchild), within_s=2)


@pytest.mark.parametrize("how", ["segfault", "exit 0", "kill", "stop the loop"])
async def test_a_task_that_keeps_killing_its_worker_is_set_aside_with_the_evidence(
    make_app: Callable[..., App], start_worker: Start, raw: redis.Redis, journal: Journal, how: str
):
    app = producer(make_app)
    worker = start_worker(max_crashes=2, concurrency=5)
    worker.wait_ready()
    task = await app.submit(app.call("die", [how]))
    with pytest.raises(TaskFailed) as caught:
        await task.result(timeout=20)
    record = await app.client.inspector.task(task.id)
    assert caught.value.error_type == "TooManyCrashes"
    assert "died 2 times" in caught.value.error_message
    assert (record.status, record.crashes, [attempt.kind for attempt in record.attempts]) == (
        "failed", 2, ["crash", "crash"],
    )  # fmt: skip
    assert len({attempt.session for attempt in record.attempts}) == 2
    assert journal.count("start", task.id) == 2
    after = await app.touch.enqueue(5)
    assert await after.result(timeout=20) == 5
    assert worker.process.poll() is None
    assert raw.exists("lineshaft:crashes") == 0


async def test_a_process_that_exits_with_0_in_a_task_has_crashed_and_the_task_runs_again(
    make_app: Callable[..., App], start_worker: Start, journal: Journal
):
    app = producer(make_app)
    worker = start_worker()
    worker.wait_ready()
    task = await app.submit(app.call("die", ["exit 0"], {"times": 1}))
    assert await task.result(timeout=20) == 1
    record = await app.client.inspector.task(task.id)
    assert (record.crashes, [attempt.kind for attempt in record.attempts]) == (1, ["crash"])


async def test_a_child_that_dies_between_its_claim_and_the_start_costs_a_crash_and_no_second_run(
    make_app: Callable[..., App], start_worker: Start, proxy: Proxy, journal: Journal
):
    app = producer(make_app)
    worker = start_worker(url=proxy.url)
    child = worker.child()
    task_id = new_id()
    rule = proxy.delay(task_id.encode(), 5, "reply")
    task = await app.touch.options(task_id=task_id).enqueue(3)
    await soon(rule.happened.is_set)
    os.kill(child, signal.SIGKILL)
    assert await task.result(timeout=20) == 3
    assert (await app.client.inspector.task(task.id)).crashes == 1
    assert journal.count("start") == 1


async def test_a_child_that_dies_before_it_hears_that_its_end_was_taken_costs_nothing(
    make_app: Callable[..., App], start_worker: Start, proxy: Proxy, raw: redis.Redis, journal: Journal
):
    app = producer(make_app)
    worker = start_worker(url=proxy.url)
    child = worker.child()
    rule = proxy.delay(b"done", 5, "reply")
    task = await app.touch.enqueue(3)
    await soon(rule.happened.is_set)
    os.kill(child, signal.SIGKILL)
    after = await app.touch.enqueue(4)
    assert await after.result(timeout=20) == 4
    record = await app.client.inspector.task(task.id)
    assert (record.status, record.tries, record.crashes, record.attempts) == ("done", 1, 0, [])
    assert journal.started()[task.id] == 1
    assert raw.lrange("lineshaft:ended:done", 0, -1) == [after.id, task.id]


async def test_one_worker_process_of_several_dies_and_the_others_go_on(
    make_app: Callable[..., App], start_worker: Start, journal: Journal
):
    app = producer(make_app)
    worker = start_worker(workers=2, concurrency=10)
    children = worker.wait_ready(2)
    tasks = await app.enqueue_many([app.call("rest", [2.0, 0.1]) for _ in range(20)])
    await soon(lambda: {line.pid for line in journal.lines("start")} == set(children))
    of_other = {line.task_id for line in journal.lines("start") if line.pid == children[1]}
    os.kill(children[0], signal.SIGKILL)
    await asyncio.gather(*(task.result(timeout=20) for task in tasks))
    assert {count for task_id, count in journal.started().items() if task_id in of_other} == {1}
    assert children[1] in worker.wait_ready(2)


async def test_workers_that_are_killed_again_and_again_lose_no_task(
    make_app: Callable[..., App], start_worker: Start, raw: redis.Redis, journal: Journal
):
    app = producer(make_app)
    worker = start_worker(workers=2, concurrency=10, max_crashes=100)
    worker.wait_ready(2)
    tasks, killed = [], set()
    for _ in range(8):
        tasks += await app.enqueue_many([app.call("rest", [0.05]) for _ in range(25)])
        (victim, *_) = await soon(lambda: [pid for pid in worker.sessions() if pid not in killed])
        started = journal.count("start")
        await soon(lambda started=started: journal.count("start") > started)
        os.kill(victim, signal.SIGKILL)
        killed.add(victim)
    await asyncio.gather(*(task.result(timeout=30) for task in tasks))
    assert {raw.get(f"task:{task.id}:status") for task in tasks} == {"done"}
    assert set(journal.started()) == {task.id for task in tasks}
    assert journal.overlaps() == []
    await soon(lambda: not list(raw.scan_iter("lineshaft:owned:*")))


async def test_a_child_that_is_killed_while_it_loads_is_replaced_like_any_other(
    make_app: Callable[..., App], start_worker: Start, tmp_path
):
    """A death while it loads says nothing about the app: only what the app raises does."""
    (tmp_path / "slow.py").write_text(
        "import os, time\n"
        "from lineshaft import App\n"
        "time.sleep(0 if not os.path.exists('loading') else 30)\n"
        "app = App('slow')\n"
    )
    app = make_app("producer")
    worker = start_worker(folder=tmp_path, app="slow:app")
    first = worker.child()
    (tmp_path / "loading").touch()
    os.kill(first, signal.SIGKILL)
    (second,) = await soon(lambda: [pid for pid in worker.children() if pid != first])
    (tmp_path / "loading").unlink()
    os.kill(second, signal.SIGKILL)
    task = await app.submit(app.call(None))
    assert await task.result(timeout=10) == "pong"
    assert worker.process.poll() is None


def slow_to_load(folder: Path) -> None:
    """An app that says that it is being loaded, and then takes its time for as long as it may."""
    (folder / "slow.py").write_text(
        "import os, time\n"
        "from lineshaft import App\n"
        "with open('loads', 'a') as loads: loads.write(f'{os.getpid()}\\n')\n"
        "while not os.path.exists('go on'): time.sleep(0.01)\n"
        "app = App('slow')\n"
    )
    (folder / "loads").touch()


def kill_loads(folder: Path, amount: int) -> None:
    for n in range(amount):
        loads = until(lambda n=n: (found := (folder / "loads").read_text().splitlines())[n:] and found)
        os.kill(int(loads[n]), signal.SIGKILL)


def test_the_first_children_may_be_killed_while_they_load(start_worker: Start, tmp_path: Path):
    slow_to_load(tmp_path)
    worker = start_worker(folder=tmp_path, app="slow:app")
    kill_loads(tmp_path, 2)
    (tmp_path / "go on").touch()
    assert worker.child()


def test_a_command_whose_children_are_all_killed_while_they_load_ends_and_says_so(start_worker: Start, tmp_path: Path):
    slow_to_load(tmp_path)
    worker = start_worker(folder=tmp_path, app="slow:app")
    kill_loads(tmp_path, 3)
    assert worker.wait() == 1
    assert "error: the app could not be loaded (killed by SIGKILL)" in worker.log()


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGRTMIN + 4])
def test_a_child_is_replaced_whatever_signal_kills_it(start_worker: Start, number: int):
    worker = start_worker()
    first = worker.child()
    os.kill(first, number)
    until(lambda: [pid for pid in worker.sessions() if pid != first], what=worker.log)
    assert worker.process.poll() is None
