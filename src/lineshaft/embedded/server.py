"""The embedded server: a real Valkey or Redis for one project folder, which ends with the process that started it.

Only the command line starts one.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from lineshaft.embedded import locate, readiness
from lineshaft.embedded.binary import find_binary
from lineshaft.embedded.locate import RunningServer
from lineshaft.embedded.locks import drop_lock, take_lock
from lineshaft.embedded.process import ServerProcess
from lineshaft.errors import EmbeddedServerError

DEFAULT_PORT = 6379  # so that a plain `redis-cli` finds it
NEEDS_PIPE = sys.platform != "linux"  # Linux can tell a child of its parent's end by a signal
OWNER_TIMEOUT_S = 5.0  # for another owner that is just starting to say where its server is
PREVIOUS_TIMEOUT_S = 10.0  # for the server of a killed owner to write its data and end
PORT_TRIES = 5

LOG_NAME = "server.log"
DATA_LOCK_NAME = "lineshaft.lock"


class EmbeddedServer:
    """Starts the server of one project folder, and owns it until `stop`; as a context manager it does both.

    Guarantees: the server listens on 127.0.0.1 only; a project has at most one, whoever starts them at once; it is
    ready to work when `start` returns; its data (an append-only file, synced every second) is there again after the
    next start; it ends with this process, also on `kill -9`: it then gets SIGTERM, writes what it has, and the next
    start waits for that.

    Start it from the main thread: on Linux the kernel tells the server of the end of the *thread* that started it.
    Started from another thread, it learns of this process's end through a pipe instead, which costs one more process.
    One thread at a time may use it; `poll` and `wait_ended` may be called from any.

    Args:
        project: The project's folder; the one around the working folder if not given.
        port: The port to listen at, an error if it is taken; 0 is any free one. Not given: `default_port`, else any.
        data: The folder for the data; `data` in the project's state folder if not given.
        binary: The server program; `find_binary` chooses if not given.
        default_port: The port to try first where `port` is not given.
        watch_pipe: Tie the server's life to this process by a pipe, as must be where the system has no signal for it.
    """

    def __init__(
        self,
        project: Path | None = None,
        *,
        port: int | None = None,
        data: Path | None = None,
        binary: Path | None = None,
        default_port: int = DEFAULT_PORT,
        watch_pipe: bool = NEEDS_PIPE,
    ) -> None:
        self.project = (project or locate.project_folder()).resolve()
        self.folder = locate.state_folder(self.project)
        self.data = (data or self.folder / "data").resolve()
        self.log = self.folder / LOG_NAME
        self._state = self.folder / locate.STATE_NAME
        self._port = port
        self._binary = binary
        self._default_port = default_port
        self._watch_pipe = watch_pipe
        self._lock: int | None = None
        self._process: ServerProcess | None = None
        self._running: RunningServer | None = None

    @property
    def displaced(self) -> bool:
        """Whether the server had to go to another port because some other program has the default one."""
        return self._running is not None and self._port is None and self._running.port != self._default_port

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> RunningServer:
        """Start the server and wait until it is ready; where it runs already, say so; where it has died, start it anew.

        Raises:
            EmbeddedServerError: another `serve` has the project's server, there is no program to run, the port is
                taken,
                the state cannot be written, or the server ended or was not ready in time. The message says what to do.
        """
        if self._running is not None and self.poll() is None:
            return self._running
        self.stop()
        try:
            binary = self._binary or find_binary()
            self._make_folders()
            previous = self._own_project()
            self._running = self._launch(binary, previous)
        except OSError as error:
            self.stop()
            raise EmbeddedServerError(
                f"the state of the embedded server in {self.folder} cannot be used: {error}; "
                "make that folder yours, or set XDG_STATE_HOME to another place"
            ) from error
        except BaseException:
            self.stop()
            raise
        return self._running

    def stop(self) -> None:
        """End the server, giving it 10 s to write its data, and give the project free; does nothing where none runs."""
        if self._process is not None:
            self._process.end()
        self._process = None
        self._running = None
        if self._lock is not None:
            # The note goes first: once the lock is free, it could be the next owner's.
            self._state.unlink(missing_ok=True)
            drop_lock(self._lock)
        self._lock = None

    def poll(self) -> int | None:
        """How the server ended: an exit code, or minus a signal's number; None while it runs or where there is none."""
        return self._process.poll() if self._process is not None else None

    def wait_ended(self, timeout_s: float | None = None) -> int | None:
        """Wait until the server has ended, by itself or by `stop`, and return how; None when the time is over first."""
        return self._process.wait(timeout_s) if self._process is not None else None

    def _make_folders(self) -> None:
        for folder in (self.folder, self.data):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)

    def _own_project(self) -> RunningServer | None:
        """Take the project's lock, for as long as the server runs; return what a killed owner noted last, if one did.

        A taken lock is tried again for a while: a looker has it too, for a moment, and an owner that is just starting
        is better named with its URL.
        """
        path = self.folder / locate.LOCK_NAME
        self._lock = take_lock(path, OWNER_TIMEOUT_S, gives_up=lambda: locate.running_server(self.project) is not None)
        if self._lock is None:
            raise EmbeddedServerError(self._owned_by(locate.running_server(self.project), path.read_text()))
        previous = locate.read_state(self.folder)
        # Gone at once: now that the lock is held again, the old note would be believed.
        self._state.unlink(missing_ok=True)
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)
        return previous

    def _owned_by(self, owner: RunningServer | None, owner_pid: str) -> str:
        if owner is None:
            return (
                f"another `lineshaft serve` (pid {owner_pid or 'unknown'}) is just starting or stopping the server of "
                f"{self.project}: wait for it, or stop it, then start again"
            )
        return (
            f"another `lineshaft serve` (pid {owner.owner_pid}) runs the server of {self.project}, at {owner.url}: "
            "add workers to that one with `lineshaft worker`, or stop it and start again"
        )

    def _launch(self, binary: Path, previous: RunningServer | None) -> RunningServer:
        """Start the server, hand the lock on the data over to it, and write the note that says where it is."""
        data_lock = self._own_data(previous)
        try:
            self._put_log_aside()
            running = self._listen(binary, data_lock)
            os.ftruncate(data_lock, 0)
            os.pwrite(data_lock, os.fsencode(binary), 0)
        finally:
            # The server has it now, and the kernel drops it when the server and its children have ended.
            os.close(data_lock)
        self._note(running)
        return running

    def _listen(self, binary: Path, data_lock: int) -> RunningServer:
        """Start the server at the first port that it gets."""
        writer = os.pread(data_lock, 4096, 0)
        reason = ""
        for port in self._ports():
            self._process = ServerProcess(
                binary, port, data=self.data, log=self.log, data_lock=data_lock, watch_pipe=self._watch_pipe
            )
            try:
                pid = self._process.wait_ready()
            except EmbeddedServerError as error:
                hint = "" if writer in (b"", os.fsencode(binary)) else _other_writer(os.fsdecode(writer))
                raise EmbeddedServerError(f"{error}{hint}") from error
            if pid is not None:
                url = f"redis://{readiness.LOOPBACK}:{port}"
                return RunningServer(url, pid, port, os.getpid(), self.project, datetime.now(UTC))
            self._process.end()
            reason = self._process.last_line()
        raise EmbeddedServerError(
            f"the embedded server found no port to listen at (its last word: {reason}): choose a port that is free"
        )

    def _own_data(self, previous: RunningServer | None) -> int:
        """Take the lock on the data, for the server to inherit.

        The server of a killed owner holds it until it has written its data and ended, so this waits for that.
        """
        path = self.data / DATA_LOCK_NAME
        lock = take_lock(path, 0)
        if lock is None:
            if previous is not None:
                _end_orphan(previous)
            lock = take_lock(path, PREVIOUS_TIMEOUT_S)
        if lock is None:
            who = f"the server of an earlier `lineshaft serve` (pid {previous.pid})" if previous else "another server"
            raise EmbeddedServerError(f"{who} still uses the data in {self.data}: end it, then start again")
        return lock

    def _put_log_aside(self) -> None:
        with suppress(FileNotFoundError):
            self.log.replace(self.log.with_name(f"{LOG_NAME}.previous"))

    def _ports(self) -> Iterator[int]:
        """The ports to try, in this order; one that is free now may be somebody else's a moment later."""
        if self._port:
            reason = readiness.refusal(self._port)
            if reason is not None:
                raise EmbeddedServerError(
                    f"port {self._port} of 127.0.0.1 cannot be used: {reason}; choose another port, or make it free"
                )
            yield self._port
            return
        if self._port is None and readiness.refusal(self._default_port) is None:
            yield self._default_port
        for _ in range(PORT_TRIES):
            yield readiness.free_port()

    def _note(self, running: RunningServer) -> None:
        """Tell everyone where the server is; the note is replaced whole, so nobody reads half of one."""
        draft = self._state.with_suffix(".draft")
        draft.touch(mode=0o600)
        draft.write_bytes(msgspec.json.encode(running, enc_hook=str))
        draft.replace(self._state)


def _other_writer(writer: str) -> str:
    """What to add when a server does not start on data that another program wrote.

    Valkey and Redis do not read each other's newer files: they call them damaged and advise a repair that harms them.
    """
    return (
        f". The data was last written by {writer}, and another kind or an older version may not be able to read it: "
        "do not repair it, use that program again"
    )


def _end_orphan(previous: RunningServer) -> None:
    """End a server that outlived its owner, as one does where the launcher that watched a pipe was killed with it.

    That the server at the noted port gives the noted pid proves that it is that server; a pid alone could be anybody's.
    """
    if readiness.ready_pid(previous.port) == previous.pid:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(previous.pid, signal.SIGTERM)
