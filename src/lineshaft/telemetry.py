"""What the processes say: one logger per noun under `lineshaft`, and the moments that tests wait for. Nobody has to listen."""

import logging
import sys
from collections.abc import Callable
from typing import Any

Listener = Callable[[str, dict[str, Any]], None]


def logger(noun: str) -> logging.Logger:
    """The logger of one noun; `lineshaft` is the parent of all."""
    return logging.getLogger(f"lineshaft.{noun}")


def configure_logging(level: str = "INFO") -> None:
    """Send the log of a command to stderr, one line each; a program that embeds Lineshaft configures its own."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


class OneLine(logging.Formatter):
    """A line for each record, and those of its traceback: what a task says can forge none, nor write to a terminal."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The line."""
        return visible(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        """The traceback."""
        return "\n".join(visible(line) for line in super().formatException(ei).splitlines())


def visible(text: str) -> str:
    """The text with every character that cannot be printed as an escape; a tab becomes spaces."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text.expandtabs(4))


class Signals:
    """Moments in a loop's life, such as "claimed" or "reaped", that somebody may listen to. Costs nothing where nobody does."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Call this with the name of each moment and what it carries, from the thread it happens in."""
        self._listeners.append(listener)

    def emit(self, moment: str, **facts: Any) -> None:
        """Tell every listener."""
        for listener in self._listeners:
            listener(moment, facts)
