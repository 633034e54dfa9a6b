"""A child process as its supervisor sees it: started with a line to it, told things, killed with its whole group.

The child's own end of that line is `control.ChildEnd`. Nothing here knows of sessions.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from typing import Any

import msgspec

from lineshaft.control import Message, encode


class Child:
    """One child process. Its process group is its own, so nothing that it started outlives it."""

    def __init__(self, process: Process, line: socket.socket) -> None:
        self.process = process
        self._line = line
        self.said: Message = {}
        self.ready = asyncio.Event()
        self.has_orders = False
        self._answered = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, module: str) -> "Child":
        """Start a module of ours, which waits for its orders; from the main thread, which the child's life is tied to."""
        ours, theirs = socket.socketpair()
        with theirs:
            descriptor = theirs.fileno()
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", module, str(descriptor), str(os.getpid())),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=[descriptor],
                start_new_session=True,
            )
        ours.setblocking(False)  # noqa: FBT003 - its only form
        child = cls(process, ours)
        child._listening = asyncio.create_task(child._listen())
        return child

    @property
    def pid(self) -> int:
        """Its process id, and that of its group."""
        return self.process.pid

    @property
    def lives(self) -> bool:
        """Whether it has not been seen to end."""
        return self.process.returncode is None

    def tell(self, message: Message) -> None:
        """Send it a message; one that does not take it in is not waited for."""
        with contextlib.suppress(OSError):
            self._line.send(encode(message))

    async def answer(self, key: str) -> Any:
        """Wait until it has said something under this key; None when it ended without."""
        while key not in self.said and self._listening is not None and not self._listening.done():
            self._answered.clear()
            await self._answered.wait()
        return self.said.get(key)

    async def wait(self) -> int:
        """Wait until it has ended, then end what is left of its group; gives its exit code."""
        code = await self.process.wait()
        self.kill()
        if self._listening is not None:
            await asyncio.wait([self._listening], timeout=1.0)  # something that left the group may hold the line open
            self._listening.cancel()
        self._line.close()
        return code

    def kill(self) -> None:
        """Kill its process group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    async def _listen(self) -> None:
        loop, buffer = asyncio.get_running_loop(), b""
        with contextlib.suppress(OSError):
            while data := await loop.sock_recv(self._line, 65_536):
                *lines, buffer = (buffer + data).split(b"\n")
                for line in lines:
                    self.said.update(msgspec.json.decode(line))
                self._answered.set()
                if "ready" in self.said:
                    self.ready.set()
        asyncio.get_running_loop().call_soon(self._answered.set)
