"""One run of a server program: start it through the launcher, wait until it is ready, end it."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from lineshaft.embedded import readiness
from lineshaft.errors import EmbeddedServerError

START_TIMEOUT_S = 30.0  # from the start of the program until its data is loaded
STOP_TIMEOUT_S = 10.0  # from SIGTERM until it has written its data and ended
POLL_INTERVAL_S = 0.01
LOG_TAIL_BYTES = 4096

LAUNCHER = Path(__file__).with_name("launch.py")


class ServerProcess:
    """A server program that listens at `port` of 127.0.0.1, and ends when this process ends.

    It has a session of its own, so that Ctrl-C in a terminal does not reach it: its owner decides when it ends.

    Args:
        binary: The program, a Redis from 6.2 on or any Valkey.
        port: Where it listens.
        data: The folder that it keeps its data in.
        log: The file that it writes its log to, and what it has to say before it opens that.
        data_lock: The descriptor of a lock for it to inherit, and so to hold while it or a child of it can write data.
        watch_pipe: Tie its life to this process by a pipe instead of the kernel's signal.
    """

    def __init__(self, binary: Path, port: int, *, data: Path, log: Path, data_lock: int, watch_pipe: bool) -> None:
        self._binary = binary
        self._port = port
        self._log = log
        # The kernel's signal is tied to the thread that starts the server; only the main thread lives as long as we do.
        piped = watch_pipe or threading.current_thread() is not threading.main_thread()
        launcher = [sys.executable, "-I", "-S", str(LAUNCHER), "pipe" if piped else "signal", str(os.getpid())]
        output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._process = subprocess.Popen(
                [*launcher, str(binary), *_arguments(port, data, log)],
                stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[data_lock],
                start_new_session=True,
                umask=0o077,
            )
        finally:
            os.close(output)

    def wait_ready(self) -> int | None:
        """Wait until the server has loaded its data and answers; return its pid, or None where the port was taken.

        Raises:
            EmbeddedServerError: it ended, or was not ready in time; the message has the last line of its log.
        """
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            pid = readiness.ready_pid(self._port)
            if pid is not None and self._is_ours(pid):
                return pid
            code = self.poll()
            if code is not None:
                line = self.last_line()
                if f"Failed listening on port {self._port}" in line:
                    return None
                raise EmbeddedServerError(f"{self._binary} ended at once (exit code {code}): {self._says(line)}")
            time.sleep(POLL_INTERVAL_S)
        raise EmbeddedServerError(
            f"{self._binary} was not ready within {START_TIMEOUT_S:.0f} s: {self._says(self.last_line())}"
        )

    def poll(self) -> int | None:
        """The exit code, or minus the number of the signal that ended it; None while it runs."""
        return self._process.poll()

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Wait until it has ended and return what `poll` would; None when the time is over first."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def end(self) -> None:
        """Let it write its data and end; kill it when that has taken 10 s."""
        self._process.terminate()
        if self.wait(STOP_TIMEOUT_S) is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def last_line(self) -> str:
        """The last line of its log."""
        with self._log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
            lines = log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "(nothing)"

    def _says(self, line: str) -> str:
        return f"the last line of its log, {self._log}, is: {line}"

    def _is_ours(self, pid: int) -> bool:
        """Whether the server that answers was started here; another one may have been quicker to take the port."""
        try:
            return os.getpgid(pid) == self._process.pid
        except ProcessLookupError:
            return False


def _arguments(port: int, data: Path, log: Path) -> list[str]:
    """The server's options; only such as Redis 6.2 and every Valkey know."""
    options = {
        "bind": readiness.LOOPBACK,
        "port": str(port),
        "protected-mode": "yes",
        "daemonize": "no",
        "supervised": "no",
        "dir": str(data),
        "logfile": str(log),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",  # the append-only file has everything
        "maxmemory-policy": "noeviction",  # a queue must not lose keys when memory is short
    }
    return [word for name, value in options.items() for word in (f"--{name}", value)]
