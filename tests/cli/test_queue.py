"""`lineshaft queue ls`, `pause` and `resume`."""

from typing import Any

import pytest
import redis

from .conftest import Commands, Enqueued

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


def test_a_queue_is_paused_and_resumed_however_often(lineshaft: Commands, raw: redis.Redis) -> None:
    for verb, said, flags in (("pause", "paused", {"mail"}), ("resume", "resumed", set[str]())):
        for _ in range(2):
            ended = lineshaft("queue", verb, "mail")
            assert (ended.code, ended.out, ended.err) == (0, f"{said}\n", "")
            assert raw.smembers("lineshaft:paused") == flags


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
