"""A TCP proxy that does to connections what networks do: cuts, silence, lost replies, delays, single bytes."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Literal

Direction = Literal["request", "reply"]
CHUNK = 65_536


@dataclass(eq=False)
class Rule:
    """What happens to the next chunk that contains some bytes; `happened` is set once it has."""

    direction: Direction
    match: bytes
    action: Literal["lose", "halve", "delay"]
    times: int = 1
    delay_s: float = 0.0
    happened: threading.Event = field(default_factory=threading.Event)


class Link:
    """One connection through the proxy."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server
        self.silent = False

    def cut(self) -> None:
        """Reset both ends: what was not read yet is gone."""
        for writer in (self.client, self.server):
            end = writer.get_extra_info("socket")
            if end is not None:
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class Proxy:
    """Passes everything on, until it is told otherwise. Its methods may be called from any thread."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._links: set[Link] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._rules: list[Rule] = []
        self._split = False
        self._silent = False
        self._cutting: asyncio.Task[None] | None = None
        self.cuts = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy")
        self._thread.start()
        self._server: asyncio.Server = self._run(self._listen())
        self.port: int = self._server.sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return f"redis://127.0.0.1:{self.port}/0"

    def cut(self) -> None:
        """Reset every connection; new ones are welcome."""
        self._call(self._cut)

    def cut_every(self, seconds: float) -> None:
        """Reset every connection again and again, until `calm`."""

        async def begin() -> None:
            self._cutting = asyncio.create_task(self._go_on_cutting(seconds))

        self._run(begin())

    def calm(self) -> None:
        """No more cuts."""

        async def end() -> None:
            if self._cutting is not None:
                self._cutting.cancel()
                await asyncio.gather(self._cutting, return_exceptions=True)
                self._cutting = None

        self._run(end())

    def silence(self, *, new_too: bool = False) -> None:
        """From now on nothing passes on the connections there are, and neither end hears of it; new ones are fine, or not."""

        def mute() -> None:
            self._silent = new_too
            for link in self._links:
                link.silent = True

        self._call(mute)

    def hear_again(self) -> None:
        """New connections are fine again; those that fell silent stay so."""

        def hear() -> None:
            self._silent = False

        self._call(hear)

    def lose(self, match: bytes, direction: Direction = "reply") -> Rule:
        """Lose the next reply (or request) with these bytes, and reset its connection."""
        return self._add(Rule(direction, match, "lose"))

    def halve(self, match: bytes) -> Rule:
        """Pass on only the first half of the next reply with these bytes, then reset its connection."""
        return self._add(Rule("reply", match, "halve"))

    def delay(self, match: bytes, seconds: float, direction: Direction = "request", times: int = 1) -> Rule:
        """Hold back the next requests (or replies) with these bytes, and all that follow on their connections."""
        return self._add(Rule(direction, match, "delay", times, seconds))

    def split(self) -> None:
        """From now on each byte of a reply is a packet of its own."""
        self._split = True

    def stop(self) -> None:
        """Reset everything and end."""
        self.calm()
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _add(self, rule: Rule) -> Rule:
        self._call(lambda: self._rules.append(rule))
        return rule

    def _call(self, act: Callable[[], None]) -> None:
        async def do() -> None:
            act()

        self._run(do())

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._accept, "127.0.0.1", 0)

    def _cut(self) -> None:
        self.cuts += 1
        for link in list(self._links):
            link.cut()

    async def _go_on_cutting(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            self._cut()

    def _accept(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Called for each connection; it ends with its task, also where that is cancelled before its first step."""
        serving = asyncio.create_task(self._serve(from_client, to_client))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)
        serving.add_done_callback(lambda _: to_client.transport.abort())

    async def _serve(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            return
        for writer in (to_client, to_server):
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = Link(to_client, to_server)
        link.silent = self._silent
        self._links.add(link)
        pumps = [
            asyncio.create_task(self._pump(link, "request", from_client, to_server)),
            asyncio.create_task(self._pump(link, "reply", from_server, to_client)),
        ]
        try:
            with contextlib.suppress(asyncio.CancelledError):  # only `stop` cancels this
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._links.discard(link)
            link.cut()

    async def _pump(self, link: Link, direction: Direction, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(CHUNK):
                rule = self._rule_for(direction, data)
                if rule is not None and rule.action == "delay":
                    await asyncio.sleep(rule.delay_s)
                elif rule is not None:
                    target.write(data[: len(data) // 2] if rule.action == "halve" else b"")
                    await target.drain()
                    return
                if link.silent:
                    await asyncio.Event().wait()
                if self._split and direction == "reply":
                    await self._write_split(target, data)
                else:
                    target.write(data)
                    await target.drain()

    def _rule_for(self, direction: Direction, data: bytes) -> Rule | None:
        for rule in self._rules:
            if rule.direction == direction and rule.match in data:
                rule.times -= 1
                if rule.times == 0:
                    self._rules.remove(rule)
                rule.happened.set()
                return rule
        return None

    @staticmethod
    async def _write_split(target: asyncio.StreamWriter, data: bytes) -> None:
        for byte in data:
            target.write(bytes([byte]))
            await target.drain()
            await asyncio.sleep(0)

    async def _close(self) -> None:
        self._server.close()
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:  # one more may have been accepted just before
            self._cut()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
