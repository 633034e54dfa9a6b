"""`lineshaft new`: what it writes runs at once, and it writes over nothing."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lineshaft import ConfigurationError
from lineshaft.cli.new import write

from .conftest import SECONDS, Commands


@pytest.fixture
def mill(alone: Commands) -> Commands:
    """Commands in the folder of a new app, and nothing else on the path."""
    ended = alone("new", "mill")
    assert (ended.code, ended.err) == (0, "")
    assert "lineshaft serve mill.tasks:app" in ended.out
    inside = Commands(alone.folder / "mill")
    inside.env.update(PYTHONPATH="", XDG_STATE_HOME=str(alone.folder / "state"))
    return inside


@pytest.fixture
def serving(mill: Commands) -> Iterator[Commands]:
    """The same, while `serve` runs there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    serve = mill.started("serve", "mill.tasks:app", "--port", str(port), stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        for line in serve.stdout or ():
            if line.startswith(b"worker"):
                break
        yield mill
        serve.send_signal(signal.SIGINT)
        serve.communicate(timeout=SECONDS)
        assert serve.returncode == 0
    finally:
        if serve.poll() is None:
            os.killpg(serve.pid, signal.SIGKILL)
            serve.communicate()


def run(commands: Commands, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=commands.folder, env=commands.env, capture_output=True, text=True, timeout=SECONDS
    )


def written(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_its_files_are_these(mill: Commands) -> None:
    assert written(mill.folder) == [
        "README.md", "mill/__init__.py", "mill/tasks.py", "pyproject.toml", "tests/conftest.py", "tests/test_tasks.py",
    ]  # fmt: skip
    assert not any("$" in (mill.folder / name).read_text() for name in written(mill.folder))


def test_its_tests_pass(mill: Commands) -> None:
    ran = run(mill, "pytest", "-p", "pytest_lineshaft", "-p", "no:cacheprovider", "-W", "error")

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "2 passed" in ran.stdout


def test_its_code_is_typed_and_tidy(mill: Commands) -> None:
    for words in (("mypy", "--strict", "mill", "tests"), ("ruff", "check", "."), ("ruff", "format", "--check", ".")):
        ran = run(mill, *words)
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_its_worker_runs_its_tasks(serving: Commands) -> None:
    greeting = serving("--app", "mill.tasks:app", "enqueue", "greet", "name=Ann", "--wait")
    counting = serving("--app", "mill.tasks:app", "enqueue", "count_words", "text=to be", "--wait")

    assert (greeting.code, greeting.out.strip(), greeting.err) == (0, '"hello, Ann"', "")
    assert (counting.code, counting.json, counting.err) == (0, {"to": 1, "be": 1}, "")


def test_nothing_is_written_over(alone: Commands) -> None:
    (alone.folder / "mill").mkdir()
    (alone.folder / "mill" / "mine.txt").write_text("mine")

    assert alone("new", "mill").refused(2) == (
        "there is a 'mill' here already, and nothing was written: take another name, or remove it"
    )
    assert written(alone.folder) == ["mill/mine.txt"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("my-mill", "such as my_mill"),
        ("Mill", "such as mill"),
        ("../mill", "such as mill"),
        ("a/b", "such as a_b"),
        ("2mills", "such as shop"),
        ("class", "such as shop"),
        ("", "such as shop"),
        ("мельница", "such as shop"),
    ],
)
def test_a_name_that_no_module_can_have_is_refused_with_one_that_can(alone: Commands, name: str, hint: str) -> None:
    said = alone("new", name).refused(2)

    assert f"cannot be named {name!r}" in said
    assert said.endswith(hint)
    assert written(alone.folder) == []


@pytest.mark.parametrize("name", ["json", "redis", "lineshaft", "tests", "shop"])
def test_a_name_that_would_hide_a_module_is_refused(alone: Commands, name: str) -> None:
    assert f"there is a module {name!r} already" in alone("new", name).refused(2)
    assert written(alone.folder) == []


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigurationError, match=r"the app .mill. cannot be written here: .*Not a directory"):
        write(tmp_path / "file" / "mill", "mill")
