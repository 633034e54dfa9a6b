"""`lineshaft worker quiet` and `lineshaft worker stop`: whom they tell, what they say of each, and what then happens."""

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from integration.waiting import until
from servers import free_port

from .conftest import SECONDS, Commands, Enqueued
from .test_completion import offered

SESSIONS = ("ab" + "0" * 30, "ac" + "0" * 30, "b" + "1" * 31)
FIRST, SECOND, THIRD = SESSIONS
Started = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def fleet(lineshaft: Commands, live_broker: Any) -> Commands:
    """Three workers, of which only the record is there."""
    for session in SESSIONS:
        live_broker.open(session, 60, {"host": "mill", "pid": 1})
    return lineshaft


@pytest.fixture
def started(lineshaft: Commands) -> Iterator[Started]:
    """Start a command that runs workers, which hear of orders soon; it ends with the test."""
    lineshaft.env["LINESHAFT_RENEW_S"] = "0.2"
    with contextlib.ExitStack() as stack:

        def start(*words: str) -> "subprocess.Popen[bytes]":
            process = lineshaft.started(*words, process_group=0)
            stack.callback(end, process)
            return process

        yield start


def end(process: "subprocess.Popen[bytes]") -> None:
    """Kill it if it still runs, and show what it said."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    out, err = process.communicate(timeout=SECONDS)
    print(out.decode(), err.decode())


def orders(raw: redis.Redis) -> list[str | None]:
    return [raw.hget(f"lineshaft:session:{session}", "order") for session in SESSIONS]


@pytest.mark.parametrize(("order", "said"), [("quiet", "told to be quiet"), ("stop", "told to stop")])
def test_it_tells_the_workers_that_are_named_and_no_other(fleet: Commands, raw: redis.Redis, order: str, said: str) -> None:
    told = fleet("worker", order, THIRD, "ac")
    assert (told.code, told.out, told.err) == (0, f"{THIRD}  {said}\n{SECOND}  {said}\n", "")
    assert orders(raw) == [None, order, order]
    assert [worker["quiet"] for worker in sorted(fleet("worker", "ls", "--json").json, key=lambda w: w["session"])] == [
        False, True, True,
    ]  # fmt: skip


def test_all_are_told_that_are_there(fleet: Commands, raw: redis.Redis) -> None:
    told = fleet("worker", "quiet", "--all")
    assert sorted(told.out.splitlines()) == [f"{session}  told to be quiet" for session in SESSIONS]
    assert (told.code, orders(raw)) == (0, ["quiet"] * 3)


def test_one_that_stops_is_not_made_to_stay(fleet: Commands, raw: redis.Redis) -> None:
    fleet("worker", "stop", "b")
    assert fleet("worker", "quiet", "b").out == f"{THIRD}  was already told to stop\n"
    assert orders(raw) == [None, None, "stop"]


def test_one_that_is_not_there_or_not_told_apart_is_said_and_the_others_are_told(fleet: Commands, raw: redis.Redis) -> None:
    told = fleet("worker", "stop", "nobody", "a", "b")
    assert (told.code, told.out) == (1, f"{THIRD}  told to stop\n")
    assert told.err.splitlines() == [
        "error: no worker has the session 'nobody': `lineshaft worker ls` lists those that are there",
        f"error: 'a' is the beginning of 2 sessions, so give more of it: {FIRST}, {SECOND}",
    ]
    assert orders(raw) == [None, None, "stop"]


def test_one_that_has_ended_is_not_there(fleet: Commands, live_broker: Any) -> None:
    live_broker.close(THIRD)
    assert "no worker has the session 'b'" in fleet("worker", "stop", "b").refused(1)


def test_where_nobody_works_all_are_none(lineshaft: Commands) -> None:
    told = lineshaft("worker", "stop", "--all")
    assert (told.code, told.out) == (0, "No worker runs: start one with `lineshaft worker module:name`.\n")


@pytest.mark.parametrize("words", [(), ("--all", "b"), ("",), ("b", "")], ids=str)
def test_it_must_be_said_whom(fleet: Commands, raw: redis.Redis, words: tuple[str, ...]) -> None:
    assert "sessions, as `lineshaft worker ls` has them, or --all" in fleet("worker", "stop", *words).refused(2)
    assert orders(raw) == [None] * 3


def test_sessions_are_offered(fleet: Commands) -> None:
    assert sorted(offered(fleet, "lineshaft worker stop a")) == [FIRST, SECOND]


def test_workers_that_are_all_told_to_stop_end_their_command(
    lineshaft: Commands, started: Started, enqueued: Enqueued, raw: redis.Redis
) -> None:
    workers = started("worker", "shop:app", "--workers", "2")
    first, second = until(lambda: found if len(found := raw.zrange("lineshaft:sessions", 0, -1)) == 2 else None)
    lineshaft("worker", "stop", first)
    until(lambda: raw.zrange("lineshaft:sessions", 0, -1) == [second])
    enqueued("shop.count", wait=True)
    assert workers.poll() is None

    lineshaft("worker", "stop", second)
    assert workers.wait(SECONDS) == 0
    assert not raw.exists("lineshaft:sessions", "lineshaft:suspects")


def test_serve_ends_when_its_worker_is_told_to_stop_and_its_api_ends_first(
    lineshaft: Commands, started: Started, enqueued: Enqueued, raw: redis.Redis
) -> None:
    port = free_port()
    serve = started("serve", "shop:app", "--port", str(port))
    enqueued("shop.hold", task_id="it")
    until(lambda: raw.get("task:it:status") == "in-progress" and is_open(port))
    assert lineshaft("worker", "stop", "--all").code == 0
    until(lambda: not is_open(port))
    assert raw.get("task:it:status") == "in-progress"
    assert serve.poll() is None

    lineshaft("task", "cancel", "it")
    assert serve.wait(SECONDS) == 0
    assert raw.get("task:it:status") == "cancelled"


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_workers_that_start_again_at_changes_end_too(lineshaft: Commands, started: Started, raw: redis.Redis) -> None:
    reloading = started("worker", "shop:app", "--reload")
    until(lambda: raw.exists("lineshaft:sessions"))
    lineshaft("worker", "stop", "--all")
    assert reloading.wait(SECONDS) == 0
