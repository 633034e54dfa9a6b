"""`lineshaft worker`: its list, and how it tells an app from a command."""

from typing import Any

import pytest
import redis

from .conftest import Commands, Enqueued

SESSION = "b" * 32
STARTED_MS = 1_700_000_000_123
COMMANDS = "`lineshaft worker ls`, `lineshaft worker quiet`, `lineshaft worker stop`"


def seeded(live_broker: Any, queues: str) -> None:
    live_broker.open(SESSION, 60, {"host": "mill", "pid": 4711, "queues": queues, "concurrency": 5, "started_ms": STARTED_MS})


def test_no_worker_is_an_empty_list(lineshaft: Commands) -> None:
    assert lineshaft("worker", "ls", "--json").json == []
    assert lineshaft("worker", "ls").out == "SESSION  PID  HOST  QUEUES  RUNNING  STARTED-AT  QUIET\n"


def test_each_worker_is_listed_with_exactly_the_fields_of_the_api(
    lineshaft: Commands, live_broker: Any, enqueued: Enqueued
) -> None:
    seeded(live_broker, "mail,default")
    enqueued("shop.count")
    live_broker.claim(SESSION, 5, ["default"])
    (worker,) = lineshaft("worker", "ls", "--json").json
    assert worker == {
        "session": SESSION,
        "pid": 4711,
        "host": "mill",
        "queues": ["mail", "default"],
        "running": 1,
        "started_at": "2023-11-14T22:13:20.123Z",
        "quiet": False,
    }


@pytest.mark.parametrize(("queues", "shown"), [("mail,default", "mail, default"), ("", "(all)")])
def test_for_people_it_is_an_aligned_table(lineshaft: Commands, live_broker: Any, queues: str, shown: str) -> None:
    seeded(live_broker, queues)
    heading, line = lineshaft("worker", "ls").out.splitlines()
    assert line == f"{SESSION}  4711  mill  {shown:6}        0  2023-11-14T22:13:20.123Z  no"
    assert heading.index("QUEUES") == line.index(shown)
    assert heading.index("STARTED-AT") == line.index("2023")


@pytest.mark.usefixtures("working")
def test_a_worker_that_runs_is_in_the_list(lineshaft: Commands) -> None:
    (worker,) = lineshaft("worker", "ls", "--json").json
    assert worker["running"] == 0
    assert worker["queues"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("shop",), f"'shop' is neither an app (module:name, such as shop.tasks:app) nor a command ({COMMANDS})"),
        (("sl",), "'sl' is neither an app"),
        (("--queue", "ls", "shop"), "'shop' is neither an app"),
        (("--burst", "ls"), f"the options of 'ls' come after it: {COMMANDS}"),
        (("shop:app", "ls"), f"'ls' comes right after `worker`: {COMMANDS}"),
        (("shop:app", "other:app"), "No such command 'other:app'"),
        ((":app",), "an app is given as module:name"),
        (("ls", "shop:app"), "unexpected extra argument"),
        (("ls", "--burst"), "No such option: --burst"),
        (("--concurrency", "0"), "'--concurrency'"),
        (("--workers", "many"), "'--workers'"),
        (("--grace", "-1"), "'--grace'"),
        (("--json",), "No such option: --json"),
    ],
)
def test_wrong_use_is_refused(lineshaft: Commands, words: tuple[str, ...], said: str) -> None:
    assert said in lineshaft("worker", *words).refused(2)


@pytest.mark.parametrize(
    "words",
    [
        ("--burst", "shop:app"),
        ("--burst",),
        ("shop:app", "--queue", "mail", "-q", "default", "--burst", "--concurrency", "2", "--workers", "1", "--grace", "1"),
    ],
    ids=" ".join,
)
def test_a_burst_runs_what_waits_and_ends(
    lineshaft: Commands, raw: redis.Redis, words: tuple[str, ...], enqueued: Enqueued
) -> None:
    enqueued("shop.count", task_id="one")
    enqueued("shop.count", task_id="two")
    assert lineshaft("worker", *words).code == 0
    assert raw.mget("task:one:status", "task:two:status") == ["done", "done"]


def test_only_the_queues_it_is_given_are_worked_on(lineshaft: Commands, raw: redis.Redis, enqueued: Enqueued) -> None:
    enqueued("shop.count", task_id="one")
    enqueued("shop.count", task_id="two", queue="mail")
    assert lineshaft("worker", "--queue", "mail", "--burst").code == 0
    assert raw.mget("task:one:status", "task:two:status") == ["pending", "done"]


def test_without_a_server_it_says_how_to_get_one(alone: Commands) -> None:
    assert "start one with `lineshaft serve`, or set REDIS_URL" in alone("worker", "--burst").refused(2)
