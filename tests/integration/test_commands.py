"""How a worker command starts, and how it ends by itself: a wrong app, no server, a burst that is over."""

import time
from collections.abc import Callable

import pytest
import redis

from lineshaft import App

from .journal import Journal
from .processes import WorkerProcess
from .waiting import soon

Start = Callable[..., WorkerProcess]


def error_lines(worker: WorkerProcess) -> list[str]:
    return [line for line in worker.log().splitlines() if line.startswith("error:")]


@pytest.mark.parametrize(
    ("source", "path", "says"),
    [
        ("raise RuntimeError('no such luck')", "broken:app", "no such luck"),
        ("import nowhere_to_be_found", "broken:app", "nowhere_to_be_found"),
        ("this is no Python", "broken:app", "broken"),
        ("app = 1", "broken:app", "broken"),
        ("", "broken", "module:name"),
        ("", "missing:app", "missing"),
        ("from lineshaft import App\napp = App('x', default_task='nothing')", "broken:app", "nothing"),
        ("from lineshaft import App\napp = App('x', imports=['nowhere_at_all'])", "broken:app", "nowhere_at_all"),
        ("import sys\nsys.exit('go away')", "broken:app", "broken"),
        ("import os\nos._exit(0)", "broken:app", "loaded"),
    ],
)
def test_an_app_that_cannot_be_loaded_ends_the_command_with_one_line(
    start_worker: Start, tmp_path, source: str, path: str, says: str
):
    (tmp_path / "broken.py").write_text(source)
    worker = start_worker(folder=tmp_path, app=path, workers=2)
    assert worker.wait() in ({2} if "_exit" not in source else {1, 2})
    (line,) = error_lines(worker)
    assert says in line
    assert "Traceback" not in worker.log()


def test_a_setting_that_is_wrong_ends_the_command_with_one_line(start_worker: Start):
    worker = start_worker(lease_s=1.0, renew_s=5.0)
    assert worker.wait() == 2
    (line,) = error_lines(worker)
    assert "lease_s" in line
    assert "Traceback" not in worker.log()


def test_a_command_waits_for_a_server_that_is_not_there_yet_and_says_so(start_worker: Start, start_server: Callable, tmp_path):
    server = start_server()
    server.kill()
    worker = start_worker(url=server.url)
    (line,) = _wait_for(lambda: [line for line in worker.log().splitlines() if "waits for its session" in line][:1])
    assert "Redis cannot be reached" in line
    server.restart()
    worker.wait_ready()


async def test_a_burst_ends_when_nothing_is_left_retries_included(
    make_app: Callable[..., App], start_worker: Start, raw: redis.Redis, journal: Journal
):
    app = make_app("producer")
    for name in ("touch", "flaky", "doze"):
        app.task(name=name)(lambda *args, **kwargs: None)
    calls = [app.call("touch", [n]) for n in range(300)] + [app.call("flaky", [2]), app.call("doze", [0.3])]
    tasks = await app.enqueue_many(calls)
    worker = start_worker(burst=True, workers=2)
    assert worker.wait() == 0
    records = [await app.client.inspector.task(task.id) for task in tasks]
    assert {record.status for record in records} == {"done"}
    assert records[300].tries == 3
    assert raw.exists("lineshaft:sessions", "lineshaft:suspects", "task_queue", "lineshaft:due:default") == 0


async def test_a_burst_waits_for_what_is_due_later(make_app: Callable[..., App], start_worker: Start, journal: Journal):
    app = make_app("producer")
    touch = app.task(name="touch")(lambda value=0: value)
    await touch.options(delay=2).enqueue(1)
    enqueued_s = time.monotonic()
    worker = start_worker(burst=True)
    assert worker.wait() == 0
    assert time.monotonic() - enqueued_s >= 2
    assert journal.count("end") == 1


async def test_a_burst_of_nothing_ends_at_once(start_worker: Start):
    assert start_worker(burst=True).wait(within_s=10) == 0


async def test_a_burst_does_not_wait_for_what_was_cancelled(make_app: Callable[..., App], start_worker: Start):
    app = make_app("producer")
    touch = app.task(name="touch")(lambda value=0: value)
    ready, later = await touch.enqueue(1), await touch.options(delay=3600).enqueue(2)
    await ready.cancel()
    await later.cancel()
    assert start_worker(burst=True).wait(within_s=10) == 0


async def test_a_burst_of_one_queue_leaves_the_others_alone(
    make_app: Callable[..., App], start_worker: Start, journal: Journal
):
    app = make_app("producer")
    touch = app.task(name="touch")(lambda value=0: value)
    own, other = await touch.options(queue="own").enqueue(1), await touch.enqueue(2)
    assert start_worker(burst=True, queues=["own"]).wait() == 0
    assert (await own.status(), await other.status()) == ("done", "pending")


async def test_a_worker_is_listed_with_the_process_that_runs_the_tasks(
    make_app: Callable[..., App], start_worker: Start, journal: Journal
):
    app = make_app("producer")
    app.task(name="nap")(lambda seconds: seconds)
    worker = start_worker(queues=["default", "low"], concurrency=3)
    child = worker.child()
    task = await app.submit(app.call("nap", [0.5]))
    await soon(lambda: journal.count("start") == 1)
    (listed,) = await app.client.inspector.workers()
    assert (listed.pid, listed.queues, listed.running) == (child, ["default", "low"], 1)
    await task.result(timeout=10)


def _wait_for(look: Callable[[], list[str]]) -> list[str]:
    from .waiting import until

    return until(look)
