"""`lineshaft task retry` and `task cancel` of all tasks of a status, and the bar that shows how far they are."""

import os
import re
from typing import Any

import pytest
import redis

from lineshaft.cli import many

from .conftest import Commands, Enqueued
from .terminal import Terminal

SESSION = "a" * 32


@pytest.fixture
def failed(working: None, lineshaft: Commands, enqueued: Enqueued) -> Commands:
    """Three that failed, one of them in `mail`, and one that is done."""
    for number, queue in enumerate(["default", "default", "mail"]):
        enqueued("shop.fail", {"why": "no luck"}, task_id=f"bad-{number}", queue=queue, wait=True)
    enqueued("shop.count", task_id="good", wait=True)
    return lineshaft


@pytest.fixture
def waiting(lineshaft: Commands, live_broker: Any, enqueued: Enqueued) -> Commands:
    """One in progress, two ready, one of them in `mail`, and one due later."""
    live_broker.open(SESSION, 60, {"host": "here", "pid": 1, "queues": "", "concurrency": 5, "started_ms": 0})
    enqueued("shop.count", task_id="runs")
    live_broker.claim(SESSION, 1, ["default"])
    enqueued("shop.count", task_id="ready")
    enqueued("shop.add", {"left": 1, "right": 2}, task_id="mail", queue="mail")
    enqueued("shop.count", task_id="later", delay_ms=600_000)
    return lineshaft


def runs_by_hand(raw: redis.Redis) -> set[str]:
    """The tasks that were run again by hand."""
    ids = [f"bad-{number}" for number in range(3)] + ["good"]
    return {id_ for id_ in ids if any('"kind":"retry"' in line for line in raw.lrange(f"task:{id_}:attempts", 0, -1))}


@pytest.mark.parametrize(
    ("words", "again"),
    [
        (["--status", "failed"], {"bad-0", "bad-1", "bad-2"}),
        (["--status", "failed", "--queue", "mail"], {"bad-2"}),
        (["--status", "failed", "--task", "shop.count"], set()),
        (["--status", "done", "--task", "shop.count", "--queue", "default"], {"good"}),
    ],
    ids=lambda given: " ".join(given if isinstance(given, list) else sorted(given)),  # the same in each process
)
def test_all_of_a_status_are_run_again(failed: Commands, raw: redis.Redis, words: list[str], again: set[str]) -> None:
    ended = failed("task", "retry", *words, "--yes")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.split() == ["OUTCOME", "TASKS", *(["pending", str(len(again))] if again else [])]
    assert runs_by_hand(raw) == again


@pytest.mark.parametrize(
    ("words", "stopped", "outcome"),
    [
        (["--status", "pending"], {"ready": "cancelled", "mail": "cancelled"}, ["cancelled", "2"]),
        (["--status", "pending", "--queue", "mail"], {"mail": "cancelled"}, ["cancelled", "1"]),
        (["--status", "scheduled"], {"later": "cancelled"}, ["cancelled", "1"]),
        (["--status", "in-progress"], {}, ["cancelling", "1"]),
    ],
    ids=" ".join,
)
def test_all_of_a_status_are_cancelled(
    waiting: Commands, raw: redis.Redis, words: list[str], stopped: dict[str, str], outcome: list[str]
) -> None:
    before = {"runs": "in-progress", "ready": "pending", "mail": "pending", "later": "scheduled"}
    ended = waiting("task", "cancel", *words, "--yes")
    assert (ended.code, ended.out.split()) == (0, ["OUTCOME", "TASKS", *outcome])
    assert {name: raw.get(f"task:{name}:status") for name in before} == before | stopped


def test_the_oldest_are_run_again_first(lineshaft: Commands, raw: redis.Redis, enqueued: Enqueued) -> None:
    names = [f"t{number}" for number in range(4)]
    for name in names:
        enqueued("shop.count", task_id=name)
        lineshaft("task", "cancel", name)
    assert lineshaft("task", "retry", "--status", "cancelled", "--yes").code == 0
    assert raw.lrange("task_queue", 0, -1)[::-1] == names


def test_more_than_a_page_are_found(lineshaft: Commands, raw: redis.Redis) -> None:
    amount = many.PAGE + 17
    raw.mset({f"task:t{number}:status": "pending" for number in range(amount)})
    raw.lpush("task_queue", *(f"t{number}" for number in range(amount)))
    assert lineshaft("task", "cancel", "--status", "pending", "--yes").out.split() == [
        "OUTCOME",
        "TASKS",
        "cancelled",
        str(amount),
    ]
    assert raw.llen("lineshaft:ended:cancelled") == amount


def test_what_is_refused_is_counted_and_the_first_are_said(lineshaft: Commands, raw: redis.Redis) -> None:
    raw.mset({f"task:t{number}:status": "failed" for number in range(9)})
    raw.lpush("lineshaft:ended:failed", *(f"t{number}" for number in range(9)))
    ended = lineshaft("task", "retry", "--status", "failed", "--yes")
    assert (ended.code, ended.out.split()) == (1, ["OUTCOME", "TASKS", "refused", "9"])
    assert ended.err.splitlines() == [
        f"error: task 't{number}' cannot be retried: nothing is kept of what it ran" for number in range(many.REFUSALS_SHOWN)
    ]


def test_a_command_takes_so_many_at_most_and_says_that_there_are_more(lineshaft: Commands, raw: redis.Redis) -> None:
    amount = many.AT_MOST + 1
    raw.mset({f"task:t{number}:status": "pending" for number in range(amount)})
    raw.lpush("task_queue", *(f"t{number}" for number in range(amount)))
    ended = lineshaft("task", "cancel", "--status", "pending", "--yes")
    assert ended.out.split()[2:] == ["cancelled", "10000"]
    assert ended.err == "There are more: the same command again takes the next 10,000\n"
    assert raw.get("task:t0:status") == "pending"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("retry",), "give ids, or --status"),
        (("retry", "--queue", "mail"), "give ids, or --status"),
        (("retry", "it", "--status", "failed"), "and not both"),
        (("retry", "--status", "pending"), "takes tasks that are failed or cancelled or expired or done, not 'pending'"),
        (("cancel", "--status", "done", "--yes"), "takes tasks that are pending or scheduled or in-progress, not 'done'"),
        (("cancel", "it", "--task", "shop.count"), "and not both"),
    ],
    ids=" ".join,
)
def test_wrong_use_is_refused(alone: Commands, words: tuple[str, ...], said: str) -> None:
    assert said in alone("task", *words).refused(2)


def test_without_a_terminal_it_wants_to_be_told_that_it_is_meant(waiting: Commands, raw: redis.Redis) -> None:
    said = waiting("task", "cancel", "--status", "pending", "--queue", "mail").refused(2)
    assert said.startswith("Cancel 1 task (pending of queue 'mail')? There is no terminal to ask on: add --yes")
    assert raw.get("task:mail:status") == "pending"


@pytest.mark.parametrize(("answer", "code", "word"), [("y\n", 0, "cancelled"), ("n\n", 1, "pending"), ("\x03", 130, "pending")])
def test_on_a_terminal_it_asks(waiting: Commands, raw: redis.Redis, answer: str, code: int, word: str) -> None:
    with Terminal(waiting, "task", "cancel", "--status", "pending") as terminal:
        terminal.shows("Cancel 2 tasks (pending)? [y/N]")
        terminal.press(answer)
        assert terminal.ended() == code
        assert ("Nothing was done." in terminal.text) == (answer == "n\n")
    assert [raw.get(f"task:{name}:status") for name in ("ready", "mail")] == [word, word]


@pytest.mark.parametrize("words", [("ready", "mail", "later"), ("--status", "pending", "--yes")], ids=" ".join)
def test_a_terminal_has_a_bar_and_keeps_what_is_printed(waiting: Commands, words: tuple[str, ...]) -> None:
    with Terminal(waiting, "task", "cancel", *words) as terminal:
        assert terminal.ended() == 0
        assert re.search(rb"cancelling.*\d/\d", terminal.written)
        assert "cancelled" in terminal.text
        assert not re.search(r"cancelling .*\d/\d", terminal.text)


def test_a_bar_on_stderr_leaves_a_redirected_stdout_as_it_is(waiting: Commands) -> None:
    ours, theirs = os.pipe()
    with Terminal(waiting, "task", "cancel", "ready", "mail", stdout=theirs) as terminal:
        os.close(theirs)
        assert terminal.ended() == 0
        assert b"cancelling" in terminal.written
    assert os.read(ours, 1000) == b"ready  cancelled\nmail  cancelled\n"
    os.close(ours)


def test_a_task_alone_has_no_bar(waiting: Commands) -> None:
    with Terminal(waiting, "task", "cancel", "ready") as terminal:
        assert terminal.ended() == 0
        assert terminal.written == b"cancelled\r\n"
