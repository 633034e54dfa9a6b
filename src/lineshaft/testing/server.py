"""A real server for a test session: on a free port, in a folder of the tests' own, known to nobody else."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from lineshaft.embedded import readiness
from lineshaft.embedded.binary import find_binary
from lineshaft.embedded.locks import take_lock
from lineshaft.embedded.process import ServerProcess
from lineshaft.errors import EmbeddedServerError

PORT_TRIES = 5


@contextmanager
def running_server(folder: Path) -> Generator[str]:
    """Run a server within the block, and give its URL.

    It is the one that `lineshaft serve` would start, but leaves no note in the user's state folder, so that no command
    joins it. It ends with the block, and with this process, whatever ends that.

    Args:
        folder: where its data and its log go; it must be there.

    Raises:
        EmbeddedServerError: there is no program to run, or it does not start.
    """
    process, port = _started(folder)
    try:
        yield f"redis://{readiness.LOOPBACK}:{port}"
    finally:
        process.end()


def _started(folder: Path) -> tuple[ServerProcess, int]:
    binary = find_binary()
    for _ in range(PORT_TRIES):
        port = readiness.free_port()
        process = _launched(binary, port, folder)
        try:
            pid = process.wait_ready()
        except BaseException:
            process.end()
            raise
        if pid is not None:
            return process, port
        process.end()  # somebody was quicker to take the port
    raise EmbeddedServerError(f"no port was free for a server for tests, {PORT_TRIES} times in a row; run the tests again")


def _launched(binary: Path, port: int, folder: Path) -> ServerProcess:
    lock = take_lock(folder / "lock", 0)
    if lock is None:
        raise EmbeddedServerError(f"another server for tests runs in {folder}: give each one a folder of its own")
    try:
        return ServerProcess(
            binary, port, data=folder, log=folder / "server.log", data_lock=lock, watch_pipe=sys.platform != "linux"
        )
    finally:
        os.close(lock)  # the server has it now
