"""Wall clocks jump by an hour, at a worker, at the API, at Redis: what runs goes on, and each thing happens once."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from api.running import RunningApi
from faults.clocks import HOUR_S, Clock
from faults.clockwork import PAUSE_S
from integration.journal import Journal
from integration.processes import WorkerProcess
from integration.waiting import soon
from lineshaft import App
from servers import RunningServer

pytestmark = pytest.mark.root

APP = "faults.clockwork:app"
DELAY_S = 2
SECONDS = 5.0  # that a task runs: longer than a lease and two looks take
TIMES = {"lease_s": 2.0, "look_gap_s": 2.5}

Start = Callable[..., WorkerProcess]


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock for whatever the test starts by it; and all that it starts finds its app."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent), prepend=os.pathsep)
    return Clock(tmp_path)


@pytest.fixture
def server_of_clock(clock: Clock, tmp_path: Path) -> Iterator[RunningServer]:
    folder = tmp_path / "server"
    folder.mkdir()
    running = clock.start_server(folder)
    yield running
    running.stop()


@pytest.fixture
def api_of_clock(clock: Clock, redis_url: str) -> Iterator[RunningApi]:
    with clock.inherited():
        running = RunningApi(redis_url, app=APP)
    yield running
    running.stop()


def producer(make_app: Callable[..., App], url: str) -> App:
    """An app that knows by name the tasks that the workers run, and runs none."""
    app = make_app("producer", url=url)
    app.tasks = {name: app.task(name=name)(lambda *args, **kwargs: None) for name in ("touch", "nap", "second")}
    return app


def server_ms(raw: redis.Redis) -> int:
    """The server's time."""
    seconds, micros = raw.time()
    return seconds * 1000 + micros // 1000


@pytest.mark.parametrize("off_s", [HOUR_S, -HOUR_S])
async def test_a_clock_that_jumps_at_the_worker_and_at_the_api_changes_nothing(
    make_app: Callable[..., App],
    redis_url: str,
    raw: redis.Redis,
    start_worker: Start,
    journal: Journal,
    clock: Clock,
    api_of_clock: RunningApi,
    off_s: int,
):
    """Fault 48. Meanwhile a task runs, one is delayed and one waits for its second try; the API delays another afterwards."""
    app = producer(make_app, redis_url)
    with clock.inherited():
        worker = start_worker(app=APP)
    looking = start_worker(app=APP, queues=["none"])  # by the right clock: it would reap the other
    children = [worker.child(), looking.child()]
    began_ms = server_ms(raw)
    tasks = [await app.tasks["nap"].enqueue(SECONDS), await app.tasks["second"].enqueue()]
    tasks.append(await app.tasks["touch"].options(delay=DELAY_S).enqueue(1))
    await soon(lambda: set(journal.started()) == {task.id for task in tasks[:2]})
    clock.set(off_s)
    posted_ms = server_ms(raw)
    posted = api_of_clock.post({"task": "touch", "args": [2], "delay": DELAY_S}).json["taskID"]
    tasks.append(app.get_task(posted))
    assert [await task.result(timeout=20) for task in tasks] == [SECONDS, 2, 1, 2]
    ended_ms = server_ms(raw)
    running, again, delayed, delayed_by_api = [await app.client.inspector.task(task.id) for task in tasks]
    for record in (running, again, delayed, delayed_by_api):
        assert began_ms <= record.started_ms <= record.outcome.ended_ms <= ended_ms
        assert record.crashes == 0
    assert journal.started() == {record.task_id: record.tries for record in (running, again, delayed, delayed_by_api)}
    assert delayed.started_ms >= began_ms + 1000 * DELAY_S
    assert delayed_by_api.started_ms >= posted_ms + 1000 * DELAY_S
    assert again.started_ms >= again.attempts[0].at_ms + 1000 * PAUSE_S
    assert [worker.child(), looking.child()] == children
    shown = [delayed_by_api.envelope.enqueued_ms / 1000, float(journal.lines("start", again.task_id)[1].note)]
    assert [round((at_s - ended_ms / 1000) / HOUR_S) for at_s in shown] == [off_s // HOUR_S] * 2  # both clocks did jump


@pytest.mark.parametrize("off_s", [HOUR_S, -HOUR_S])
async def test_a_clock_of_redis_that_jumps_has_nobody_reaped_who_lives_and_everybody_who_is_killed(
    make_app: Callable[..., App],
    server_of_clock: RunningServer,
    start_worker: Start,
    journal: Journal,
    clock: Clock,
    off_s: int,
):
    """Fault 49. What is due comes by Redis's clock: early when that jumps ahead, late when it jumps back."""
    app = producer(make_app, server_of_clock.url)
    workers = [start_worker(url=server_of_clock.url, app=APP, **TIMES) for _ in range(2)]
    children = {worker.child(): worker for worker in workers}
    due_soon, due_late = [await app.tasks["touch"].options(delay=delay).enqueue(1) for delay in (DELAY_S, HOUR_S / 2)]
    naps = [await app.tasks["nap"].enqueue(SECONDS) for _ in range(6)]
    await soon(lambda: journal.count("start") == len(naps))
    clock.set(off_s)
    new = [await app.tasks["touch"].enqueue(n) for n in range(10)]
    assert [await task.result(timeout=20) for task in new] == list(range(10))
    assert [await nap.result(timeout=20) for nap in naps] == [SECONDS] * len(naps)
    records = [await app.client.inspector.task(task.id) for task in naps + new]
    assert {(record.tries, record.crashes) for record in records} == {(1, 0)}
    fences = {task.id: journal.lines("start", task.id)[0].fence for task in naps + new}
    assert max(fences[nap.id] for nap in naps) < min(fences[task.id] for task in new)
    if off_s > 0:
        assert [await task.result(timeout=20) for task in (due_soon, due_late)] == [1, 1]
    else:
        assert [await task.status() for task in (due_soon, due_late)] == ["scheduled", "scheduled"]

    doomed = await app.tasks["nap"].enqueue(60, again=0.1)
    await soon(lambda: journal.count("start", doomed.id) == 1)
    clock.set(2 * off_s)
    children[journal.lines("start", doomed.id)[0].pid].kill_all()
    assert await doomed.result(timeout=20) == 60
    assert (await app.client.inspector.task(doomed.id)).crashes == 1
    clock.set(0)
    assert await due_soon.result(timeout=20) == 1
    last = await app.tasks["touch"].enqueue(3)
    assert await last.result(timeout=20) == 3
    once = [*naps, *new, due_soon, last, *([due_late] if off_s > 0 else [])]
    assert journal.started() == {task.id: 1 for task in once} | {doomed.id: 2}
