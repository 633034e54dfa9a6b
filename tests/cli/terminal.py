"""A terminal for a command to run on: what stands on its screen, keys for it, and whether it was left as it was found."""

import fcntl
import os
import select
import signal
import subprocess
import termios
import time
from collections.abc import Callable
from typing import Any, Self

import pyte

from .conftest import SECONDS, Commands

LEFT = (b"\x1b[?1049l", b"\x1b[?25h")  # back on the first screen, with a cursor
READ = 65_536


def take_terminal() -> None:
    """In the child: the terminal that its stdin is becomes its own, so that Ctrl-C there is a signal for it."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """A command that runs on a terminal of its own, in a session of its own. Close it at the end."""

    def __init__(self, commands: Commands, *words: str, width: int = 80, height: int = 24, **options: Any) -> None:
        self._ours, self._theirs = os.openpty()
        self._ends = [self._ours, self._theirs]
        self._screen = pyte.Screen(width, height)
        self._stream = pyte.ByteStream(self._screen)
        termios.tcsetwinsize(self._theirs, (height, width))
        self._before = termios.tcgetattr(self._theirs)
        self.written = b""
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), self._theirs)
        self.process: subprocess.Popen[bytes] = commands.started(
            *words, **{**streams, "start_new_session": True, "preexec_fn": take_terminal, **options}
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(SECONDS)
        self.hang_up()

    @property
    def lines(self) -> list[str]:
        """The lines of the screen, without the spaces that end them."""
        return [line.rstrip() for line in self._screen.display]

    @property
    def text(self) -> str:
        """The whole screen."""
        return "\n".join(self.lines)

    def until(self, is_so: Callable[[], Any], what: object = "") -> str:
        """Read what the command writes until something is so; gives the screen."""
        deadline_s = time.monotonic() + SECONDS
        while not is_so():
            assert time.monotonic() < deadline_s, f"{what!r} did not come:\n{self.text}"
            self._read(0.05)
        return self.text

    def shows(self, *texts: str) -> str:
        """Wait until all of these stand on the screen."""
        return self.until(lambda: all(text in self.text for text in texts), texts)

    def press(self, keys: str) -> None:
        """Press keys."""
        os.write(self._ours, keys.encode())

    def resize(self, width: int, height: int) -> None:
        """Change the terminal's size; the kernel tells the command."""
        self._screen.resize(height, width)
        termios.tcsetwinsize(self._ours, (height, width))

    def ended(self) -> int:
        """Wait for the command's end; gives its exit code, below zero for a signal that killed it."""
        self.until(lambda: self.process.poll() is not None, "the end")
        while self._read(0.0):
            pass
        return self.process.returncode

    def hang_up(self) -> None:
        """Take the terminal away."""
        while self._ends:
            os.close(self._ends.pop())

    def is_as_before(self) -> bool:
        """Whether the terminal was put back: its settings, its first screen and its cursor."""
        return termios.tcgetattr(self._theirs) == self._before and all(
            self.written.rfind(left) > self.written.rfind(left[:-1] + other)
            for left, other in zip(LEFT, (b"h", b"l"), strict=True)
        )

    def kill(self, number: signal.Signals) -> None:
        """Send the command a signal."""
        self.process.send_signal(number)

    def _read(self, wait_s: float) -> bool:
        """Take up what was written, waiting a moment for it; says whether there was any."""
        if not select.select([self._ours], [], [], wait_s)[0]:
            return False
        written = os.read(self._ours, READ)
        self.written += written
        self._stream.feed(written)
        return True
