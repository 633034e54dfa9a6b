"""What happened to a task, as `task show` tells it."""

from typing import Any

import pytest

from lineshaft.cli.timeline import timeline
from lineshaft.clock import iso

from .conftest import Commands, Enqueued

START_MS = 1_700_000_000_000
SESSION = "5e55" * 8


def at(after_s: float) -> str | None:
    """A time so long after the task was enqueued, as views have it."""
    return iso(START_MS + round(1000 * after_s))


def attempt(kind: str, at_s: float, **fields: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(("started_at", "try_number", "session", "was", "error"))
    return {**nothing, "kind": kind, "at": at(at_s), **fields}


def failed(number: int, started_s: float, ended_s: float, kind: str = "error") -> dict[str, Any]:
    error = {"type": "ValueError", "message": f"no luck {number}", "traceback": ""}
    return attempt(kind, ended_s, started_at=at(started_s), try_number=number, session=SESSION, error=error)


def view(status: str, *attempts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    nothing = {"due_at": None, "started_at": None, "ended_at": None, "enqueued_at": at(0), "session": SESSION, "tries": 0}
    return {**nothing, "status": status, "attempts": list(attempts), **fields}


def lines(of: dict[str, Any]) -> list[str]:
    """The rows as text, `-` for what is not there."""
    return [" | ".join(cell or "-" for cell in row.values()) for row in timeline(of)]


def test_a_task_that_worked_the_third_time() -> None:
    attempts = [failed(1, 0.25, 1.5), failed(2, 3.5, 33.5, "timeout")]
    told = lines(view("done", *attempts, tries=3, started_at=at(40), ended_at=at(41)))
    assert told == [
        "+0 ms | enqueued | - | - | - | -",
        "+250 ms | try 1 failed | 250 ms | 1.2 s | 5e555e55 | ValueError: no luck 1",
        "+3.5 s | try 2 ran out of time | 2.0 s | 30 s | 5e555e55 | ValueError: no luck 2",
        "+40 s | try 3 worked | 6.5 s | 1.0 s | 5e555e55 | -",
        "+41 s | done | - | - | - | -",
    ]


def test_a_task_that_failed_for_good_was_run_again_by_hand_and_runs() -> None:
    attempts = [failed(1, 1, 2), attempt("retry", 60, was="failed")]
    assert lines(view("in-progress", *attempts, tries=1, started_at=at(61)))[2:] == [
        "+1m 00s | run again by hand, was failed | - | - | - | -",
        "+1m 01s | try 1 runs | 1.0 s | - | 5e555e55 | -",
    ]
    assert (
        lines(view("failed", failed(1, 1, 2), tries=1, started_at=at(1), ended_at=at(2)))[-1]
        == "+2.0 s | failed | - | - | - | -"
    )


def test_crashes_and_tasks_that_were_handed_back() -> None:
    unknown = {"type": "UnknownTaskError", "message": "no task", "traceback": ""}
    attempts = [attempt("unknown", 1, error=unknown), attempt("crash", 30, session=SESSION), attempt("newer kind", 31)]
    assert lines(view("pending", *attempts))[1:] == [
        "+1.0 s | handed back | - | - | - | UnknownTaskError: no task",
        "+30 s | its worker died | - | - | 5e555e55 | -",
        "+31 s | newer kind | - | - | - | -",
    ]


def test_the_last_line_of_a_scheduled_task_says_when_it_is_due() -> None:
    assert lines(view("scheduled", due_at=at(90)))[1:] == ["+1m 30s | due | - | - | - | -"]
    assert lines(view("scheduled", failed(1, 1, 2), tries=1, due_at=at(4.5)))[2:] == ["+4.5 s | due | - | - | - | -"]


def test_a_foreign_task_counts_from_the_first_thing_known() -> None:
    assert lines(view("done", enqueued_at=None, tries=1, started_at=at(5), ended_at=at(6))) == [
        "+0 ms | try 1 worked | - | 1.0 s | 5e555e55 | -",
        "+1.0 s | done | - | - | - | -",
    ]
    assert timeline(view("pending", enqueued_at=None)) == []


@pytest.mark.usefixtures("working")
def test_task_show_tells_it_above_the_traceback(lineshaft: Commands, enqueued: Enqueued) -> None:
    enqueued("shop.fail", {"why": "no luck" * 20}, task_id="it", wait=True)
    shown = lineshaft("task", "show", "it").out
    before, traceback = shown.split("Traceback (most recent call last):")
    told = before.split("\n\n")[1].splitlines()
    assert told[0].split() == ["AT", "WHAT", "WAITED", "TOOK", "WORKER", "ERROR"]
    assert "  try 1 failed  " in told[2]
    assert told[2].endswith("...")
    assert "  failed  " in told[3]
    assert "no luck" * 20 in traceback
