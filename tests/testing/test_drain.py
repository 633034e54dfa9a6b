"""A drain runs what a worker would run, when it would, and says what it ran."""

import asyncio
from datetime import date, timedelta

import pytest

from lineshaft import ConfigurationError, LineshaftError, TaskCancelled, TaskFailed, TaskNotFoundError
from lineshaft.testing import drain as drain_module
from lineshaft.worker import Worker
from testing.shop import app, both, cancel, for_ever, lost, report, send, sent, state, unsendable, wait_to_be_cancelled


def words(ran):
    return [(run.task, run.tries, run.status) for run in ran]


def test_what_is_ready_is_run_and_said(tasks):
    task = send.enqueue_sync("a@b")

    [ran] = tasks.drain_sync()

    assert (ran.task, ran.id, ran.tries, ran.status, ran.value, ran.error) == ("send", task.id, 1, "done", "sent to a@b", "")
    assert sent == ["opened", "a@b", "closed"]
    assert task.result_sync(10) == "sent to a@b"
    assert tasks.drain_sync() == []


def test_a_plain_function_runs_in_a_thread_and_gets_its_own_types(tasks):
    task = report.enqueue_sync(date(2026, 11, 24))

    assert words(tasks.drain_sync()) == [("report", 1, "done")]
    assert task.result_sync(10) == date(2026, 11, 24)
    assert any("lineshaft-task" in str(name) for name in sent)


def test_a_task_that_waits_for_another_gets_its_result(tasks):
    task = both.enqueue_sync("a@b")

    assert words(tasks.drain_sync()) == [("send", 1, "done"), ("both", 1, "done")]
    assert task.result_sync(10) == "sent to a@b"


def test_tasks_have_a_context_and_what_the_lifespan_yields(tasks):
    task = state.enqueue_sync()
    tasks.drain_sync()

    assert task.result_sync(10) == ["a pool", 1, "default"]


def test_a_delay_is_over_when_the_clock_says_so_and_not_before(tasks):
    send.options(delay=30).enqueue_sync("a@b")

    assert tasks.drain_sync() == []
    tasks.clock.advance(29.999)
    assert tasks.drain_sync() == []
    tasks.clock.advance(timedelta(milliseconds=1))
    assert words(tasks.drain_sync()) == [("send", 1, "done")]


def test_a_delay_counts_from_where_the_clock_stands(tasks):
    tasks.clock.advance(3600)
    send.options(delay=30).enqueue_sync("a@b")

    assert tasks.drain_sync() == []
    assert words(tasks.drain_sync(advance=30)) == [("send", 1, "done")]


def test_retries_come_at_their_own_times(tasks):
    task = send.enqueue_sync("nobody")

    assert words(tasks.drain_sync()) == [("send", 1, "scheduled")]
    assert words(tasks.drain_sync(advance=9.999)) == []
    assert words(tasks.drain_sync(advance=0.001)) == [("send", 2, "scheduled")]
    before = tasks.clock.now
    [ran] = tasks.drain_sync(advance=60)
    assert (ran.tries, ran.status, ran.error) == (3, "failed", "ValueError: nobody is no address")
    assert tasks.clock.now - before == timedelta(seconds=60)
    with pytest.raises(TaskFailed, match="nobody is no address"):
        task.result_sync(10)


def test_a_long_advance_does_not_cost_the_session(tasks):
    for days in range(1, 4):
        send.options(delay=timedelta(days=days)).enqueue_sync(f"{days}@b")

    assert words(tasks.drain_sync(advance=timedelta(days=5))) == [("send", 1, "done")] * 3
    assert sent == ["opened", "1@b", "2@b", "3@b", "closed"]


def test_a_task_that_is_cancelled_before_it_runs_does_not_run(tasks):
    task = send.options(delay=5).enqueue_sync("a@b")
    assert task.cancel_sync() == "cancelled"

    assert tasks.drain_sync(advance=10) == []
    with pytest.raises(TaskCancelled):
        task.result_sync(10)


def test_a_task_that_is_cancelled_while_it_runs_is_stopped(tasks):
    task = wait_to_be_cancelled.enqueue_sync()
    cancel.enqueue_sync(task.id)

    assert sorted(words(tasks.drain_sync())) == [("cancel", 1, "done"), ("wait_to_be_cancelled", 1, "cancelled")]
    assert lost == [task.id]


def test_a_result_that_cannot_be_sent_is_a_failure(tasks):
    unsendable.enqueue_sync()

    [ran] = tasks.drain_sync()
    assert (ran.status, ran.error.startswith("ResultError: ")) == ("failed", True)


def test_settings_hold_for_one_test(tasks, lineshaft_app):
    before = app.settings.result_limit
    lineshaft_app(app, result_limit=3)
    report.enqueue_sync(date(2026, 11, 24))

    assert app.settings.result_limit == 3 != before


def test_what_never_ends_is_said_to(tasks, monkeypatch):
    monkeypatch.setattr(drain_module, "RUNS_AT_MOST", 20)
    for_ever.enqueue_sync()

    with pytest.raises(LineshaftError, match="no end to it: 20 tasks ran, the last one 'for_ever'"):
        tasks.drain_sync()


def test_time_does_not_go_back(tasks):
    with pytest.raises(ConfigurationError, match="advance"):
        tasks.drain_sync(advance=-1)
    with pytest.raises(ConfigurationError, match="advance"):
        tasks.clock.advance(-1)


def test_an_async_test_drains_on_its_own_loop(tasks):
    async def body():
        task = await both.enqueue("a@b")
        with pytest.raises(LineshaftError, match="await"):
            tasks.drain_sync()
        ran = await tasks.drain()
        return words(ran), await task.status(), await task.result(10)

    assert asyncio.run(body()) == ([("send", 1, "done"), ("both", 1, "done")], "done", "sent to a@b")


def test_a_drain_that_is_given_up_leaves_its_tasks_ready(tasks):
    async def body():
        task = await wait_to_be_cancelled.enqueue()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await tasks.drain()
        return await task.status()

    assert asyncio.run(body()) == "pending"


def test_a_worker_of_the_usual_kind_may_run_in_a_test_too(tasks):
    async def body():
        async with Worker(app, concurrency=5):
            task = await both.enqueue("a@b")
            return await task.result(30)

    assert asyncio.run(body()) == "sent to a@b"
    assert [call.task for call in tasks.enqueued()] == ["both", "send"]


def test_each_test_begins_with_nothing(lineshaft_app):
    first = lineshaft_app(app)
    task = send.enqueue_sync("a@b")
    second = lineshaft_app(app)

    assert (len(first.enqueued()), second.enqueued(), second.drain_sync()) == (1, [], [])
    with pytest.raises(TaskNotFoundError):
        task.status_sync()
