"""`lineshaft queue ls`."""

from typing import Any

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
