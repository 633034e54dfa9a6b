"""How the tests run commands: as processes, against a real server, with a worker where a task has to run."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lineshaft import TaskFailed
from lineshaft.task_function import Call, Options
from lineshaft.worker import Worker

from . import shop

HERE = Path(__file__).parent
COMMAND = (sys.executable, "-m", "lineshaft")
SECONDS = 60
UNWANTED = (
    "LINESHAFT_",
    "REDIS_URL",
    "PORT",
    "NO_COLOR",
    "FORCE_COLOR",
    "PY_COLORS",
    "CLICOLOR",
    "GITHUB_ACTIONS",
    "LOG_LEVEL",
)

Enqueued = Callable[..., str]


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, which must be one JSON value."""
        return msgspec.json.decode(self.out)

    def refused(self, code: int) -> str:
        """The text of its error: it must have ended with this code and one line on stderr, and nothing on stdout."""
        assert (self.code, self.out) == (code, ""), self
        lines = self.err.splitlines()
        assert len(lines) == 1, self
        assert lines[0].startswith("error: "), self
        return lines[0].removeprefix("error: ")


class Commands:
    """Runs `lineshaft ...` in an empty folder, with nothing in its environment but what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(UNWANTED)}
        self.env.update(XDG_STATE_HOME=str(folder / "state"), PYTHONPATH=str(HERE), COLUMNS="120", TERM="xterm-256color")

    def __call__(self, *words: str | bytes, **env: str) -> Ended:
        """Run a command to its end; keywords are added to its environment."""
        ended = subprocess.run(
            [*COMMAND, *words],
            cwd=self.folder,
            env={**self.env, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
        )
        assert b"Traceback" not in ended.stderr or "LINESHAFT_DEBUG" in env, ended.stderr.decode()
        return Ended(ended.returncode, ended.stdout.decode("utf-8", "surrogateescape"), ended.stderr.decode())

    def started(self, *words: str, **options: Any) -> "subprocess.Popen[bytes]":
        """Start a command, whose output goes to pipes if the options do not say otherwise."""
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen([*COMMAND, *words], cwd=self.folder, env=self.env, **{**pipes, **options})


def interrupted(process: "subprocess.Popen[bytes]") -> Ended:
    """Press Ctrl-C, and wait for the end."""
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=SECONDS)
    return Ended(process.returncode, out.decode(), err.decode())


@pytest.fixture
def alone(tmp_path: Path) -> Commands:
    """Commands that have no server."""
    return Commands(tmp_path)


@pytest.fixture
def lineshaft(alone: Commands, redis_url: str) -> Commands:
    """Commands that use the shared server, emptied, and the app `shop`."""
    alone.env.update(REDIS_URL=redis_url, LINESHAFT_APP="shop:app")
    return alone


@pytest.fixture
def working(redis_url: str) -> Iterator[None]:
    """A worker for the app `shop`, while the test runs."""
    shop.app.configure(redis_url=redis_url, grace_s=0.1)
    shop.held.clear()
    ready, over = threading.Event(), threading.Event()

    async def work() -> None:
        async with Worker(shop.app, concurrency=5):
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=asyncio.run, args=(work(),))
    thread.start()
    assert ready.wait(SECONDS)
    yield
    over.set()
    thread.join(SECONDS)


@pytest.fixture
def enqueued(redis_url: str) -> Enqueued:
    """Enqueue a task of `shop` without a command: `enqueued("shop.count", {"of": "goats"}, task_id="it", wait=True)`."""
    shop.app.configure(redis_url=redis_url)

    async def enqueue(call: Call[Any], *, wait: bool) -> str:
        task = await shop.app.submit(call)
        if wait:
            with contextlib.suppress(TaskFailed):
                await task.result(SECONDS)
        await shop.app.close()
        return task.id

    def run(name: str, kwargs: dict[str, Any] | None = None, *, wait: bool = False, **options: Any) -> str:
        spec = shop.app.registry.get(name)
        return asyncio.run(enqueue(Call(spec, (), kwargs or {}, Options(**options)), wait=wait))

    return run


@pytest.fixture
def live_broker(broker: Callable[..., Any]) -> Any:
    """A broker that lives by the server's clock, to seed with."""
    return broker(now_ms=None)
