"""The line at the foot of a terminal: it keeps its row whatever scrolls by, and is drawn only where it belongs."""

import os
import sys
import termios
from collections.abc import Callable, Iterator
from typing import TextIO

import pyte
import pytest

from lineshaft.cli import foot
from lineshaft.cli.foot import Foot, foot_of_terminal

WIDTH, HEIGHT = 40, 10


class Paper:
    """A terminal: what is written to `stream` stands on `lines` after `read`."""

    def __init__(self) -> None:
        self._ours, theirs = os.openpty()
        self.stream: TextIO = os.fdopen(theirs, "w", encoding="utf-8")
        self._screen = pyte.Screen(WIDTH, HEIGHT)
        self._feed = pyte.ByteStream(self._screen).feed
        self.written = b""
        self.resize(WIDTH, HEIGHT)

    def resize(self, width: int, height: int) -> None:
        self._screen.resize(height, width)
        termios.tcsetwinsize(self.stream.fileno(), (height, width))

    def lines(self) -> list[str]:
        """The lines of the screen, after what was written so far."""
        self.stream.write("\0")  # the end of what there is to read; it shows nothing
        self.stream.flush()
        read = b""
        while not read.endswith(b"\0"):
            read += os.read(self._ours, 65_536)
        self.written += read.removesuffix(b"\0")
        self._feed(read)
        return [line.rstrip() for line in self._screen.display]

    def close(self) -> None:
        self.stream.close()
        os.close(self._ours)


@pytest.fixture
def paper(monkeypatch: pytest.MonkeyPatch) -> Iterator[Paper]:
    """A terminal that this process is in the foreground of."""
    monkeypatch.setattr(os, "tcgetpgrp", lambda _: os.getpgrp())
    made = Paper()
    yield made
    made.close()


@pytest.fixture
def drawn(paper: Paper) -> Foot:
    """A foot on it, drawn once, below two lines."""
    print("first\nsecond", file=paper.stream)
    made = Foot(paper.stream, is_coloured=True)
    made.show("all is well")
    return made


def test_it_stands_below_what_was_there_and_goes_again(paper: Paper, drawn: Foot) -> None:
    assert paper.lines() == ["first", "second", *[""] * 7, "all is well"]
    drawn.show("still")
    print("third", file=paper.stream)
    assert paper.lines() == ["first", "second", "third", *[""] * 6, "still"]
    drawn.close()
    print("fourth", file=paper.stream)
    assert paper.lines() == ["first", "second", "third", "fourth", *[""] * 6]


def test_what_scrolls_by_does_not_meet_it(paper: Paper, drawn: Foot) -> None:
    for n in range(50):
        print(f"line {n}", file=paper.stream, flush=True)
        if n % 10 == 0:
            drawn.show(f"at {n}")
    assert paper.lines() == [*[f"line {n}" for n in range(42, 50)], "", "at 40"]
    drawn.close()
    for n in range(3):
        print(f"after {n}", file=paper.stream)
    assert paper.lines()[-4:] == ["after 0", "after 1", "after 2", ""]


def test_a_line_that_somebody_has_begun_is_gone_on_with(paper: Paper, drawn: Foot) -> None:
    paper.stream.write("one half, ")
    drawn.show("meanwhile")
    paper.stream.write("and the other\n")
    assert paper.lines()[2] == "one half, and the other"


def test_it_is_cut_at_the_width_of_the_terminal(paper: Paper, drawn: Foot) -> None:
    drawn.show("x" * 100)
    assert paper.lines()[-2:] == ["", "x" * (WIDTH - 1)]


def test_it_follows_the_size_of_the_terminal_and_leaves_nothing_where_it_was(paper: Paper, drawn: Foot) -> None:
    paper.lines()
    paper.resize(30, 14)
    drawn.show("larger")
    assert paper.lines() == ["first", "second", *[""] * 11, "larger"]
    paper.resize(15, 14)
    drawn.show("too narrow")
    assert "too narrow" not in paper.lines()


def test_colours_are_left_out_where_they_are_not_wanted(paper: Paper, drawn: Foot) -> None:
    paper.lines()
    assert b"\x1b[7m" in paper.written
    paper.written = b""
    Foot(paper.stream, is_coloured=False).show("plain")
    paper.lines()
    assert b"plain" in paper.written
    assert b"\x1b[7m" not in paper.written


def test_nothing_is_drawn_from_the_background_nor_once_the_terminal_has_gone(
    paper: Paper, drawn: Foot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "tcgetpgrp", lambda _: os.getpgrp() + 1)
    drawn.show("behind")
    assert paper.lines() == ["first", "second", *[""] * 8]
    monkeypatch.undo()  # it is nobody's terminal now, as far as this process goes
    drawn.show("behind")
    assert paper.lines() == ["first", "second", *[""] * 8]


@pytest.mark.parametrize(
    ("terminals", "term", "no_colour", "expected"),
    [
        ("out err", "xterm", "", (True, True)),
        ("out err", "xterm", "1", (True, False)),
        ("out", "xterm", "", (False, False)),
        ("err", "xterm", "", (False, False)),
        ("out err", "dumb", "", (False, False)),
    ],
)
def test_it_is_there_only_where_all_is_written_to_a_terminal(
    monkeypatch: pytest.MonkeyPatch, terminals: str, term: str, no_colour: str, expected: tuple[bool, bool]
) -> None:
    made: list[bool] = []

    def foot_made(_: TextIO, *, is_coloured: bool) -> object:
        made.append(is_coloured)
        return object()

    def is_one(name: str) -> Callable[[], bool]:
        return lambda: name in terminals.split()

    monkeypatch.setattr(foot, "Foot", foot_made)
    monkeypatch.setattr(sys.stdout, "isatty", is_one("out"), raising=False)
    monkeypatch.setattr(sys.stderr, "isatty", is_one("err"), raising=False)
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("NO_COLOR", no_colour)
    assert ((foot_of_terminal() is not None), made == [True]) == expected
