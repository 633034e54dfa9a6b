"""Where the processes of a fault run live: on this machine as it is, behind proxies, in places of a network, under clocks."""

import contextlib
import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TypeVar
from unittest import mock

from faults.clocks import Clock
from faults.disk import SmallDisk
from faults.network import Network
from faults.weather import WeatherProxy
from servers import RunningServer

Made = TypeVar("Made")

ROOT_ONLY = frozenset({"network", "disk", "clocks"})
DISK_BYTES = 256 * 1024 * 1024
OUTSIDE = 0  # the tree that is in no place of the network, for its API must be reached


class Surroundings:
    """The server, and the ways to it.

    Args:
        folder: for what is kept.
        arguments: of the server.
        needs: of "proxies" (one before each tree, one before the producers), "network" (the server and all trees but the
            first are in places of their own; without proxies), "disk" (a small one for the server), "clocks".
        trees: how many there are.
    """

    def __init__(self, folder: Path, arguments: tuple[str, ...], needs: Collection[str], trees: int) -> None:
        self._trees = trees
        self._resources = contextlib.ExitStack()
        data = folder / "server"
        data.mkdir()
        self.disk = self._resources.enter_context(SmallDisk(data, DISK_BYTES)) if "disk" in needs else None
        self.network: Network | None = None
        if "network" in needs:
            names = ["server", *(place_of(slot) for slot in range(trees) if slot != OUTSIDE)]
            self.network = self._resources.enter_context(Network(folder / "places", *names))
        self.clocks: list[Clock] = []
        if "clocks" in needs:
            for name in [*(str(slot) for slot in range(trees)), "server"]:
                (folder / f"clock-{name}").mkdir()
                self.clocks.append(Clock(folder / f"clock-{name}"))
        with self._around_server():
            if self.network is not None:
                self.server = self.network["server"].start_server(data, *arguments)
            else:
                self.server = RunningServer(data, *arguments)
        self.proxies: list[WeatherProxy] = []
        if "proxies" in needs:
            self.proxies = [WeatherProxy(self.server.port, f"{folder.name}-{n}") for n in range(trees + 1)]

    @property
    def direct_url(self) -> str:
        """How the nemesis and the auditor reach the server, whatever is struck."""
        return self.server.url if self.network is None else self.network["server"].socket_of(self.server)

    def url(self, slot: int) -> str:
        """How a tree reaches the server; the number after the last is the producers'."""
        if self.proxies:
            return self.proxies[slot].url
        if self.network is None or slot in {OUTSIDE, self._trees}:
            return self.direct_url
        return self.network["server"].url_of(self.server)

    def start(self, slot: int, start: Callable[[], Made]) -> Made:
        """Start a tree where it belongs."""
        with self.clocks[slot].inherited() if self.clocks else contextlib.nullcontext():
            if self.network is None or slot == OUTSIDE:
                return start()
            return self.network[place_of(slot)].run(start)

    def restart_server(self) -> None:
        """Start the server again on its data, where it was."""
        with self._around_server():
            if self.network is None:
                self.server.restart()
            else:
                self.network["server"].run(self.server.restart)

    def end(self) -> None:
        """Leave nothing of it."""
        for proxy in self.proxies:
            proxy.stop()
        self.server.kill()
        self._resources.close()

    @contextlib.contextmanager
    def _around_server(self) -> Iterator[None]:
        if not self.clocks:
            yield
            return
        with self.clocks[-1].inherited(), mock.patch.dict(os.environ, {"LINESHAFT_TEST_SERVER": "valkey"}):
            yield


def place_of(slot: int) -> str:
    """The name of a tree's place."""
    return f"tree{slot}"
