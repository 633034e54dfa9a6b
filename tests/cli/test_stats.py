"""`lineshaft stats`, once and again."""

import os
import signal
from typing import Any

import msgspec
import pytest

from .conftest import SECONDS, Commands, Enqueued, interrupted

WORDS = ["scheduled", "pending", "in-progress", "done", "failed", "cancelled", "expired"]


@pytest.mark.usefixtures("working")
def test_tasks_are_counted_by_status_and_queue_with_how_fast_they_come_and_go(lineshaft: Commands, enqueued: Enqueued) -> None:
    for _ in range(3):
        enqueued("shop.count", wait=True)
    enqueued("shop.fail", {"why": "no luck"}, wait=True)
    enqueued("shop.count", queue="mail", delay_ms=60_000)
    view = lineshaft("stats", "--json").json
    assert list(view) == ["states", "queues", "rates", "minutes", "counted", "live_sessions"]
    assert view["states"] == dict.fromkeys(WORDS, 0) | {"scheduled": 1, "done": 3, "failed": 1}
    assert [row["queue"] for row in view["queues"]] == ["default", "mail"]
    assert view["live_sessions"] == 1
    rates = view["rates"]
    assert rates["done"] == pytest.approx(3 * rates["failed"], abs=0.002)
    assert rates["enqueued"] > rates["done"] > 0
    assert rates["crashed"] == 0


def test_for_people_there_are_two_tables_and_a_line_of_rates(lineshaft: Commands, enqueued: Enqueued) -> None:
    enqueued("shop.count")
    lines = lineshaft("stats").out.splitlines()
    assert [line.split()[0] for line in lines if line][:9] == ["STATUS", *WORDS, "QUEUE"]
    assert "pending          1" in lines
    assert lines[-2].startswith("A second, over the last 5 minutes: 0.0")
    assert " enqueued, 0.00 claimed, 0.00 done, " in lines[-2]
    assert lines[-1] == "Workers: 0"


def test_watching_prints_a_line_of_json_each_second_until_ctrl_c(lineshaft: Commands) -> None:
    process = lineshaft.started("stats", "--watch", "--json")
    lines = [process.stdout.readline() for _ in range(2)]
    assert [msgspec.json.decode(line)["live_sessions"] for line in lines] == [0, 0]
    assert (ended := interrupted(process)).code == 130
    assert ended.err == ""


def test_watching_draws_again_on_a_terminal(lineshaft: Commands) -> None:
    ours, theirs = os.openpty()
    process = lineshaft.started("stats", "--watch", stdout=theirs)
    os.close(theirs)
    drawn = b""
    while drawn.count(b"Workers: 0") < 2:
        drawn += os.read(ours, 65536)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=SECONDS)
    os.close(ours)
    assert drawn.count(b"\x1b[H\x1b[2J") == 2
    assert process.returncode == 130


def test_watching_elsewhere_says_what_to_add(alone: Commands) -> None:
    assert "add --json" in alone("stats", "--watch").refused(2)


def test_rates_cover_the_last_minutes_alone(lineshaft: Commands, raw: Any) -> None:
    minute = raw.time()[0] // 60
    for ago, done in ((0, 60), (3, 60), (10, 9999)):
        raw.hset(f"lineshaft:stats:{minute - ago}", "done", done)
    view = lineshaft("stats", "--json").json
    assert 0.3 <= view["rates"]["done"] <= 0.5
    assert [counts["done"] for counts in view["counted"] if counts["done"]] == [60, 60]
