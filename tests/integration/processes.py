"""Worker commands as processes of their own, with everything they start; nothing outlives the test."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import psutil
import redis

from .journal import Journal
from .waiting import until

HERE = Path(__file__).parent
# In the environment of all that these tests start, so that what is left over is found, and nothing of other tests.
MARK = {"LINESHAFT_TEST_PROCESS": f"{os.getpid()}-{time.time_ns()}"}

# The same machinery in a fraction of the time.
SHORT = {
    "lease_s": 2.0,
    "renew_s": 0.5,
    "look_s": 0.2,
    "look_gap_s": 1.0,
    "reconcile_s": 0.5,
    "poll_s": 0.2,
    "grace_s": 5.0,
}

COMMAND = """
import json, sys
from lineshaft.cli.start import run_worker
from lineshaft.errors import LineshaftError
try:
    code = run_worker(**json.loads(sys.argv[1]))
except LineshaftError as error:
    print(f"error: {error}", file=sys.stderr)
    code = 2
sys.exit(code)
"""


class WorkerProcess:
    """`lineshaft worker` as a process; it leads a process group of its own, and each of its children another."""

    def __init__(
        self,
        url: str,
        journal: Journal,
        folder: Path,
        *,
        app: str = "shop:app",
        queues: Sequence[str] = (),
        concurrency: int = 20,
        workers: int = 1,
        burst: bool = False,
        **settings: float,
    ) -> None:
        self.folder = folder
        self._url = url
        self._died: set[int] = set()
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("LINESHAFT_", "REDIS_"))}
        environment |= {f"LINESHAFT_{name.upper()}": str(value) for name, value in {**SHORT, **settings}.items()}
        environment |= {"REDIS_URL": url, "SHOP_JOURNAL": str(journal.path), **MARK}
        options = {"app_path": app, "queues": queues, "concurrency": concurrency, "workers": workers, "burst": burst}
        with (folder / "stderr").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", "-c", COMMAND, json.dumps(options)],
                cwd=folder if (folder / f"{app.partition(':')[0]}.py").exists() else HERE,
                env=environment,
                stdin=subprocess.DEVNULL,
                stderr=log,
                process_group=0,
            )

    @property
    def pid(self) -> int:
        """The supervisor."""
        return self.process.pid

    def children(self) -> list[int]:
        """The worker processes that live now."""
        with contextlib.suppress(psutil.NoSuchProcess):
            found = psutil.Process(self.pid).children()
            return [child.pid for child in found if is_alive(child.pid)]
        return []

    def sessions(self) -> dict[int, str]:
        """Pid -> session, of the children that live and have one that is open."""
        children = set(self.children())
        with redis.Redis.from_url(self._url, decode_responses=True, protocol=3) as client:
            opened = client.zrange("lineshaft:sessions", 0, -1)
            pids = {session: int(client.hget(f"lineshaft:session:{session}", "pid") or 0) for session in opened}
        return {pid: session for session, pid in pids.items() if pid in children}

    def wait_ready(self, workers: int = 1, within_s: float = 20.0) -> list[int]:
        """Wait until so many children have an open session; gives their pids."""
        return until(lambda: list(found) if len(found := self.sessions()) >= workers else None, within_s, what=self.log)

    def child(self) -> int:
        """The one worker process, once it is ready."""
        (pid,) = self.wait_ready()
        return pid

    def everybody(self) -> list[int]:
        """The supervisor, its children and whatever they started, that lives now."""
        return [self.pid, *descendants(self.pid)] if is_alive(self.pid) else []

    def signal(self, number: signal.Signals, pids: Iterable[int] | None = None) -> list[int]:
        """Send a signal to the supervisor, or to these; gives whom."""
        told = [self.pid] if pids is None else list(pids)
        for pid in told:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        return told

    def kill_all(self) -> list[int]:
        """Kill everything of it at once: what a machine that loses its power does. Gives who that was."""
        pids = self.everybody()
        self.signal(signal.SIGSTOP, pids)  # so that nobody sees another die
        self.signal(signal.SIGKILL, pids)
        self.process.wait()
        return pids

    def wait(self, within_s: float = 20.0) -> int:
        """Wait for its end; gives the exit code."""
        try:
            return self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it still runs after {within_s:g} s; it said:\n{self.log()}") from None

    def log(self) -> str:
        """What it and its children said."""
        return (self.folder / "stderr").read_text("utf-8", "replace")

    def end(self) -> None:
        """Leave nothing of it, whatever state it is in."""
        pids = self.everybody()
        self.signal(signal.SIGKILL, pids)
        self.process.wait()


def is_alive(pid: int) -> bool:
    """Whether it runs, or is stopped; what nobody has waited for yet has ended all the same."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def descendants(pid: int) -> list[int]:
    """All that a process and its children started, and that lives."""
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True) if is_alive(child.pid)]
    except psutil.NoSuchProcess:
        return []


def leftovers() -> list[psutil.Process]:
    """Processes of the tests that still live."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if MARK.items() <= process.environ().items() and is_alive(process.pid):
                found.append(process)
    return found


def end_leftovers(within_s: float = 5.0) -> list[str]:
    """Kill what is left over once it has had its time to go; gives what that was."""
    deadline_s = time.monotonic() + within_s
    while (found := leftovers()) and time.monotonic() < deadline_s:
        time.sleep(0.05)  # what was killed a moment ago is still being taken down
    described = []
    for process in found:
        with contextlib.suppress(psutil.Error):
            described.append(f"{process.pid}: {' '.join(process.cmdline())[:200]}")
            process.kill()
    return described
