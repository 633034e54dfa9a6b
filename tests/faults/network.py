"""A network of a test's own: places apart from each other, a router between them that can lose what one sends to another.

Each place is a network namespace without a name. One thread is in it for as long as the network is up, and every process
that this thread starts is in it too. Nothing is seen from outside, and nothing is left over: links, addresses and rules go
with the last thread or process in their namespace, so two runs may use the same addresses at once.

The router drops silently, as a broken network does: senders get no error, neither end hears that the other is gone. (A
blackhole route at the sender would have `connect` and `send` fail at once.) Needs root, and `ip` of iproute2.
"""

import contextlib
import ctypes
import os
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, Self, TypeVar

from servers import RunningServer

P = ParamSpec("P")
R = TypeVar("R")

# <sched.h> and <sys/mount.h>
CLONE_NEWNET, CLONE_NEWNS = 0x40000000, 0x00020000
MS_BIND, MS_REC, MS_SLAVE = 0x1000, 0x4000, 0x80000
TCP_CLOSING = {"04", "0B"}  # FIN_WAIT1 and CLOSING in /proc/net/tcp

_libc = ctypes.CDLL(None, use_errno=True)


class Place:
    """A namespace, and the thread in it. `address` is where the other places reach it."""

    def __init__(self, name: str, address: str, hosts: Path | None = None) -> None:
        self.name = name
        self.address = address
        self.hosts = hosts
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"place-{name}")
        self.tid: int = self.run(self._enter)

    def run(self, function: Callable[P, R], *arguments: P.args, **options: P.kwargs) -> R:
        """Call a function in the place, and wait for it. Processes that it starts and sockets that it opens are there."""
        return self.begin(function, *arguments, **options).result()

    def begin(self, function: Callable[P, R], *arguments: P.args, **options: P.kwargs) -> Future[R]:
        """The same without waiting; the place does one thing after the other."""
        return self._thread.submit(function, *arguments, **options)

    def start_server(self, folder: Path, *arguments: str) -> RunningServer:
        """Start a server here that the other places reach at `url_of`, and everybody on this machine at `socket_of`.

        It ends with the place. Restart it with `place.run(server.restart)`.
        """
        reachable = ("--bind", "0.0.0.0", "--protected-mode", "no", "--unixsocket", str(folder / "socket"))
        return self.run(RunningServer, folder, *reachable, *arguments)

    def url_of(self, server: RunningServer, host: str | None = None) -> str:
        """The URL of a server in this place, for other places."""
        return f"redis://{host or self.address}:{server.port}/0"

    @staticmethod
    def socket_of(server: RunningServer) -> str:
        """The URL by which whoever is outside reaches a server that was started in a place, whatever is lost."""
        return f"unix://{server.folder / 'socket'}"

    def name_hosts(self, **addresses: str) -> None:
        """From now on these are the names that are known here, beside localhost; only in a place with a hosts file."""
        assert self.hosts is not None, f"{self.name} has no hosts file"
        lines = ["127.0.0.1 localhost", *(f"{address} {name}" for name, address in addresses.items())]
        self.hosts.write_text("\n".join(lines) + "\n")

    def given_up(self) -> int:
        """How many connections were closed here and the other end has not answered: calls that nobody waits for any more."""
        table = Path(f"/proc/self/task/{self.tid}/net/tcp").read_text().splitlines()[1:]
        return sum(line.split()[3] in TCP_CLOSING for line in table)

    def end(self) -> None:
        """Leave the namespace to whoever is still in it; a server that was started here ends."""
        self._thread.shutdown()

    def _enter(self) -> int:
        """Put the calling thread into new namespaces: of the network, and of mounts where it is to have a hosts file."""
        _unshare(CLONE_NEWNET)
        ip("link", "set", "lo", "up")
        if self.hosts is not None:
            self.name_hosts()
            _unshare(CLONE_NEWNS)
            _mount("none", "/", MS_REC | MS_SLAVE)  # what is mounted here from now on is seen nowhere else
            _mount(str(self.hosts), "/etc/hosts", MS_BIND)
            nobody = self.hosts.with_name("resolv.conf")
            nobody.write_text("nameserver 127.0.0.1\n")
            _mount(str(nobody), "/etc/resolv.conf", MS_BIND)
        return threading.get_native_id()


class Network:
    """Places by name, all reachable from each other until something is lost: `Network(folder, "server", "worker")`.

    Args:
        folder: for the hosts files, one for each place; its processes know no other names than `name_hosts` says.
        names: of the places.
    """

    def __init__(self, folder: Path, *names: str) -> None:
        self._lost: list[tuple[str, str]] = []
        self._places: dict[str, Place] = {}
        self._router = Place("router", "10.77.0.1")
        try:
            self._router.run(Path("/proc/sys/net/ipv4/ip_forward").write_text, "1")
            for number, name in enumerate(names, start=1):
                (folder / name).mkdir(parents=True, exist_ok=True)
                self._places[name] = Place(name, f"10.77.{number}.2", folder / name / "hosts")
                self._link(self._places[name], number)
        except BaseException:
            self.end()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.end()

    def __getitem__(self, name: str) -> Place:
        return self._places[name]

    def one_way(self, source: str, target: str) -> None:
        """From now on nothing that one place sends arrives at the other; the way back is as it was."""
        pair = (self[source].address, self[target].address)
        if pair not in self._lost:
            self._lost.append(pair)
            self._router.run(ip, "rule", "add", "from", pair[0], "to", pair[1], "blackhole")

    def partition(self, one: str, other: str) -> None:
        """From now on nothing passes between two places."""
        self.one_way(one, other)
        self.one_way(other, one)

    def heal(self) -> None:
        """Everything passes again; what was lost is gone, or sent again by TCP."""
        while self._lost:
            source, target = self._lost.pop()
            self._router.run(ip, "rule", "del", "from", source, "to", target, "blackhole")

    def move(self, name: str, address: str) -> None:
        """Give a place another address in its own /24, and take the old one away, as when a machine is replaced."""
        place = self[name]
        place.run(ip, "address", "del", f"{place.address}/24", "dev", "uplink")
        place.run(ip, "address", "add", f"{address}/24", "dev", "uplink")
        place.run(ip, "route", "add", "default", "via", gateway_of(address))  # it went with the old address
        place.address = address

    def end(self) -> None:
        """Let go of all of it; safe to call again."""
        for place in (*self._places.values(), self._router):
            place.end()

    def _link(self, place: Place, number: int) -> None:
        """A pair of interfaces: one with the router, one in the place, which sends everything through it."""
        self._router.run(ip, "link", "add", f"to{number}", "type", "veth", "peer", "name", "uplink", "netns", str(place.tid))
        self._router.run(ip, "address", "add", f"{gateway_of(place.address)}/24", "dev", f"to{number}")
        self._router.run(ip, "link", "set", f"to{number}", "up")
        place.run(ip, "address", "add", f"{place.address}/24", "dev", "uplink")
        place.run(ip, "link", "set", "uplink", "up")
        place.run(ip, "route", "add", "default", "via", gateway_of(place.address))


def gateway_of(address: str) -> str:
    """The router's own address in the network of an address."""
    return f"{address.rpartition('.')[0]}.1"


def ip(*arguments: str) -> None:
    """The command `ip`, in the place of the calling thread."""
    done = subprocess.run(["ip", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


def _unshare(flags: int) -> None:
    if _libc.unshare(flags):
        raise OSError(ctypes.get_errno(), f"unshare: {os.strerror(ctypes.get_errno())}")


def _mount(source: str, target: str, flags: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        target = os.path.realpath(target)
    if _libc.mount(source.encode(), target.encode(), None, flags, None):
        raise OSError(ctypes.get_errno(), f"mount {source} on {target}: {os.strerror(ctypes.get_errno())}")
