"""Faults of worker processes and of the machine under them, where no test of the integration tests shows them already."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from integration.journal import Journal
from integration.monitoring import commands
from integration.processes import MARK, SHORT, WorkerProcess, is_alive
from integration.proxy import Proxy
from integration.waiting import soon
from lineshaft import App, TaskFailed
from lineshaft.ids import new_id
from lineshaft.protocol import loader

DEEDS = Path(__file__).with_name("deeds.py")
TASKS = ("touch", "nap", "rest", "doze", "pay", "linger", "give", "gorge")
ODD_RESULTS = ("a million deep", "holds itself", "a lone surrogate", "no number", "a class", "a lock", "a generator")
BURNERS = 8
RESTARTS = 20

Start = Callable[..., WorkerProcess]
StartProgram = Callable[..., subprocess.Popen[bytes]]


def producer(make_app: Callable[..., App], **settings: Any) -> App:
    """An app that knows the tasks by name and runs none."""
    app = make_app("producer", **settings)
    app.tasks = {name: app.task(name=name)(lambda *args: None) for name in TASKS}
    return app


@pytest.fixture
def start_deeds(start_worker: Start, tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Start worker commands of the app `deeds`."""

    def start(**options: Any) -> WorkerProcess:
        folder = tmp_path_factory.mktemp("deeds")
        shutil.copy(DEEDS, folder)
        return start_worker(app="deeds:app", folder=folder, **options)

    return start


@pytest.fixture
def start_program(redis_url: str, journal: Journal) -> Iterator[StartProgram]:
    """Start a program with short times and the test's server in its environment, in a process group of its own."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*words: str, **options: Any) -> subprocess.Popen[bytes]:
        settings = {f"LINESHAFT_{name.upper()}": str(value) for name, value in SHORT.items()}
        environment = {**os.environ, **settings, **MARK, "REDIS_URL": redis_url, "SHOP_JOURNAL": str(journal.path)}
        options = {"stdin": subprocess.DEVNULL, "process_group": 0, "cwd": DEEDS.parent, "env": environment, **options}
        started.append(subprocess.Popen(words, **options))
        return started[-1]

    yield start
    for program in started:
        program.send_signal(signal.SIGCONT)
        program.kill()
        program.wait()


async def test_a_run_whose_worker_dies_after_the_effect_and_before_the_end_runs_again_under_the_same_key(
    make_app: Callable[..., App], proxy: Proxy, start_deeds: Start, raw: redis.Redis, redis_url: str, journal: Journal
):
    """Fault 4. Its end is on the wire when the process dies; it arrives late, and changes nothing any more."""
    app = producer(make_app)
    worker = start_deeds(url=proxy.url, concurrency=2)
    child = worker.child()
    finish = loader.load("finish").sha
    rule = proxy.delay(finish.encode(), 2.0)
    with commands(redis_url) as seen:
        task = await app.submit(app.call("pay", [30]))
        await soon(rule.happened.is_set)
        os.kill(child, signal.SIGKILL)
        assert await task.result(timeout=20) == 30
        outcome = raw.get(f"task:{task.id}:result")
        first, second = journal.lines("effect", task.id)
        await soon(lambda: [line for line in seen if finish in line and f"{first.fence}:default" in line])
    assert first.note == second.note == f"lineshaft-{task.id}"
    assert first.fence < second.fence
    record = await app.client.inspector.task(task.id)
    assert (record.status, record.tries, record.crashes) == ("done", 1, 1)
    assert raw.get(f"task:{task.id}:result") == outcome
    assert raw.lrange("lineshaft:ended:done", 0, -1) == [task.id]


@pytest.mark.parametrize("returns", ["at once", "when it sees the loss"])
async def test_a_worker_that_nobody_watches_over_is_told_after_a_pause_what_it_lost(
    make_app: Callable[..., App],
    start_program: StartProgram,
    start_deeds: Start,
    raw: redis.Redis,
    journal: Journal,
    tmp_path: Path,
    returns: str,
):
    """Fault 6, in `async with Worker`: another has ended the task when the stopped process goes on."""
    app = producer(make_app)
    with (tmp_path / "said").open("wb") as said:
        frozen = start_program(sys.executable, str(DEEDS), stderr=said)
    until_file = tmp_path / "go on"
    task = await app.submit(app.call("linger", ["lost" if returns != "at once" else str(until_file)]))
    await soon(lambda: journal.count("start") == 1, what=lambda: (tmp_path / "said").read_text())
    (session,) = raw.zrange("lineshaft:sessions", 0, -1)
    frozen.send_signal(signal.SIGSTOP)
    other = start_deeds()
    assert await task.result(timeout=20) == "from a run after 1 crashes"
    keys = [f"task:{task.id}{part}" for part in ("", ":status", ":result")]
    before = raw.mget(keys), raw.lrange(f"task:{task.id}:attempts", 0, -1)
    until_file.touch()
    frozen.send_signal(signal.SIGCONT)
    (ended,) = await soon(lambda: [line for line in journal.lines("end", task.id) if line.pid == frozen.pid])
    await soon(lambda: changed_nothing((tmp_path / "said").read_text()), what=lambda: (tmp_path / "said").read_text())
    if returns == "when it sees the loss":
        assert ended.note == "lost=True"
    assert (raw.mget(keys), raw.lrange(f"task:{task.id}:attempts", 0, -1)) == before
    assert raw.llen("lineshaft:ended:done") == 1
    other.signal(signal.SIGTERM)
    assert await asyncio.to_thread(other.wait) == 0
    after = await app.submit(app.call("pay", [1]))
    assert await after.result(timeout=20) == 1, "it goes on under a new session"
    assert {line.pid for line in journal.lines("start", after.id)} == {frozen.pid}
    assert session not in raw.zrange("lineshaft:sessions", 0, -1)
    frozen.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(frozen.wait, 20) == 0


def changed_nothing(said: str) -> bool:
    return "changes nothing" in said or "changed nothing" in said


@pytest.mark.parametrize(
    "numbers",
    [[signal.SIGTERM] * 100, [signal.SIGINT] * 3, [signal.SIGHUP, signal.SIGTERM, signal.SIGINT] * 34],
    ids=["100 times SIGTERM", "3 times SIGINT", "102 mixed"],
)
async def test_a_storm_of_signals_ends_a_worker_and_counts_nothing(
    make_app: Callable[..., App], start_worker: Start, raw: redis.Redis, journal: Journal, numbers: list[signal.Signals]
):
    """Fault 15."""
    app = producer(make_app)
    worker = start_worker(grace_s=0.5)  # signals that come close together may be one to it
    children = worker.wait_ready()
    tasks = await app.enqueue_many([app.call(name, [40]) for name in ("nap", "rest")])
    await soon(lambda: journal.count("start") == 2)
    for number in numbers:
        worker.signal(number)
    assert await asyncio.to_thread(worker.wait) == 0, worker.log()
    assert not any(is_alive(pid) for pid in children)
    for task in tasks:
        record = await app.client.inspector.task(task.id)
        assert (record.status, record.tries, record.crashes, record.attempts) == ("pending", 0, 0, [])
    assert raw.exists("lineshaft:sessions", "lineshaft:suspects", "lineshaft:crashes") == 0


@pytest.mark.parametrize("hurried", [False, True])
async def test_what_a_claim_brings_after_the_signal_to_stop_is_not_lost(
    make_app: Callable[..., App], proxy: Proxy, start_worker: Start, raw: redis.Redis, journal: Journal, hurried: bool
):
    """Fault 16: the claim is made, and its reply on the wire. Its task runs within the grace, or goes back uncounted."""
    app = producer(make_app)
    worker = start_worker(url=proxy.url, concurrency=4, grace_s=10)
    worker.wait_ready()
    task_id = new_id()
    rule = proxy.delay(task_id.encode(), 0.5, "reply")
    task = await app.tasks["nap"].options(task_id=task_id).enqueue(30 if hurried else 0.5)
    await soon(rule.happened.is_set)
    worker.signal(signal.SIGTERM)
    await soon(lambda: "stopping" in worker.log())
    if hurried:
        await soon(lambda: journal.count("start") == 1)
        worker.signal(signal.SIGTERM)
    assert await asyncio.to_thread(worker.wait) == 0
    record = await app.client.inspector.task(task.id)
    expected = ("pending", 0, 0) if hurried else ("done", 1, 0)
    assert (record.status, record.tries, record.crashes) == expected
    assert raw.lrange("task_queue", 0, -1) == ([task.id] if hurried else [])
    assert journal.started() == {task.id: 1}
    assert raw.exists("lineshaft:sessions", "lineshaft:suspects", "lineshaft:crashes") == 0


async def test_twenty_rolling_restarts_under_load_cost_no_task_a_try_or_a_crash(
    make_app: Callable[..., App], start_worker: Start, raw: redis.Redis, journal: Journal
):
    """Fault 17."""
    app = producer(make_app)
    workers = [start_worker(concurrency=10)]
    workers[0].wait_ready()
    tasks = []
    for _ in range(RESTARTS):
        workers.append(start_worker(concurrency=10))
        ready = asyncio.create_task(asyncio.to_thread(workers[-1].wait_ready))
        while not ready.done():
            tasks += await app.enqueue_many([app.call("rest", [0.02]) for _ in range(5)])
            await asyncio.sleep(0.05)
        await ready
        workers[-2].signal(signal.SIGTERM)
    await asyncio.gather(*(task.result(timeout=20) for task in tasks))
    assert {await asyncio.to_thread(worker.wait) for worker in workers[:-1]} == {0}
    records = [await app.client.inspector.task(task.id) for task in tasks]
    assert {(record.status, record.tries, record.crashes) for record in records} == {("done", 1, 0)}
    assert journal.started() == {task.id: 1 for task in tasks}
    assert len({line.pid for line in journal.lines("start")}) > RESTARTS // 2


@pytest.mark.parametrize("stderr", ["has no reader", "is a full disk", "is closed"])
async def test_a_worker_whose_stderr_takes_nothing_works_on(
    make_app: Callable[..., App], start_program: StartProgram, raw: redis.Redis, journal: Journal, stderr: str
):
    """Fault 65."""
    app = producer(make_app)
    command = [sys.executable, "-m", "lineshaft", "worker", "deeds:app"]
    if stderr == "has no reader":
        worker = start_program(*command, stderr=subprocess.PIPE)
        worker.stderr.close()
    elif stderr == "is a full disk":
        with Path("/dev/full").open("wb") as full:
            worker = start_program(*command, stderr=full)
    else:
        worker = start_program("sh", "-c", 'exec "$@" 2>&-', "sh", *command)
    tasks = await app.enqueue_many([app.call("pay", [n]) for n in range(20)])
    assert [await task.result(timeout=20) for task in tasks] == list(range(20))
    (child,) = {line.pid for line in journal.lines("start")}
    os.kill(child, signal.SIGKILL)  # and what there is to say about that
    after = await app.submit(app.call("pay", [1]))
    assert await after.result(timeout=20) == 1
    worker.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(worker.wait, 20) == 0
    assert raw.exists("lineshaft:sessions") == 0


async def test_leases_hold_on_a_machine_that_is_busy_with_other_things(
    make_app: Callable[..., App], start_worker: Start, start_program: StartProgram, raw: redis.Redis, journal: Journal
):
    """Fault 68. The times stand to each other as the defaults do."""
    app = producer(make_app)
    workers = [start_worker(lease_s=3.75, renew_s=1.0, look_s=0.5, look_gap_s=1.25, concurrency=4) for _ in range(2)]
    children = [worker.child() for worker in workers]
    burners = [start_program(sys.executable, "-c", "while True: pass") for _ in range(BURNERS)]
    tasks = await app.enqueue_many([app.call(name, [6]) for name in ("nap", "doze") for _ in range(4)])
    assert [await task.result(timeout=30) for task in tasks] == [6] * 8
    assert all(burner.poll() is None for burner in burners)
    assert set(journal.started().values()) == {1}
    assert journal.count("stopped") == 0
    assert [worker.child() for worker in workers] == children


async def test_a_task_that_asks_for_more_memory_than_its_process_may_have_fails_alone(
    make_app: Callable[..., App], start_deeds: Start, journal: Journal
):
    """Fault 10, where a limit of the process speaks before the kernel does."""
    app = producer(make_app)
    worker = start_deeds(concurrency=4)
    child = worker.child()
    process = psutil.Process(child)
    process.rlimit(psutil.RLIMIT_AS, (process.memory_info().vms + 500_000_000,) * 2)
    beside = await app.submit(app.call("linger", [str(DEEDS)]))
    task = await app.submit(app.call("gorge", [2_000]))
    with pytest.raises(TaskFailed) as caught:
        await task.result(timeout=20)
    assert caught.value.error_type == "MemoryError"
    assert await beside.result(timeout=20) == "from a run after 0 crashes"
    less = await app.submit(app.call("gorge", [10]))
    assert await less.result(timeout=20) == 10_000_000
    assert worker.child() == child
    assert set(journal.started().values()) == {1}


async def test_results_that_cannot_travel_fail_their_tasks_after_the_effect_and_the_worker_lives(
    make_app: Callable[..., App], start_deeds: Start, raw: redis.Redis, journal: Journal
):
    """Fault 55."""
    app = producer(make_app)
    worker = start_deeds(concurrency=2)
    child = worker.child()
    for what in ODD_RESULTS:
        task = await app.submit(app.call("give", [what]))
        with pytest.raises(TaskFailed) as caught:
            await task.result(timeout=20)
        assert caught.value.error_type == "ResultError", what
        assert journal.count("effect", task.id) == 1, what
    after = await app.submit(app.call("pay", [1]))
    assert await after.result(timeout=20) == 1
    assert worker.child() == child
