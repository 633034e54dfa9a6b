"""How runs end, as values: what is stored for the last one, and the evidence kept of those that failed."""

import traceback
from types import TracebackType

import msgspec

TRACEBACK_KEPT = 16_384  # characters; the end of a traceback says most
MESSAGE_KEPT = 2_048
_FRAMES_ABOVE = ("lineshaft/worker/executor.py", "concurrent/futures/thread.py")


class Failure(msgspec.Struct, frozen=True):
    """An exception as plain data. Locals are never in it."""

    type: str
    message: str
    traceback: str = ""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a task ended. Times are in ms since the epoch by the server's clock. `value` stays encoded."""

    v: int
    ended_ms: int
    started_ms: int | None = None
    session: str | None = None
    tries: int | None = None
    crashes: int = 0
    value: msgspec.Raw = msgspec.Raw(b"null")
    error: Failure | None = None


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a task's history. `kind` is error, timeout, crash, unknown or retry."""

    v: int
    kind: str
    at_ms: int = 0
    started_ms: int | None = None
    session: str | None = None
    claim: int | None = None
    try_number: int | None = None
    was: str | None = None
    error: Failure | None = None


def failure_of(error: BaseException) -> Failure:
    """Turn an exception into plain data: its qualified type, its message and its traceback without locals.

    An exception that cannot even be printed gives its type and says so.
    """
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    try:
        message = _clean(str(error))[:MESSAGE_KEPT]
        trace = _from_the_task_on(error.__traceback__)
        text = _clean("".join(traceback.format_exception(kind, error, trace)))[-TRACEBACK_KEPT:]
    except Exception as second:  # noqa: BLE001 - a user's __str__ may raise anything
        message, text = f"(the exception's own text raised {type(second).__qualname__})", ""
    return Failure(name, message, text)


def _from_the_task_on(trace: TracebackType | None) -> TracebackType | None:
    """Leave out the frames above the task's own: the worker's, and those of the thread it ran in."""
    first = trace
    while first is not None and first.tb_frame.f_code.co_filename.endswith(_FRAMES_ABOVE):
        first = first.tb_next
    return first or trace


def _clean(text: str) -> str:
    """Lone surrogates cannot be written as UTF-8; they are shown as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()
