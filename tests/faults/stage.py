"""What a fault run acts on: one server, trees of workers, one of them with the API, producers, and proxies in between."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from faults.journals import JournalWriter
from faults.surroundings import OUTSIDE, Surroundings
from faults.trees import Tree
from integration.processes import MARK, end_leftovers
from integration.waiting import until
from servers import RunningServer, free_port

TESTS = Path(__file__).resolve().parent.parent
READY_S = 20.0
SERVER = ("--appendonly", "yes", "--enable-debug-command", "yes", "--enable-module-command", "no")


class Stage:
    """Everything that runs in one run. Start and end it from the main thread: the server ends with the thread that started it.

    Args:
        folder: for the data, the journals and the logs; empty.
        seed: of the producers.
        settings: of the workers and the API.
        trees: how many; the first has the API.
        fsync: the server's appendfsync.
        needs: what the surroundings are to have.
    """

    def __init__(
        self, folder: Path, seed: int, settings: Mapping[str, Any], *, trees: int, fsync: str, needs: Collection[str]
    ) -> None:
        self.folder, self.seed, self.settings = folder, seed, dict(settings)
        self.journal = JournalWriter(folder / "nemesis-0.jsonl")
        self.around = Surroundings(folder, (*SERVER, "--appendfsync", fsync), needs, trees)
        self.api_port = free_port()
        self.loops: dict[int, Callable[[], None]] = {}
        self.cuts: dict[int, list[tuple[str, str]]] = {}
        self._generations = [0] * trees
        self._producers: list[subprocess.Popen[bytes]] = []
        self.trees: list[Tree] = []
        for slot in range(trees):
            self.trees.append(self._tree(slot))

    @property
    def server(self) -> RunningServer:
        """The server."""
        return self.around.server

    def wait_ready(self) -> None:
        """Wait until every tree has a worker with an open session, and the API listens."""
        for tree in self.trees:
            until(lambda tree=tree: tree.sessions(), READY_S, what=tree.log)
        until(lambda: self.trees[0].apis(), READY_S, what=self.trees[0].log)

    def renew(self, slot: int) -> None:
        """Start a tree again in the place of one that has ended."""
        if not self.trees[slot].is_up():
            self.trees[slot].end()
            self.trees[slot] = self._tree(slot)

    def produce(self, kinds: Mapping[str, int], seconds: float, settings: Mapping[str, Any]) -> None:
        """Start a producer of each kind, which enqueues so many tasks within so many seconds."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("LINESHAFT_", "REDIS_"))}
        environment |= {"PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")]), **MARK}
        for kind, amount in kinds.items():
            given = {
                "kind": kind, "seed": self.seed, "amount": amount, "seconds": seconds, "url": self.around.url(len(self.trees)),
                "api_port": self.api_port, "journal": str(self.folder / f"producers-{kind}.jsonl"), "settings": settings,
            }  # fmt: skip
            with (self.folder / f"{kind}.stderr").open("wb") as log:
                self._producers.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "faults.producers", json.dumps(given)],
                        env=environment,
                        stdin=subprocess.DEVNULL,
                        stderr=log,
                    )
                )

    def wait_produced(self, within_s: float) -> None:
        """Wait until the producers have ended, each in order."""
        deadline_s = time.monotonic() + within_s
        for producer in self._producers:
            code = producer.wait(max(0.1, deadline_s - time.monotonic()))
            if code:
                logs = [path.read_text() for path in self.folder.glob("*.stderr")]
                raise RuntimeError(f"a producer failed with {code}: {logs}")

    def client(self) -> redis.Redis:
        """A connection of the nemesis itself, which sends nothing twice."""
        return redis.Redis.from_url(
            self.around.direct_url, socket_timeout=2.0, socket_connect_timeout=2.0, retry=Retry(NoBackoff(), 0), protocol=3
        )

    def repeat(self, number: int, act: Callable[[redis.Redis], Any], every_s: float) -> None:
        """Do something to the server again and again, until `loops[number]` is called."""
        ended = threading.Event()

        def work() -> None:
            with self.client() as client:
                while not ended.wait(every_s):
                    try:
                        act(client)
                    except redis.RedisError:
                        continue

        thread = threading.Thread(target=work, name=f"fault-{number}")
        thread.start()

        def stop() -> None:
            ended.set()
            thread.join()

        self.loops[number] = stop

    def end(self) -> list[str]:
        """Leave nothing running; gives what was left over all the same."""
        for stop in self.loops.values():
            stop()
        for producer in self._producers:
            producer.kill()
            producer.wait()
        for tree in self.trees:
            tree.end()
        self.around.end()
        self.journal.close()
        return end_leftovers()

    def _tree(self, slot: int) -> Tree:
        self._generations[slot] += 1
        name = f"{slot}-{self._generations[slot]}"
        folder = self.folder / f"tree-{name}"
        folder.mkdir()
        journal = self.folder / f"workers-{name}.jsonl"
        port, url = self.api_port if slot == OUTSIDE else None, self.around.url(slot)
        tree = self.around.start(
            slot, lambda: Tree(url, journal, folder, self.settings, look_url=self.around.direct_url, api_port=port)
        )
        self.journal.write("tree", slot=slot, pid=tree.pid)
        return tree
