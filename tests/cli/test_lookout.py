"""What `serve` says while it runs and when it stops: a line of counts on a terminal, and words about what it waits for."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from integration.waiting import until
from lineshaft.cli.lookout import ended_line, rate
from servers import RunningServer

from .conftest import SECONDS, Commands, Enqueued
from .terminal import Terminal

LAST_WORDS = "Ctrl-C stops it all"


@contextmanager
def served(commands: Commands, *words: str) -> Iterator[Terminal]:
    """`serve` on a terminal, once it is ready; killed with its children at the end if it still runs."""
    with Terminal(commands, "serve", "--port", "0", *words, width=120) as terminal:
        terminal.shows(LAST_WORDS)
        yield terminal


def foot(terminal: Terminal) -> str:
    """The last line of its screen."""
    return terminal.lines[-1]


@contextmanager
def ready(commands: Commands, *words: str) -> Iterator[Callable[..., str]]:
    """`serve` without a terminal, once it is ready; gives what stops it and tells what it said since then."""
    log = commands.folder / "log"
    with log.open("wb") as file:
        serve = commands.started("serve", "--port", "0", *words, stdout=file, stderr=file, start_new_session=True)

    def ended(*signals: signal.Signals) -> str:
        for n, number in enumerate(signals):
            serve.send_signal(number)
            if n + 1 < len(signals):
                said(log, "waiting  for ")
        assert serve.wait(SECONDS) == 0, log.read_text()
        return log.read_text().partition(LAST_WORDS)[2]

    try:
        said(log, LAST_WORDS)
        yield ended
    finally:
        serve.kill()
        serve.wait()


def said(log: Path, text: str) -> None:
    """Wait until a file has this text."""
    until(lambda: text in log.read_text(), SECONDS, what=log.read_text)


def until_held(raw: redis.Redis, *task_ids: str) -> None:
    """Wait until all of these run."""
    until(lambda: all(raw.get(f"task:{task_id}:status") == "in-progress" for task_id in task_ids), SECONDS)


def test_how_it_ended_is_told_in_words() -> None:
    assert ended_line(ran=0, handed_back=0, waiting=2, kept_in="/data") == (
        "stopped  nothing was running; 2 tasks wait and are kept in /data"
    )
    assert ended_line(ran=3, handed_back=0, waiting=0, kept_in="/data") == (
        "stopped  every running task has ended; nothing waits"
    )
    assert ended_line(ran=3, handed_back=1, waiting=1, kept_in="/data") == (
        "stopped  1 running task handed back, to be run again; 1 task waits and is kept in /data"
    )


def test_a_rate_is_that_of_the_last_readings() -> None:
    assert rate([]) == "-"
    assert rate([1000, 1, 2, 3, 4, 5]) == "3.0"
    assert rate([1234.5]) == "1,234.5"


def test_without_a_terminal_nothing_is_read_before_the_end_and_no_line_is_drawn(
    lineshaft: Commands, enqueued: Enqueued, raw: redis.Redis
) -> None:
    with ready(lineshaft) as ended:
        enqueued("shop.count", delay_ms=3_600_000)
        assert "lineshaft-serve" not in {client["name"] for client in raw.client_list()}
        told = ended(signal.SIGTERM)
        assert "waiting  for" not in told
        assert "stopped  nothing was running; 1 task waits and is kept in redis://127.0.0.1:" in told
        assert "\x1b" not in (lineshaft.folder / "log").read_text()


def test_a_worker_that_is_started_again_is_no_new_start(lineshaft: Commands, enqueued: Enqueued, raw: redis.Redis) -> None:
    with ready(lineshaft) as ended:
        (session,) = raw.zrange("lineshaft:sessions", 0, -1)
        os.kill(int(raw.hget(f"lineshaft:session:{session}", "pid")), signal.SIGKILL)
        said(lineshaft.folder / "log", "another is started")
        enqueued("shop.count", wait=True)
        told = ended(signal.SIGTERM)
        assert "Try these" not in told
        assert told.count("stopped  ") == 1


def test_it_waits_for_what_runs_and_says_so(lineshaft: Commands, enqueued: Enqueued, raw: redis.Redis) -> None:
    with ready(lineshaft, "--grace", "1") as ended:
        for task_id in ("one", "two"):
            enqueued("shop.hold", task_id=task_id)
        until_held(raw, "one", "two")
        told = ended(signal.SIGTERM)
        assert "waiting  for 2 running tasks, at most 1 s\n" in told
        assert "stopped  2 running tasks handed back, to be run again; 2 tasks wait and are kept in redis://" in told


def test_once_more_hands_back_what_runs(lineshaft: Commands, enqueued: Enqueued, raw: redis.Redis) -> None:
    with ready(lineshaft, "--grace", "600") as ended:
        enqueued("shop.hold", task_id="one")
        until_held(raw, "one")
        told = ended(signal.SIGINT, signal.SIGINT)
        assert "waiting  for 1 running task, at most 600 s\n" in told
        assert "stopped  1 running task handed back, to be run again; 1 task waits" in told
        assert raw.get("task:one:status") == "pending"


def test_what_waits_in_a_server_of_its_own_is_kept_in_its_folder(alone: Commands) -> None:
    with ready(alone, "-q", "mail") as ended:
        assert alone("enqueue", "demo.echo").code == 0
        told = ended(signal.SIGINT)
        [kept_in] = (alone.folder / "state" / "lineshaft").glob("*/data")
        assert told.endswith(f"stopped  nothing was running; 1 task waits and is kept in {kept_in}\n")


def test_on_a_terminal_counts_stand_at_its_foot_and_the_log_scrolls_above(
    lineshaft: Commands, enqueued: Enqueued, raw: redis.Redis
) -> None:
    with served(lineshaft) as terminal:
        terminal.until(lambda: "pending 0  scheduled 0  in-progress 0" in foot(terminal), "the counts")
        for _ in range(12):
            enqueued("shop.count")
        enqueued("shop.count", delay_ms=3_600_000)
        enqueued("shop.hold", task_id="one")
        until_held(raw, "one")
        screen = terminal.until(lambda: "scheduled 1  in-progress 1  done 12  failed 0" in foot(terminal), "what happened")
        assert screen.count("in-progress 1") == 1
        assert all(line.count("lineshaft.executor") <= 1 for line in terminal.lines)
        assert foot(terminal).endswith(" | 1 worker")

        terminal.press("\x03")
        terminal.until(lambda: "waiting  for 1 running task, at most " in foot(terminal), "the wait")
        assert foot(terminal).endswith(" | Ctrl-C hands back")
        terminal.press("\x03")
        assert terminal.ended() == 0
        assert "stopped  1 running task handed back, to be run again; 2 tasks wait" in terminal.text
        assert foot(terminal) == ""
        assert terminal.written.rfind(b"\x1b[r") > terminal.written.rfind(b"\x1b[1;23r")


def test_it_goes_on_while_redis_is_away_and_says_so(alone: Commands, start_server: Callable[..., RunningServer]) -> None:
    private = start_server()
    alone.env.update(REDIS_URL=private.url)
    with served(alone) as terminal:
        terminal.until(lambda: "pending 0" in foot(terminal), "the counts")
        private.stop()
        terminal.until(lambda: "trying again: Redis cannot be reached" in foot(terminal), "that it is away")
        private.restart()
        terminal.until(lambda: "pending 0" in foot(terminal), "the counts again")
        private.stop()
        terminal.press("\x03")
        assert terminal.ended() == 0
        assert "stopped  Redis does not answer, so what waits there was not counted" in terminal.text


def test_no_colour_where_none_is_wanted(lineshaft: Commands) -> None:
    lineshaft.env["NO_COLOR"] = "1"
    with served(lineshaft) as terminal:
        terminal.until(lambda: "pending 0" in foot(terminal), "the counts")
        terminal.press("\x03")
        assert terminal.ended() == 0
        assert b"\x1b[7m" not in terminal.written


def test_nothing_is_drawn_where_the_errors_go_elsewhere(lineshaft: Commands) -> None:
    with Terminal(lineshaft, "serve", "--port", "0", width=120, stderr=subprocess.DEVNULL) as terminal:
        terminal.shows(LAST_WORDS)
        terminal.press("\x03")
        assert terminal.ended() == 0
        assert "stopped  nothing was running; nothing waits" in terminal.text
        assert b"\x1b[" not in terminal.written
