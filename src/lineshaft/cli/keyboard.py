"""Single keys from a terminal: at once, without Enter and without echo; and the terminal as it was afterwards."""

import contextlib
import os
import re
import termios
import tty
from collections.abc import Generator

NAMES = {"\x1b[A": "up", "\x1bOA": "up", "\x1b[B": "down", "\x1bOB": "down", " ": "space"}
KEY = re.compile(r"\x1b[\[O][0-9;]*[A-Za-z~]|[^\x1b]")
BEGUN = re.compile(r"\x1b([\[O][0-9;]*)?$")
NOT_NOW = (termios.VSUSP, termios.VQUIT)  # a stop or a core dump would leave the terminal to a shell half drawn
READ_AT_MOST = 1024


@contextlib.contextmanager
def single_keys(terminal: int) -> Generator[None]:
    """Have a terminal hand over each key by itself while the block runs. Ctrl-C is a signal as ever."""
    before = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal)
        attributes = termios.tcgetattr(terminal)
        disabled = os.fpathconf(terminal, "PC_VDISABLE")
        for number in NOT_NOW:
            attributes[6][number] = bytes([disabled & 0xFF])
        termios.tcsetattr(terminal, termios.TCSANOW, attributes)
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)  # what was typed and not read goes to no shell


class Keyboard:
    """Reads keys by their names: `up`, `down`, `space`, and the character itself for all others that are one."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._begun = ""

    def read(self) -> list[str]:
        """The keys that were pressed; waits for one where there is none.

        Raises:
            EOFError: the terminal has gone.
        """
        try:
            typed = os.read(self._terminal, READ_AT_MOST)
        except OSError as error:
            raise EOFError from error
        if not typed:
            raise EOFError
        return self.keys(typed.decode(errors="replace"))

    def keys(self, typed: str) -> list[str]:
        """The keys in what was typed; the first part of one that comes in two is kept for the next time."""
        typed = self._begun + typed
        begun = BEGUN.search(typed)
        self._begun = begun[0] if begun else ""
        complete = typed[: begun.start()] if begun else typed
        return [NAMES.get(key[0], key[0]) for key in KEY.finditer(complete)]
