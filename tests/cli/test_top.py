"""`lineshaft top`, on a terminal of its own."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from servers import RunningServer

from .conftest import Commands, Enqueued
from .terminal import Terminal

SESSION = "5e55" * 8
KEYS = "up/down select   p pause or resume   space freeze   q quit"


@pytest.fixture
def seeded(lineshaft: Commands, live_broker: Any, enqueued: Enqueued) -> Commands:
    """Two queues; a worker runs three tasks of `mail`, two more wait and one is due later."""
    live_broker.open(SESSION, 600, {"host": "mill", "pid": 4711, "queues": "mail", "concurrency": 5, "started_ms": 0})
    for number in range(5):
        enqueued("shop.count", queue="mail", task_id=f"task-{number}")
    enqueued("shop.count", queue="mail", delay_ms=600_000)
    live_broker.claim(SESSION, 3, ["mail"])
    return lineshaft


@pytest.fixture
def top(seeded: Commands) -> Iterator[Terminal]:
    """The command, once it shows what is seeded."""
    with Terminal(seeded, "top") as terminal:
        terminal.shows("task-0", KEYS)
        yield terminal


def row(terminal: Terminal, name: str) -> list[str]:
    """The words of the line that begins with this name."""
    return next(line.replace(">", " ").split() for line in terminal.lines if line.lstrip("> ").startswith(name))


def test_the_picture_fits_80_by_24_and_has_counts_queues_workers_and_what_runs(top: Terminal) -> None:
    assert top.lines[0].startswith("lineshaft top  shop at 127.0.0.1:")
    assert top.lines[-1] == KEYS
    assert "pending          2" in top.text
    assert "in-progress      3" in top.text
    assert row(top, "mail") == ["mail", "2", "1", "3", "no"]
    assert row(top, SESSION[:8])[:5] == [SESSION[:8], "mill", "4711", "mail", "3"]
    assert row(top, "shop.count")[0::2][:2] == ["shop.count", "mail"]
    assert all(re.search(rf"^shop\.count +task-{number} +mail +\d", top.text, re.MULTILINE) for number in range(3))


def test_rates_are_of_the_last_second_and_have_a_little_chart(top: Terminal, enqueued: Enqueued) -> None:
    enqueued("shop.count")
    top.until(lambda: re.search(r"^enqueued +\d+\.\d+ +0\.\d\d .*█", top.text, re.MULTILINE), "a bar")
    top.until(lambda: re.search(r"^enqueued +0\.00 +0\.\d\d .*█ +", top.text, re.MULTILINE), "the bar before a second without")


def test_a_larger_terminal_shows_more_at_once(seeded: Commands, live_broker: Any, enqueued: Enqueued) -> None:
    for number in range(20):
        enqueued("shop.count", queue="mail", task_id=f"more-{number}")
    live_broker.claim(SESSION, 22, ["mail"])
    with Terminal(seeded, "top") as terminal:
        terminal.shows("RUNS NOW (7 of 25)", KEYS)
        terminal.resize(140, 48)
        terminal.until(lambda: terminal.lines[-1] == KEYS and "more-19" in terminal.text)
        assert "RUNS NOW (" not in terminal.text
        assert any("QUEUE" in line and "WORKER" in line for line in terminal.lines)


def test_a_queue_is_paused_and_resumed_after_a_question(top: Terminal, raw: redis.Redis) -> None:
    top.press("j")
    top.shows("> mail")
    top.press("p")
    top.shows("Pause queue 'mail'? y for yes, any other key for no")
    top.press("n")
    top.shows(KEYS)
    assert raw.smembers("lineshaft:paused") == set()
    top.press("py")
    top.shows("Queue 'mail' is paused.")
    assert raw.smembers("lineshaft:paused") == {"mail"}
    top.until(lambda: row(top, "mail")[-1] == "yes")
    top.press("p")
    top.shows("Resume queue 'mail'?")
    top.press("y")
    top.shows("Queue 'mail' is resumed.")
    assert raw.smembers("lineshaft:paused") == set()


@pytest.mark.parametrize(
    ("down", "up"), [("j", "k"), ("\x1b[B", "\x1b[A"), ("\x1bOB", "\x1bOA")], ids=["letters", "csi", "ss3"]
)
def test_keys_select_a_queue_and_stop_at_the_ends(top: Terminal, down: str, up: str) -> None:
    top.press(down * 5)
    top.shows("> mail")
    top.press(up)
    top.shows("> default")
    top.press(up + down)
    top.shows("> mail")


def test_space_freezes_the_picture_and_lets_it_go_on(top: Terminal, raw: redis.Redis, enqueued: Enqueued) -> None:
    def readings() -> int:
        return raw.info("commandstats")["cmdstat_zcount"]["calls"]

    top.press(" ")
    top.shows("FROZEN at")
    enqueued("shop.count", queue="mail")
    before = readings()
    top.until(lambda: readings() >= before + 2, "two readings")
    top.press("j")
    top.shows("> mail")
    assert row(top, "mail")[1] == "2"
    top.press(" ")
    top.until(lambda: row(top, "mail")[1] == "3", "what came meanwhile")
    assert "FROZEN" not in top.text


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (lambda top: top.press("q"), 0),
        (lambda top: top.press("\x03"), 0),
        (lambda top: top.kill(signal.SIGTERM), 143),
        (lambda top: top.kill(signal.SIGHUP), 129),
    ],
    ids=["q", "Ctrl-C", "SIGTERM", "SIGHUP"],
)
def test_however_it_ends_the_terminal_is_as_it_was(top: Terminal, end: Callable[[Terminal], None], code: int) -> None:
    assert not top.is_as_before()
    end(top)
    assert top.ended() == code
    assert top.is_as_before()


def test_what_was_asked_for_before_the_end_is_done(top: Terminal, raw: redis.Redis) -> None:
    top.press("jpyq")
    assert top.ended() == 0
    assert raw.smembers("lineshaft:paused") == {"mail"}


BROKEN = """\
from lineshaft import App
from lineshaft.inspection.counters import Counters

async def statistics(self):
    raise RuntimeError("no luck")

app, Counters.statistics = App("broken"), statistics
"""


def test_an_error_in_it_leaves_the_terminal_as_it_was_too(lineshaft: Commands) -> None:
    (lineshaft.folder / "broken.py").write_text(BROKEN)
    with Terminal(lineshaft, "top", "--app", "broken:app") as terminal:
        assert terminal.ended() == 1
        assert terminal.is_as_before()
        assert "error: RuntimeError: no luck" in terminal.text


def test_it_says_that_redis_is_away_and_goes_on(alone: Commands, start_server: Callable[..., RunningServer]) -> None:
    server = start_server()
    alone.env.update(REDIS_URL=server.url, LINESHAFT_APP="shop:app")
    with Terminal(alone, "top") as terminal:
        terminal.shows("No worker runs", "Nothing runs")
        server.kill()
        terminal.shows("Redis cannot be reached", "as of")
        server.restart()
        terminal.until(lambda: "cannot be reached" not in terminal.text and "as of" not in terminal.text)
        terminal.press("q")
        assert terminal.ended() == 0


def test_it_waits_for_a_server_that_is_not_there_yet(alone: Commands, start_server: Callable[..., RunningServer]) -> None:
    server = start_server()
    server.stop()
    alone.env.update(REDIS_URL=server.url, LINESHAFT_APP="shop:app")
    with Terminal(alone, "top") as terminal:
        terminal.shows("Redis cannot be reached")
        server.restart()
        terminal.shows("Nothing runs")


def test_where_no_server_is_known_the_screen_is_not_taken(alone: Commands) -> None:
    with Terminal(alone, "top") as terminal:
        assert terminal.ended() == 2
        assert b"start one with `lineshaft serve`, or set REDIS_URL" in terminal.written
        assert b"\x1b[?1049h" not in terminal.written


def test_a_terminal_that_went_away_ends_it(seeded: Commands) -> None:
    with Terminal(seeded, "top") as terminal:
        terminal.shows(KEYS)
        terminal.hang_up()
        assert terminal.process.wait(30) != 0


def test_no_color_has_no_colours_and_loses_nothing(seeded: Commands) -> None:
    seeded.env["NO_COLOR"] = "1"
    with Terminal(seeded, "top") as terminal:
        terminal.shows("> default", KEYS)
        assert not re.search(rb"\x1b\[[0-9;]*m", terminal.written)


def test_an_encoding_that_lacks_the_bars_has_others(seeded: Commands, enqueued: Enqueued) -> None:
    seeded.env["PYTHONIOENCODING"] = "latin-1"
    with Terminal(seeded, "top") as terminal:
        terminal.shows("task-0")
        enqueued("shop.count")
        terminal.until(lambda: re.search(r"^enqueued .*#", terminal.text, re.MULTILINE), "a bar")
        assert b"\\u" not in terminal.written


def test_elsewhere_it_says_what_to_take(lineshaft: Commands) -> None:
    said = "top draws on a terminal: take `lineshaft stats --json` here; with --watch again each second"
    assert lineshaft("top").refused(2) == said
    lineshaft.env["TERM"] = "dumb"
    with Terminal(lineshaft, "top", stderr=os.memfd_create("err")) as terminal:
        assert terminal.ended() == 2


def test_all_that_it_reads_is_bounded(seeded: Commands, raw: redis.Redis) -> None:
    raw.hset(f"lineshaft:owned:{SESSION}", mapping={f"t{number}": f"{number + 1}:mail" for number in range(3000)})
    raw.mset({f"task:t{number}:status": "in-progress" for number in range(3000)})
    raw.config_resetstat()
    with Terminal(seeded, "top") as terminal:
        terminal.shows("of 3,003)")
        calls = {name: counted["calls"] for name, counted in raw.info("commandstats").items()}
        assert calls["cmdstat_mget"] <= 2 * calls["cmdstat_zcount"]  # of which there is one in each reading
