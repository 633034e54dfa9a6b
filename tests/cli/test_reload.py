"""`lineshaft worker --reload`, with real files and processes."""

import contextlib
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis

from lineshaft.cli.reload import is_source_file, source_folder

from .conftest import SECONDS, Commands

APP = """\
import asyncio
from lineshaft import App

app = App("mine", default_task="which")

@app.task
async def which() -> str:
    return {version!r}

@app.task
async def hold() -> None:
    await asyncio.sleep(3600)
"""


class Reloaded:
    """The command, and what it says line by line."""

    def __init__(self, commands: Commands, *words: str) -> None:
        self.folder = commands.folder
        self._commands = commands
        self._lines: queue.Queue[str] = queue.Queue()
        self.said: list[str] = []
        quiet = {"stdout": subprocess.DEVNULL, "process_group": 0}
        self.process = commands.started("worker", "mine:app", "--reload", *words, **quiet)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stderr:
            self._lines.put(line.decode())

    def says(self, text: str) -> str:
        """Wait for a line with this text."""
        while True:
            try:
                self.said.append(self._lines.get(timeout=SECONDS))
            except queue.Empty:
                raise AssertionError(f"{text!r} was not said: {self.said}") from None
            if text in self.said[-1]:
                return self.said[-1]

    def write(self, text: str, name: str = "mine.py") -> None:
        """Write a file of the app, as editors do: another file that takes its place."""
        draft = self.folder / "draft"
        draft.write_text(text)
        draft.replace(self.folder / name)

    def result(self) -> str:
        """What the workers' app answers."""
        ended = self._commands("enqueue", "which", "--wait", "--timeout", str(SECONDS))
        return ended.json

    def close(self) -> None:
        """Kill what still runs of it."""
        if self.process.poll() is None:
            for process in [*self.descendants(), psutil.Process(self.process.pid)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        self.process.wait(SECONDS)
        self._reader.join(SECONDS)
        self.process.stderr.close()

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal; gives the exit code. None of its processes must be left."""
        family = self.descendants()
        self.process.send_signal(number)
        code = self.process.wait(SECONDS)
        assert not [process for process in psutil.wait_procs(family, timeout=SECONDS)[1] if process.is_running()]
        return code


@pytest.fixture
def reloaded(lineshaft: Commands) -> Iterator[Reloaded]:
    """The command with version one of the app; it works."""
    (lineshaft.folder / "mine.py").write_text(APP.format(version="one"))
    lineshaft.env["LINESHAFT_APP"] = "mine:app"
    command = Reloaded(lineshaft)
    try:
        assert command.result() == "one"
        yield command
    finally:
        command.close()


def test_a_change_starts_the_workers_again_with_the_new_code(reloaded: Reloaded) -> None:
    before = reloaded.descendants()
    reloaded.write(APP.format(version="two"))
    reloaded.says("mine.py changed: the workers start again")
    psutil.wait_procs(before, timeout=SECONDS)
    assert reloaded.result() == "two"
    assert reloaded.end() == 0


def test_what_runs_is_handed_back_uncounted_and_runs_again(reloaded: Reloaded, lineshaft: Commands, raw: redis.Redis) -> None:
    lineshaft("enqueue", "hold", "--id", "it")
    while raw.get("task:it:status") != "in-progress":
        assert reloaded.process.poll() is None
    (before,) = raw.zrange("lineshaft:sessions", 0, -1)
    reloaded.write(APP.format(version="two"))
    reloaded.says("mine.py changed")
    while not [
        name
        for name in raw.zrange("lineshaft:sessions", 0, -1)
        if name != before and raw.hexists(f"lineshaft:owned:{name}", "it")
    ]:
        assert reloaded.process.poll() is None
    assert raw.zscore("lineshaft:sessions", before) is None
    assert raw.hget("lineshaft:crashes", "it") is None
    reloaded.end()


def test_an_app_that_cannot_be_imported_is_waited_for(reloaded: Reloaded) -> None:
    reloaded.write("this is no Python")
    reloaded.says("error: importing 'mine' failed: SyntaxError")
    reloaded.says("the workers have ended (exit code 2); they are started again when a file changes")
    reloaded.write(APP.format(version="three"))
    reloaded.says("mine.py changed")
    assert reloaded.result() == "three"


def test_while_it_waits_it_ends_at_once_too(reloaded: Reloaded) -> None:
    reloaded.write("raise RuntimeError('no luck')")
    reloaded.says("they are started again when a file changes")
    assert reloaded.end(signal.SIGTERM) == 2


def test_other_files_change_nothing(reloaded: Reloaded) -> None:
    (reloaded.folder / ".venv").mkdir()
    reloaded.write("", "notes.txt")
    reloaded.write("", ".venv/tool.py")
    reloaded.write("", "other.py")
    assert "lineshaft.reload: other.py changed" in reloaded.says("changed")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_of_it(reloaded: Reloaded, raw: redis.Redis, number: signal.Signals) -> None:
    assert reloaded.end(number) == 0
    assert raw.zcard("lineshaft:sessions") == 0


def test_killed_it_leaves_nothing_behind(reloaded: Reloaded) -> None:
    family = reloaded.descendants()
    os.kill(reloaded.process.pid, signal.SIGKILL)
    reloaded.process.wait(SECONDS)
    assert psutil.wait_procs(family, timeout=SECONDS)[1] == []


def test_it_does_not_go_with_burst(lineshaft: Commands) -> None:
    assert "take one of them" in lineshaft("worker", "--reload", "--burst").refused(2)


def test_without_what_watches_files_it_says_what_to_install(alone: Commands) -> None:
    (alone.folder / "sitecustomize.py").write_text(
        "import importlib.util as u; f = u.find_spec; u.find_spec = lambda name: None if name == 'watchfiles' else f(name)"
    )
    alone.env["PYTHONPATH"] += f"{os.pathsep}{alone.folder}"
    assert alone("worker", "--reload").refused(2) == '--reload needs an extra: pip install "lineshaft[all]"'


def test_an_app_elsewhere_is_watched_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here / "package", there / "installed"):
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
    (there / "single.py").touch()
    monkeypatch.chdir(here)
    monkeypatch.syspath_prepend(there)
    assert source_folder("package.tasks:app") == here
    assert source_folder("installed.tasks:app") == there / "installed"
    assert source_folder("single:app") == there
    assert source_folder("nowhere:app") == source_folder("not a name") == here


@pytest.mark.parametrize(
    ("path", "is_source"),
    [
        ("shop/tasks.py", True),
        ("tasks.py", True),
        ("shop/tasks.pyc", False),
        ("shop/__pycache__/tasks.py", False),
        (".venv/lib/site.py", False),
        ("venv/lib/site.py", False),
        ("shop/.#tasks.py", False),
    ],
)
def test_which_files_count(path: str, is_source: bool) -> None:
    assert is_source_file(Path(path)) == is_source
