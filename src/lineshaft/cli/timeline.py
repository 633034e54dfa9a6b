"""What happened to a task, in order, for `task show`: enqueued, each run with what it waited for and how it went, the end.

Where a task is scheduled, the last line says when it is due. Times count from when it was enqueued; where nobody knows when
that was, as of a foreign program's task, from the first thing that is known.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from lineshaft.cli.output import duration

COLUMNS = ("at", "what", "waited", "took", "worker", "error")
SESSION_SHOWN = 8  # characters: as many as tell workers apart
WORDS = {"error": "failed", "timeout": "ran out of time", "cancelled": "was cancelled"}  # of a run, by the kind of its attempt
CALLED = {"crash": "its worker died", "unknown": "handed back"}  # what is no run of its own

View = Mapping[str, Any]


class Moment(NamedTuple):
    """One line: when it began and ended, in ms since the epoch, and what it was."""

    start_ms: int
    end_ms: int
    what: str
    is_run: bool = False
    session: str | None = None
    error: str | None = None


def timeline(view: View) -> list[dict[str, str | None]]:
    """The lines of a task in the form that the API has for it, as rows of COLUMNS; none where no time is known."""
    rows: list[dict[str, str | None]] = []
    moments = list(moments_of(view))
    for before, moment in zip([None, *moments], moments, strict=False):
        waits = moment.is_run and before is not None
        runs_yet = moment.is_run and moment.end_ms == 0
        rows.append({
            "at": f"+{duration(moment.start_ms - moments[0].start_ms)}",
            "what": moment.what,
            "waited": duration(moment.start_ms - before.end_ms) if before and waits else None,
            "took": duration(moment.end_ms - moment.start_ms) if moment.is_run and not runs_yet else None,
            "worker": moment.session and moment.session[:SESSION_SHOWN],
            "error": moment.error,
        })  # fmt: skip
    return rows


def moments_of(view: View) -> Iterator[Moment]:
    """What is known to have happened, in order, and when the next try is due."""
    enqueued_ms, due_ms, started_ms, ended_ms = (ms_of(view[f"{name}_at"]) for name in ("enqueued", "due", "started", "ended"))
    if enqueued_ms:
        yield Moment(enqueued_ms, enqueued_ms, "enqueued")
    yield from (moment_of(attempt) for attempt in view["attempts"] if ms_of(attempt["at"]))
    number, status = f"try {view['tries']}", view["status"]
    if status == "in-progress" and started_ms:
        yield Moment(started_ms, 0, f"{number} runs", is_run=True, session=view["session"])
    if status == "done" and started_ms:
        yield Moment(started_ms, ended_ms, f"{number} worked", is_run=True, session=view["session"])
    if ended_ms:
        yield Moment(ended_ms, ended_ms, status)
    if due_ms:
        yield Moment(due_ms, due_ms, "due")


def moment_of(attempt: View) -> Moment:
    """One attempt: a run that failed, a crash, or a word about what was done by hand."""
    at_ms, kind, error = ms_of(attempt["at"]), attempt["kind"], attempt["error"]
    said = f"{error['type']}: {error['message']}" if error else None
    if kind in WORDS:
        start_ms = ms_of(attempt["started_at"]) or at_ms
        return Moment(start_ms, at_ms, f"try {attempt['try_number']} {WORDS[kind]}", True, attempt["session"], said)
    what = f"run again by hand, was {attempt['was']}" if kind == "retry" else CALLED.get(kind) or str(kind)
    return Moment(at_ms, at_ms, what, session=attempt["session"], error=said)


def ms_of(time: str | None) -> int:
    """A time as the API writes it, in ms since the epoch; 0 for none."""
    return round(1000 * datetime.fromisoformat(time).timestamp()) if time else 0
