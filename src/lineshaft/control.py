"""The line between a supervisor and one child: a socket pair with one JSON object per line, both ways.

The first line down is what the child is to be; after that come permits, orders and, by the end of the line, the news that
the supervisor has gone. A child reads in a thread of its own, so that a blocked loop does not keep it from hearing.
"""

import ctypes
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

import msgspec

EXIT_DRAINED, EXIT_FAILED, EXIT_MISCONFIGURED = 0, 1, 2
EXIT_STUCK, EXIT_LOST = 69, 75  # sysexits' EX_UNAVAILABLE, and EX_TEMPFAIL: start me again

Message = dict[str, Any]


def encode(message: Message) -> bytes:
    """One line."""
    return msgspec.json.encode(message) + b"\n"


def meaning_of(code: int) -> str:
    """An exit code in words."""
    if code < 0:
        known = {number.value: number.name for number in signal.Signals}
        return f"killed by {known.get(-code, f'signal {-code}')}"
    return "its lease was lost" if code == EXIT_LOST else f"exit code {code}"


class ChildEnd:
    """The child's end: its orders, and how it answers.

    Args:
        arguments: what the supervisor put on the command line: the number of the socket, and its own process id.
    """

    def __init__(self, arguments: list[str]) -> None:
        descriptor, parent = int(arguments[0]), int(arguments[1])
        die_with(parent)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, _ignore)  # a handler, not SIG_IGN: what the tasks start must not inherit it
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - its only form
        self._socket = socket.socket(fileno=descriptor)
        self._lines = self._socket.makefile("rb")
        self.orders: Message = self.next_order()

    def next_order(self) -> Message:
        """Wait for the next line; ends the process when the supervisor has gone."""
        line = self._lines.readline()
        if not line:
            os._exit(EXIT_LOST)
        message: Message = msgspec.json.decode(line)
        return message

    def listen(self, heard: Callable[[Message], None]) -> None:
        """Hand each further message to this, from a thread of its own; when the supervisor has gone, end at once."""

        def read() -> None:
            for line in self._lines:
                heard(msgspec.json.decode(line))
            os._exit(EXIT_LOST)

        threading.Thread(target=read, name="lineshaft-control", daemon=True).start()

    def say(self, message: Message) -> None:
        """Tell the supervisor."""
        try:
            self._socket.sendall(encode(message))
        except OSError:
            os._exit(EXIT_LOST)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends; where it cannot, the end of the line does.

    The kernel watches the parent's *thread* that started this one, so children are started from its main thread.
    """
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the call above
        os._exit(EXIT_LOST)


def _ignore(_number: int, _frame: object) -> None:
    """Signals are the supervisor's alone: a terminal and systemd send them to every process of a group."""
