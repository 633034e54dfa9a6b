"""A master, a replica and three sentinels on loopback: real servers, ended with the test."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import redis

from integration.waiting import until
from servers import LAUNCHER, RunningServer, binary, free_port

MASTER = "mill"
DOWN_MS = 1000  # after so long without an answer a sentinel thinks that a server is down
CONFIGURATION = """
port {port}
bind 127.0.0.1
dir {folder}
sentinel monitor {master} 127.0.0.1 {master_port} 2
sentinel down-after-milliseconds {master} {down_ms}
sentinel failover-timeout {master} 4000
"""


class Sentinel:
    """One sentinel. It writes what it learns into its own configuration, so it can be started again."""

    def __init__(self, folder: Path, master_port: int) -> None:
        self.folder = folder
        self.port = free_port()
        self._configuration = folder / "sentinel.conf"
        text = CONFIGURATION.format(port=self.port, folder=folder, master=MASTER, master_port=master_port, down_ms=DOWN_MS)
        self._configuration.write_text(text)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = (str(binary()), str(self._configuration), "--sentinel")
        with (self.folder / "sentinel.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", LAUNCHER, str(os.getpid()), *command],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0,
            )  # fmt: skip
        until(self._answers)

    def kill(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def ask(self, *command: str) -> object:
        """Ask it one thing."""
        with redis.Redis(port=self.port, decode_responses=True, protocol=2) as client:
            return client.execute_command(*command)

    def _answers(self) -> bool:
        try:
            return self.ask("PING") in {True, "PONG"}
        except redis.ConnectionError:
            return False


class Flock:
    """A master with one replica, watched by three sentinels. `first` is the master to begin with, `second` its replica."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._folder = folder
        self.first = RunningServer(self._made("first"), *arguments)
        self.second = RunningServer(self._made("second"), *arguments, "--replicaof", f"127.0.0.1 {self.first.port}")
        self.sentinels = [Sentinel(self._made(f"sentinel{n}"), self.first.port) for n in range(3)]
        until(self._is_complete, 30)

    @property
    def url(self) -> str:
        """How clients name the master, wherever it is."""
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/{MASTER}/0"

    def master_port(self) -> int:
        """Where the sentinels say the master is."""
        found = self.sentinels[0].ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER)
        return int(found[1])

    def fail_over(self) -> None:
        """Have the sentinels make the replica the master, and wait until the old master knows it is none any more.

        What the old master accepts in between, some ten seconds, is lost: Sentinel demotes it only after a while.
        """
        before = self.master_port()
        until(self._begin_fail_over, 30)
        until(lambda: self.master_port() != before, 30)
        with redis.Redis(port=before, decode_responses=True) as old:
            until(lambda: old.role()[0] == "slave", 30)

    def settle(self) -> None:
        """Wait until all is as it should be: a master, a replica of it that is up to date, sentinels that know both."""
        until(self._is_complete, 30)

    def end(self) -> None:
        """Leave nothing running."""
        for sentinel in self.sentinels:
            sentinel.kill()
        self.second.stop()
        self.first.stop()

    def _begin_fail_over(self) -> bool:
        try:
            return bool(self.sentinels[0].ask("SENTINEL", "FAILOVER", MASTER))
        except redis.ResponseError:  # another one is under way, or no replica is good enough yet
            return False

    def _is_complete(self) -> bool:
        for sentinel in self.sentinels:
            state = sentinel.ask("SENTINEL", "MASTER", MASTER)
            facts = dict(zip(state[::2], state[1::2], strict=True))
            if facts["flags"] != "master" or facts["num-slaves"] != "1" or facts["num-other-sentinels"] != "2":
                return False
        with redis.Redis(port=self.master_port(), decode_responses=True) as master:
            found = master.info("replication")
        replica = found.get("slave0", {})
        return (replica.get("state"), replica.get("offset")) == ("online", found["master_repl_offset"])

    def _made(self, name: str) -> Path:
        folder = self._folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder
