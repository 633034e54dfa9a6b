"""Ends of the benchmark that are not its last line: a signal from outside, and a step that takes too long.

Both raise SystemExit in the main thread, so that every `with` on the way out ends what it started.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


def exit_on_signals() -> None:
    """Turn the signals that would end this process on the spot into SystemExit."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _exit)


@contextmanager
def time_limit(seconds: float, what: str) -> Iterator[None]:
    """End the benchmark with one line on stderr and exit code 1 when the block takes longer than this."""

    def give_up(_number: int, _frame: FrameType | None) -> None:
        sys.exit(f"\nerror: {what} took over {seconds:g} s")

    signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _exit(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)
