"""What was enqueued can be listed and asserted, and a failure shows what is otherwise."""

import asyncio
from datetime import date, timedelta

import pytest

from lineshaft import ArgumentError, UnknownTaskError
from testing.shop import app, both, report, send


def refusal(tasks, *args, **kwargs) -> str:
    with pytest.raises(AssertionError) as caught:
        tasks.assert_enqueued(*args, **kwargs)
    return str(caught.value)


def test_calls_are_listed_in_order_with_their_own_types(tasks):
    first = report.enqueue_sync(date(2026, 11, 24), copies=2)
    app.enqueue_many_sync([send.call("a@b"), send.options(delay=1.5, queue="low").call("c@d", subject="Hi")])

    assert [str(call) for call in tasks.enqueued()] == [
        "report(datetime.date(2026, 11, 24), copies=2) [queue='default']",
        "send('a@b') [queue='mail']",
        "send('c@d', subject='Hi') [queue='low', delay=1.5]",
    ]
    [call] = tasks.enqueued(report)
    assert (call.id, call.args, call.kwargs, call.delay) == (first.id, (date(2026, 11, 24),), {"copies": 2}, 0)
    assert tasks.enqueued("send") == tasks.enqueued(send) != []


def test_calls_that_tasks_make_are_among_them(tasks):
    both.enqueue_sync("a@b")
    assert tasks.enqueued(send) == []

    tasks.drain_sync()
    tasks.assert_enqueued(send, "a@b")


def test_the_same_again_is_one_call(tasks):
    for _ in range(2):
        send.options(task_id="one").enqueue_sync("a@b")

    assert len(tasks.enqueued()) == 1


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((), {}),
        (("a@b", "Hi"), {}),
        (("a@b",), {"subject": "Hi"}),
        ((), {"subject": "Hi", "to": "a@b"}),
        ((), {"queue": "low"}),
        ((), {"delay": 90}),
        (("a@b", "Hi"), {"queue": "low", "delay": timedelta(seconds=90)}),
    ],
)
def test_a_call_fits(tasks, args, kwargs):
    send.options(queue="low", delay=90).enqueue_sync("a@b", "Hi")

    assert tasks.assert_enqueued(send, *args, **kwargs).delay == 90


@pytest.mark.parametrize(
    ("args", "kwargs", "difference"),
    [
        (("a@b",), {}, "subject: not expected, was 'Hi'"),
        (("a@b", "Ho"), {}, "subject: expected 'Ho', was 'Hi'"),
        (("a@b", "Hi"), {"queue": "low"}, "queue: expected 'low', was 'mail'"),
        ((), {"delay": 0}, "delay: expected 0 s, was 90 s"),
    ],
)
def test_what_is_otherwise_is_shown(tasks, args, kwargs, difference):
    send.options(delay=90).enqueue_sync("a@b", "Hi")

    assert difference in refusal(tasks, send, *args, **kwargs)


def test_an_argument_that_was_not_given_is_shown(tasks):
    send.enqueue_sync("a@b")

    assert "subject: expected 'Hi', was not given" in refusal(tasks, send, "a@b", "Hi")


def test_the_nearest_call_is_shown_first(tasks):
    send.enqueue_sync("x@y", "Ho")
    send.enqueue_sync("a@b", "Ho")

    lines = refusal(tasks, send, "a@b", "Hi").splitlines()
    assert lines[0] == "no such call was enqueued: send(to='a@b', subject='Hi')"
    assert lines[2] == "  send('a@b', 'Ho') [queue='mail']"


def test_other_tasks_are_named_where_there_is_none_of_this(tasks):
    assert refusal(tasks, send).splitlines() == ["no such call was enqueued: send(...)", "nothing was enqueued at all"]
    report.enqueue_sync(date(2026, 11, 24))
    assert "only other tasks were enqueued:\n  report(" in refusal(tasks, send)


def test_a_call_that_could_not_be_is_refused(tasks):
    with pytest.raises(ArgumentError, match="nobody"):
        tasks.assert_enqueued(send, "a@b", nobody=1)
    with pytest.raises(UnknownTaskError, match="send"):
        tasks.assert_enqueued("sent")


def test_arguments_that_the_worker_will_refuse_are_shown_as_they_travel(tasks):
    report.enqueue_sync("yesterday")

    assert "day: expected datetime.date(2026, 11, 24), was 'yesterday'" in refusal(tasks, report, date(2026, 11, 24))
    assert [ran.status for ran in tasks.drain_sync()] == ["failed"]


def test_a_delay_is_compared_as_it_travels(tasks):
    send.options(delay=1 / 3).enqueue_sync("a@b")

    tasks.assert_enqueued(send, delay=1 / 3)
    assert "delay: expected 0.334 s, was 0.333 s" in refusal(tasks, send, delay=0.334)


def test_many_loops_use_one_app(tasks):
    async def one(to: str) -> None:
        await send.enqueue(to)

    for to in ("a@b", "c@d"):
        asyncio.run(one(to))

    assert [call.args for call in tasks.enqueued()] == [("a@b",), ("c@d",)]
