"""In eager mode a task runs where it is enqueued, with everything checked as a worker checks it, and no server."""

import asyncio
from datetime import date

import pytest

from lineshaft import (
    App,
    ArgumentError,
    NoServerError,
    Settings,
    TaskConflictError,
    TaskEndedError,
    TaskFailed,
    TaskNotFoundError,
)
from lineshaft.testing import eager
from testing.shop import app, both, report, send, sent, state, unsendable

NOWHERE = "redis://127.0.0.1:1"  # nothing listens there


@pytest.fixture(autouse=True)
def calls():
    sent.clear()
    with eager(app) as calls:
        yield calls


def test_a_task_runs_at_once(calls):
    task = send.options(delay=3600).enqueue_sync("a@b")

    assert sent == ["opened", "a@b", "closed"]
    assert (task.status_sync(), task.result_sync()) == ("done", "sent to a@b")
    assert [call.delay for call in calls] == [3600]


def test_arguments_and_results_travel_as_json():
    assert report.enqueue_sync(date(2026, 11, 24)).result_sync() == date(2026, 11, 24)
    with pytest.raises(ArgumentError, match="day"):
        report.enqueue_sync(object())
    with pytest.raises(TaskFailed, match="day"):
        report.enqueue_sync("yesterday").result_sync()
    with pytest.raises(TaskFailed, match="ResultError"):
        unsendable.enqueue_sync().result_sync()


def test_it_is_tried_again_at_once(calls):
    tries = []
    local = App("local", settings=Settings())

    @local.task
    async def flaky() -> int:
        tries.append(1)
        if len(tries) < 3:
            raise OSError("not yet")
        return len(tries)

    with eager(local):
        assert flaky.enqueue_sync().result_sync() == 3


def test_a_task_that_fails_for_good_says_so_where_its_result_is_asked_for():
    task = send.enqueue_sync("nobody")

    assert task.status_sync() == "failed"
    with pytest.raises(TaskFailed, match="nobody is no address"):
        task.result_sync()


def test_tasks_may_enqueue_and_wait_for_others(calls):
    async def body():
        task = await both.enqueue("a@b")
        return await task.result()

    assert asyncio.run(body()) == "sent to a@b"
    assert [call.task for call in calls] == ["both", "send"]


def test_a_call_that_would_wait_for_itself_is_refused(calls):
    local = App("local", settings=Settings())

    @local.task
    async def hasty() -> None:
        local.run_sync(local.submit(local.call("lineshaft.ping")))

    with eager(local), pytest.raises(TaskFailed, match="would wait for itself: await the call without _sync"):
        hasty.enqueue_sync().result_sync()


def test_many_run_in_order(calls):
    first, second = app.enqueue_many_sync([send.call("a@b"), state.call()])

    assert second.result_sync() == ["a pool", 1, "default"]
    assert first.status_sync() == "done"


def test_an_id_runs_once():
    for _ in range(2):
        send.options(task_id="one").enqueue_sync("a@b")
    with pytest.raises(TaskConflictError):
        send.options(task_id="one").enqueue_sync("c@d")

    assert sent.count("a@b") == 1


def test_what_there_is_no_server_for_is_said():
    task = send.enqueue_sync("a@b")

    with pytest.raises(TaskEndedError, match="done"):
        task.cancel_sync()
    with pytest.raises(TaskNotFoundError):
        app.get_task("nowhere").status_sync()
    with pytest.raises(NoServerError, match="eager mode has no server"):
        task.retry_sync()


def test_afterwards_the_app_is_as_it_was():
    local = App("local", settings=Settings(redis_url=NOWHERE))
    local.task(name="nothing")(lambda: None)
    with eager(local):
        local.run_sync(local.submit(local.call("nothing")))

    assert local.settings == Settings(redis_url=NOWHERE)
    assert local.server_url() == NOWHERE


def test_calls_in_eager_mode_can_be_asserted(tasks):
    with tasks.eager() as calls:
        send.enqueue_sync("a@b")
        assert len(calls) == 1

    tasks.assert_enqueued(send, "a@b")
    assert tasks.drain_sync() == []
