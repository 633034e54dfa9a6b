"""Single keys from a terminal."""

import os
import select
import termios

import pytest

from lineshaft.cli.keyboard import Keyboard, single_keys

from .conftest import SECONDS


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        ("q", ["q"]),
        ("jk ", ["j", "k", "space"]),
        ("\x1b[A\x1b[B\x1bOA\x1bOB", ["up", "down", "up", "down"]),
        ("\x1b[1;5Cq", ["\x1b[1;5C", "q"]),
        ("\x1b\x1bq", ["q"]),
        ("ü", ["ü"]),
    ],
    ids=ascii,
)
def test_what_is_typed_is_told_apart(typed: str, keys: list[str]) -> None:
    assert Keyboard(0).keys(typed) == keys


def test_a_key_that_comes_in_two_parts_is_one() -> None:
    keyboard = Keyboard(0)
    assert keyboard.keys("a\x1b") == ["a"]
    assert keyboard.keys("[") == []
    assert keyboard.keys("Bq") == ["down", "q"]


def test_keys_come_at_once_and_unseen_and_the_terminal_is_as_it_was_afterwards() -> None:
    ours, theirs = os.openpty()
    before = termios.tcgetattr(theirs)
    with pytest.raises(ZeroDivisionError), single_keys(theirs):
        os.write(ours, b"q\x1a\x1c")
        assert Keyboard(theirs).read() == ["q", "\x1a", "\x1c"]
        os.write(ours, b"typed ahead\n")
        assert select.select([theirs], [], [], SECONDS)[0], "it never came"
        raise ZeroDivisionError
    assert termios.tcgetattr(theirs) == before
    os.set_blocking(theirs, False)
    with pytest.raises(BlockingIOError):
        os.read(theirs, 100)
    os.close(ours)
    with pytest.raises(EOFError):
        Keyboard(theirs).read()
    os.close(theirs)
