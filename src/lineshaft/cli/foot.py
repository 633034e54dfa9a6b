"""One line at the foot of a terminal, below everything that scrolls by.

The rows above it are made the terminal's scrolling region, so what any process prints, a worker's log as much as a task's own
words, never meets the line, and need not come through here.
"""

import contextlib
import os
import sys
from typing import TextIO

LEAST_WIDTH, LEAST_HEIGHT = 20, 5
KEEP, BACK = "\x1b7", "\x1b8"  # of the cursor's place, which setting a region moves
WHOLE, CLEARED, CLEARED_BELOW = "\x1b[r", "\x1b[K", "\x1b[J"
REVERSED, PLAIN = "\x1b[7m", "\x1b[0m"


def foot_of_terminal() -> "Foot | None":
    """The foot of the terminal that this process writes to; None where it does not write all it says to one."""
    on_terminal = sys.stdout.isatty() and sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    return Foot(sys.stdout, is_coloured=not os.environ.get("NO_COLOR")) if on_terminal else None


class Foot:
    """The line, from the first `show` to `close`. Nothing is drawn where the terminal is tiny, or is not ours at the moment."""

    def __init__(self, stream: TextIO, *, is_coloured: bool) -> None:
        self._stream = stream
        self._is_coloured = is_coloured
        self._height = 0  # of the terminal whose last row is taken; none is

    def show(self, text: str) -> None:
        """Draw this in place of what was there."""
        width, height = self._size()
        if height < LEAST_HEIGHT or width < LEAST_WIDTH or not self._is_ours():
            self.close()
            return
        taken = "" if height == self._height else self._take(height)
        shown = text[: width - 1]
        if self._is_coloured:
            shown = f"{REVERSED}{shown.ljust(width - 1)}{PLAIN}"
        self._write(f"{taken}{KEEP}\x1b[{height};1H{shown}{CLEARED}{BACK}")

    def close(self) -> None:
        """Give the row back, empty."""
        if self._height:
            self._write(f"{KEEP}{WHOLE}\x1b[{self._height};1H{CLEARED}{BACK}")
            self._height = 0

    def _take(self, height: int) -> str:
        """What makes the last row ours: it must be free first, so what stands there moves up, and an older foot goes."""
        self._height = height
        return f"{CLEARED_BELOW}\n{KEEP}\x1b[1;{height - 1}r{BACK}\x1b[1A"

    def _size(self) -> tuple[int, int]:
        try:
            return os.get_terminal_size(self._stream.fileno())
        except OSError:  # it has gone
            return 0, 0

    def _is_ours(self) -> bool:
        """Whether we are in the foreground: the line would run through what the shell or another program draws."""
        try:
            return os.tcgetpgrp(self._stream.fileno()) == os.getpgrp()
        except OSError:
            return False

    def _write(self, text: str) -> None:
        """Write all of it at once, so that nobody else's words come in between."""
        with contextlib.suppress(OSError):
            self._stream.flush()
            os.write(self._stream.fileno(), text.encode(self._stream.encoding, "replace"))
