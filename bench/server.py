"""The one server of a benchmark: Debian's redis-server on a free port, without persistence."""

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

import redis

from bench.children import child
from bench.contender import BenchError

START_LIMIT_S = 10


class Server:
    """A running server, reached at `url`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = redis.Redis.from_url(url)

    def empty(self) -> None:
        """Take all keys out, at once and not in the background of the next turn."""
        self._client.flushall(asynchronous=False)

    def version(self) -> str:
        """Give the server's version."""
        return str(self._client.info("server")["redis_version"])

    def answers(self) -> bool:
        """Say whether it is up."""
        try:
            return bool(self._client.ping())
        except redis.ConnectionError:
            return False


@contextmanager
def running_server() -> Iterator[Server]:
    """Start the server in a temporary folder, wait until it answers, and stop it at the end of the block."""
    program = program_of_redis("redis-server")
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="lineshaft-bench-") as folder:
        log = os.path.join(folder, "log")
        network = ["--bind", "127.0.0.1", "--port", str(port)]
        files = ["--dir", folder, "--logfile", log, "--save", "", "--appendonly", "no"]
        with child([program, *network, *files]) as process:
            server = Server(f"redis://127.0.0.1:{port}/0")
            _wait(server, process, log)
            yield server


def program_of_redis(name: str) -> str:
    """Find one of Redis' programs on this machine."""
    path = shutil.which(name)
    if path is None:
        raise BenchError(f"no {name} on this machine: `apt-get install redis-server`, then try again")
    return path


def _wait(server: Server, process: "Popen[str]", log: str) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while not server.answers():
        if process.poll() is not None or time.monotonic() > deadline:
            raise BenchError(f"redis-server did not start; its log says:\n{Path(log).read_text()}")
        time.sleep(0.02)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
