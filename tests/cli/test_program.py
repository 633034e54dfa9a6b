"""The program as a whole: its version, its help, its exit codes, and how it ends when it is cut short."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from .conftest import SECONDS, Commands, interrupted


def test_the_version_is_printed(alone: Commands) -> None:
    ended = alone("--version")
    assert (ended.code, ended.out, ended.err) == (0, "lineshaft 0.1.0\n", "")


def test_the_version_and_the_help_do_without_a_web_framework(alone: Commands) -> None:
    for option in ("--version", "--help"):
        ended = alone(option, PYTHONPROFILEIMPORTTIME="1")
        assert ended.code == 0
        assert "fastapi" not in ended.err
        assert "uvicorn" not in ended.err


def test_the_help_names_every_command(alone: Commands) -> None:
    ended = alone("--help")
    assert ended.code == 0
    for name in ("serve", "worker", "enqueue", "task", "queue", "redis", "--version", "--app", "--redis-url"):
        assert name in ended.out


def test_each_command_has_help_of_its_own(alone: Commands) -> None:
    expected = {
        ("serve",): ("--port", "--host", "--redis-url", "--concurrency", "--workers", "[M:APP]"),
        ("worker",): ("--queue", "--concurrency", "--workers", "--burst", "--grace", "[M:APP]", "ls"),
        ("worker", "ls"): ("lineshaft worker ls [OPTIONS]", "--json"),
        ("worker", "stop"): ("lineshaft worker stop [OPTIONS]", "--all"),
        ("enqueue",): ("--data", "--queue", "--delay", "--id", "--wait", "--timeout", "--json", "K=V"),
        ("task",): ("show", "wait", "cancel"),
        ("task", "show"): ("--json", "{ID}"),
        ("redis",): ("LRANGE task_queue 0 -1",),
    }
    for words, named in expected.items():
        ended = alone(*words, "--help")
        assert (ended.code, ended.err) == (0, ""), words
        for name in named:
            assert name in ended.out, words


@pytest.mark.parametrize("words", [(), ("enqueue",), ("task", "ls"), ("worker",), ("serve",)], ids=" ".join)
def test_the_help_shows_a_flag_without_a_value(alone: Commands, words: tuple[str, ...]) -> None:
    shown = alone(*words, "--help").out
    assert re.search(r"--help  +Show this message", shown)
    assert "bool" not in shown


def test_no_command_at_all_shows_the_help_and_is_wrong_use(alone: Commands) -> None:
    for words in ((), ("task",), ("queue",), ("redis",)):
        ended = alone(*words)
        assert (ended.code, ended.err) == (2, "")
        assert "Usage: lineshaft" in ended.out


def test_wrong_use_is_one_line_that_says_where_the_help_is(alone: Commands) -> None:
    assert alone("enque").refused(2) == "No such command 'enque'. Did you mean 'enqueue', 'queue'? (see `lineshaft --help`)"
    assert alone("task", "frob").refused(2) == "No such command 'frob' (see `lineshaft task --help`)"
    assert alone("--bogus").refused(2) == "No such option: --bogus (see `lineshaft --help`)"
    assert alone("task", "show").refused(2) == "Missing argument 'ID' (see `lineshaft task show --help`)"
    assert "unexpected extra argument" in alone("queue", "ls", "more").refused(2)


def test_without_its_extra_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['typer'] = None; from lineshaft.cli import main; sys.exit(main())"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=SECONDS)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == 'error: the command line needs an extra: pip install "lineshaft[all]"\n'


def test_a_reader_that_has_gone_is_no_news(lineshaft: Commands) -> None:
    for words in (("queue", "ls"), ("redis", "PING"), ("--version",)):
        read, write = os.pipe()
        os.close(read)
        process = lineshaft.started(*words, stdout=write)
        os.close(write)
        _, err = process.communicate(timeout=SECONDS)
        assert (process.returncode, err) == (1, b""), words


@pytest.mark.parametrize("words", [("queue", "pause", "mail"), ("health",), ("--version",), ("task", "ls", "--json")], ids=str)
def test_a_stdout_that_is_closed_changes_nothing_else(lineshaft: Commands, raw: redis.Redis, words: tuple[str, ...]) -> None:
    raw.sadd("lineshaft:queues", "mail")
    shown, closed = (lineshaft.started(*words, preexec_fn=close) for close in (None, lambda: os.close(1)))
    shown.communicate(timeout=SECONDS)
    _, err = closed.communicate(timeout=SECONDS)
    assert (closed.returncode, err) == (shown.returncode, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a file that is always full")
def test_a_full_disk_is_one_line(lineshaft: Commands) -> None:
    with Path("/dev/full").open("wb") as full:
        process = lineshaft.started("queue", "ls", stdout=full)
        _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert err.startswith(b"error: ")
    assert err.count(b"\n") == 1


def test_ctrl_c_ends_it_quietly_with_130(lineshaft: Commands, raw: redis.Redis) -> None:
    process = lineshaft.started("redis", "BLPOP", "nothing", "0")
    while not any(client["cmd"] == "blpop" for client in raw.client_list()):
        assert process.poll() is None
    ended = interrupted(process)
    assert (ended.code, ended.out, ended.err) == (130, "", "")


def test_the_traceback_is_there_for_who_wants_it(alone: Commands) -> None:
    ended = alone("queue", "ls", LINESHAFT_DEBUG="1")
    assert ended.code == 2
    assert "Traceback" in ended.err
    assert ended.err.splitlines()[-1].startswith("error: no Redis URL is set")
    assert "Traceback" not in alone("queue", "ls", LINESHAFT_DEBUG="0").err


def test_an_error_that_nobody_foresaw_is_one_line_too(lineshaft: Commands) -> None:
    (lineshaft.folder / "broken.py").write_text(
        "from lineshaft import App\n"
        "class Broken(App):\n"
        "    @property\n"
        "    def client(self):\n"
        "        raise RuntimeError('first\\nsecond \\x1b[31m')\n"
        "app = Broken('broken')\n"
    )
    said = lineshaft("queue", "ls", "--app", "broken:app").refused(1)
    assert said == r"RuntimeError: first second \x1b[31m (unexpected; LINESHAFT_DEBUG=1 shows where)"
