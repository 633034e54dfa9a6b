"""`lineshaft queue ls`, `pause`, `resume` and `purge`."""

import os
from typing import Any

import pytest
import redis

from .conftest import SECONDS, Commands, Enqueued, interrupted

SESSION = "a" * 32


def seeded(raw: redis.Redis, live_broker: Any, enqueued: Enqueued) -> None:
    """A queue with one task in progress and two ready, another that is paused with one due later."""
    live_broker.open(SESSION, 60, {"host": "here", "pid": 1, "queues": "", "concurrency": 5, "started_ms": 0})
    for _ in range(3):
        enqueued("shop.count", queue="mail")
    enqueued("shop.count", queue="slow", delay_ms=60_000)
    live_broker.claim(SESSION, 1, ["mail"])
    raw.sadd("lineshaft:paused", "slow")


def test_the_default_queue_is_always_there(lineshaft: Commands) -> None:
    nothing = {"queue": "default", "ready": 0, "scheduled": 0, "in_progress": 0, "paused": False}
    assert lineshaft("queue", "ls", "--json").json == [nothing]


def test_each_queue_is_listed_with_what_is_where(
    lineshaft: Commands, raw: redis.Redis, live_broker: Any, enqueued: Enqueued
) -> None:
    seeded(raw, live_broker, enqueued)
    assert lineshaft("queue", "ls", "--json").json == [
        {"queue": "default", "ready": 0, "scheduled": 0, "in_progress": 0, "paused": False},
        {"queue": "mail", "ready": 2, "scheduled": 0, "in_progress": 1, "paused": False},
        {"queue": "slow", "ready": 0, "scheduled": 1, "in_progress": 0, "paused": True},
    ]


def test_for_people_it_is_an_aligned_table(lineshaft: Commands, raw: redis.Redis, live_broker: Any, enqueued: Enqueued) -> None:
    seeded(raw, live_broker, enqueued)
    ended = lineshaft("queue", "ls")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "QUEUE    READY  SCHEDULED  IN-PROGRESS  PAUSED",
        "default      0          0            0  no",
        "mail         2          0            1  no",
        "slow         0          1            0  yes",
    ]


def test_a_queue_is_paused_and_resumed_however_often(lineshaft: Commands, raw: redis.Redis, enqueued: Enqueued) -> None:
    enqueued("shop.count", queue="mail")
    for verb, said, flags in (("pause", "paused", {"mail"}), ("resume", "resumed", set[str]())):
        for _ in range(2):
            ended = lineshaft("queue", verb, "mail")
            assert (ended.code, ended.out, ended.err) == (0, f"{said}\n", "")
            assert raw.smembers("lineshaft:paused") == flags


def test_a_queue_that_never_had_a_task_is_paused_and_said_to_be_new(lineshaft: Commands, enqueued: Enqueued) -> None:
    enqueued("shop.count", queue="mail")
    for _ in range(2):
        ended = lineshaft("queue", "pause", "defalt")
        assert (ended.code, ended.out) == (0, "paused\n")
        assert ended.err == (
            "queue 'defalt' has never had a task; there are: default, mail. To take it back: lineshaft queue resume defalt\n"
        )
    lineshaft("queue", "resume", "defalt")
    assert [row["queue"] for row in lineshaft("queue", "ls", "--json").json] == ["default", "mail"]


def test_the_default_queue_is_never_new(lineshaft: Commands) -> None:
    assert lineshaft("queue", "pause", "default").err == ""


def test_of_many_queues_the_most_similar_are_named(lineshaft: Commands, raw: redis.Redis) -> None:
    raw.sadd("lineshaft:queues", *(f"a{n}" for n in range(50)), "mail")
    said = lineshaft("queue", "pause", "mial").err
    assert "; there are: mail, " in said
    assert " and 42 more. " in said


def test_a_paused_queue_is_listed_although_it_never_had_a_task(lineshaft: Commands) -> None:
    lineshaft("queue", "pause", "mail")
    assert {row["queue"]: row["paused"] for row in lineshaft("queue", "ls", "--json").json} == {"default": False, "mail": True}


@pytest.mark.usefixtures("working")
def test_a_worker_that_idles_starts_what_waited_in_a_paused_queue(lineshaft: Commands, enqueued: Enqueued) -> None:
    lineshaft("queue", "pause", "default")
    enqueued("shop.count", task_id="it")
    assert "had not ended" in lineshaft("task", "wait", "it", "--timeout", "0.5").refused(1)
    lineshaft("queue", "resume", "default")
    assert lineshaft("task", "wait", "it", "--timeout", "30").json == {"sheep": 3}


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_what_cannot_be_the_name_of_a_queue_is_refused(alone: Commands, verb: str) -> None:
    assert alone("queue", verb, "a b").refused(2) == "queue 'a b' must be 1 to 64 of 0-9, A-Z, a-z, _, . and -"


def words_of(raw: redis.Redis) -> list[str]:
    return sorted(str(raw.get(key)) for key in raw.keys("task:*:status"))


def test_purging_cancels_all_that_has_not_started_in_that_queue_alone(
    lineshaft: Commands, raw: redis.Redis, live_broker: Any, enqueued: Enqueued
) -> None:
    seeded(raw, live_broker, enqueued)
    enqueued("shop.count", queue="mail", delay_ms=60_000)
    ended = lineshaft("queue", "purge", "mail", "--yes")
    assert (ended.code, ended.out, ended.err) == (0, "3 tasks cancelled\n", "")
    assert words_of(raw) == ["cancelled", "cancelled", "cancelled", "in-progress", "scheduled"]
    assert lineshaft("queue", "purge", "mail").out == "0 tasks cancelled\n"


def test_more_than_a_slice_is_purged(lineshaft: Commands, raw: redis.Redis) -> None:
    amount = 1203
    raw.mset({f"task:t{n}:status": "pending" for n in range(amount)})
    raw.lpush("task_queue", "not an id", *(f"t{n}" for n in range(amount)))
    assert lineshaft("queue", "purge", "default", "--yes").out == "1,203 tasks cancelled\n"
    assert raw.llen("lineshaft:ended:cancelled") == amount


def test_without_a_terminal_purging_wants_to_be_told_that_it_is_meant(
    lineshaft: Commands, raw: redis.Redis, enqueued: Enqueued
) -> None:
    enqueued("shop.count")
    said = lineshaft("queue", "purge", "default").refused(2)
    assert said == "Cancel 1 task of queue 'default'? There is no terminal to ask on: add --yes if that is what you want"
    assert words_of(raw) == ["pending"]


@pytest.mark.parametrize(
    ("answer", "code", "said", "words"),
    [
        (b"y\n", 0, "1 task cancelled", ["cancelled"]),
        (b"n\n", 1, "Nothing was cancelled.", ["pending"]),
        (b"\n", 1, "Nothing was cancelled.", ["pending"]),
        (b"\x04", 1, "Nothing was cancelled.", ["pending"]),
    ],
)
def test_on_a_terminal_purging_asks(
    lineshaft: Commands, raw: redis.Redis, enqueued: Enqueued, answer: bytes, code: int, said: str, words: list[str]
) -> None:
    enqueued("shop.count")
    ours, theirs = os.openpty()
    process = lineshaft.started("queue", "purge", "default", stdin=theirs)
    os.close(theirs)
    os.write(ours, answer)
    out, err = process.communicate(timeout=SECONDS)
    os.close(ours)
    assert b"Cancel 1 task of queue 'default'?" in err
    assert said in (out + err).decode()
    assert (process.returncode, words_of(raw)) == (code, words)


def test_ctrl_c_ends_the_question_at_once(lineshaft: Commands, raw: redis.Redis, enqueued: Enqueued) -> None:
    enqueued("shop.count")
    ours, theirs = os.openpty()
    process = lineshaft.started("queue", "purge", "default", stdin=theirs)
    asked = b""
    while not asked.endswith(b"[y/N] "):
        asked += os.read(process.stderr.fileno(), 1024) or b"\nit ended [y/N] "
    ended = interrupted(process)
    os.close(theirs)
    os.close(ours)
    assert (ended.code, ended.out) == (130, "")
    assert words_of(raw) == ["pending"]
