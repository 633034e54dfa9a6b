"""The log of a command."""

import logging

from lineshaft.telemetry import OneLine

FORMATTER = OneLine("%(levelname)s %(message)s")


def formatted(message: str, error: BaseException | None = None) -> str:
    about = None if error is None else (type(error), error, error.__traceback__)
    return FORMATTER.format(logging.LogRecord("lineshaft", logging.INFO, __file__, 1, "it failed: %s", (message,), about))


def test_what_a_task_says_forges_no_line_and_writes_to_no_terminal():
    assert formatted("a\n2026-11-30 INFO forged\x1b[2J\x00\u202egrün\r\n\u2028b") == (
        r"INFO it failed: a\n2026-11-30 INFO forged\x1b[2J\x00\u202egrün\r\n\u2028b"
    )


def test_a_traceback_keeps_its_lines():
    try:
        raise ValueError("no\x1b[2J\nluck")
    except ValueError as error:
        told = formatted("it", error).splitlines()
    assert told[:2] == ["INFO it failed: it", "Traceback (most recent call last):"]
    assert told[-2:] == [r"ValueError: no\x1b[2J", "luck"]
