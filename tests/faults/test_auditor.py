"""The auditor finds each kind of breach in journals and reads made by hand, and nothing in those of a clean run."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from .auditor import OFFERED_S, WORKER_S, Audit, audit
from .journals import Journals, Line
from .reads import Record

FIRST, SECOND = 100, 200


class Case:
    """A clean run: task `t1` of key `k1` was hit by a pause of worker 11, run again by worker 12, and is done."""

    def __init__(self) -> None:
        self.journals = Journals(
            producers=[
                {"event": "intent", "at": 0.0, "key": "k1", "kind": "slow", "id": None},
                {"event": "ack", "at": 0.1, "key": "k1", "id": "t1", "why": ""},
                {"event": "intent", "at": 50.0, "key": "p1", "kind": "probe", "id": None},
                {"event": "ack", "at": 50.1, "key": "p1", "id": "t2", "why": ""},
                {"event": "intent", "at": 50.0, "key": "p2", "kind": "probe", "id": None},
                {"event": "ack", "at": 50.1, "key": "p2", "id": "t3", "why": ""},
            ],
            workers=[
                *ran("t1", "k1", "slow", FIRST, 11, 1.0, 9.0),
                *ran("t1", "k1", "slow", SECOND, 12, 6.0, 8.0),
                *ran("t2", "p1", "probe", 300, 11, 50.2, 50.3),
                *ran("t3", "p2", "probe", 301, 12, 50.2, 50.3),
            ],
            nemesis=[
                {"event": "settings", "at": 0.0, "seed": 1, "lease_s": 2.0},
                {"event": "fault", "at": 2.1, "began": 2.0, "number": 0, "name": "pause-worker", "place": 0, "pids": [11]},
                {"event": "heal", "at": 7.0, "number": 0, "name": "pause-worker"},
                {"event": "alive", "at": 51.0, "pids": [11, 12], "since": 50.0},
            ],
        )
        done = {task_id: Record("done", {"fence": fence}) for task_id, fence in (("t1", SECOND), ("t2", 300), ("t3", 301))}
        self.first, self.last, self.over_http = {"t1": done["t1"]}, done, {"t1": done["t1"]}

    def end(self, task_id: str, **changed: Any) -> None:
        """Change what all reads give of a task."""
        for records in (self.first, self.last, self.over_http):
            if task_id in records:
                records[task_id] = replace(records[task_id], **changed)

    def audit(self, *, real: bool = False) -> Audit:
        """What the auditor says."""
        return audit(self.journals, self.first, self.last, over_http=self.over_http, real=real)


def ran(task_id: str, key: str, kind: str, fence: int, pid: int, start_s: float, end_s: float) -> list[Line]:
    """The lines of one run."""
    line = {"id": task_id, "key": key, "kind": kind, "fence": fence, "session": f"s{pid}", "pid": pid}
    return [
        {"event": "start", "at": start_s, **line},
        {"event": "effect", "at": (start_s + end_s) / 2, **line},
        {"event": "end", "at": end_s, "how": "returned", **line},
    ]


def test_a_clean_run_has_no_breach_and_is_counted():
    found = Case().audit()
    assert (found.breaches, found.exit_code) == ({}, 0)
    assert (found.accepted, found.ended, found.unknown_accepted) == (3, 3, 0)
    assert (found.run_twice, found.overlaps) == (1, 1)
    assert (found.faults, found.hits, found.pauses) == ([("pause-worker", 1)], 1, 1)


def lose_the_record(case: Case) -> None:
    del case.last["t1"]


def never_end(case: Case) -> None:
    case.end("t1", status="not ended", result=None)


def end_only_once_the_paused_go_on(case: Case) -> None:
    case.first["t1"] = Record("not ended")


def fail_without_an_error_of_its_own(case: Case) -> None:
    case.end("t1", status="failed", result=None, error_type="Crashed", error_message="its worker died 10 times")


def fail_with_the_error_of_another(case: Case) -> None:
    case.end("t1", status="failed", result=None, error_type="foundry.HopelessError", error_message=f"fence {SECOND}")


def cancel_what_nobody_cancelled(case: Case) -> None:
    case.end("t1", status="cancelled", result=None)


def end_what_nobody_ran(case: Case) -> None:
    case.journals.workers = [line for line in case.journals.workers if line["id"] != "t1"]


def keep_the_result_of_the_outrun(case: Case) -> None:
    case.end("t1", result={"fence": FIRST})


def keep_the_error_of_the_outrun(case: Case) -> None:
    for line in [*case.journals.producers, *case.journals.workers]:
        line["kind"] = "hopeless" if line.get("kind") == "slow" else line.get("kind")
    case.end("t1", status="failed", result=None, error_type="foundry.HopelessError", error_message=f"fence {FIRST}")


def change_the_record_after_the_drain(case: Case) -> None:
    case.first["t1"] = Record("done", {"fence": SECOND, "more": 1})


def read_something_else_over_http(case: Case) -> None:
    case.over_http["t1"] = Record("failed", None, "E", "m")


def run_what_nobody_enqueued(case: Case) -> None:
    case.journals.workers += ran("t9", "k9", "quick", 400, 11, 3.0, 3.1)


def run_what_was_refused(case: Case) -> None:
    case.journals.producers[1] |= {"event": "refused", "id": None, "why": "memory is full"}
    case.last.pop("t1")


def run_a_key_under_two_ids(case: Case) -> None:
    case.journals.workers += ran("t9", "k1", "slow", 400, 12, 3.0, 3.1)


def refuse_a_repeat(case: Case) -> None:
    case.journals.producers.append({"event": "conflict", "at": 0.2, "key": "k2", "id": "t4", "why": "other content"})


def start_nothing(case: Case) -> None:
    case.journals.nemesis[-1]["pids"].append(13)


def start_too_late(case: Case) -> None:
    for line in case.journals.workers:
        line["at"] += OFFERED_S if line["id"] == "t3" else 0


BREACHES: list[tuple[str, Callable[[Case], None]]] = [
    ("lost", lose_the_record),
    ("lost", never_end),
    ("lost", end_only_once_the_paused_go_on),
    ("lost", fail_without_an_error_of_its_own),
    ("lost", fail_with_the_error_of_another),
    ("lost", cancel_what_nobody_cancelled),
    ("lost", end_what_nobody_ran),
    ("zombie", keep_the_result_of_the_outrun),
    ("zombie", keep_the_error_of_the_outrun),
    ("zombie", change_the_record_after_the_drain),
    ("zombie", read_something_else_over_http),
    ("invented", run_what_nobody_enqueued),
    ("invented", run_what_was_refused),
    ("invented", run_a_key_under_two_ids),
    ("invented", refuse_a_repeat),
    ("silent", start_nothing),
    ("silent", start_too_late),
]


@pytest.mark.parametrize(("name", "spoil"), BREACHES, ids=lambda value: getattr(value, "__name__", value))
def test_a_breach_is_found_and_named(name: str, spoil: Callable[[Case], None]):
    case = Case()
    spoil(case)
    found = case.audit()
    assert list(found.breaches) == [name]
    assert found.exit_code == 1


def test_a_run_in_which_no_fault_hit_work_shows_nothing_and_says_so():
    case = Case()
    case.journals.nemesis[1]["pids"] = [99]
    found = case.audit()
    assert (found.breaches, found.hits, found.exit_code) == ({}, 0, 3)


@pytest.mark.parametrize(("seconds", "late"), [(WORKER_S - 1, 0), (WORKER_S + 1, 1)])
def test_a_killed_workers_task_that_starts_again_too_late_is_a_breach_of_the_products_own_times_alone(
    seconds: float, late: int
):
    case = Case()
    case.journals.nemesis[1]["name"] = "kill-all"
    for line in case.journals.workers:
        line["at"] = 2.0 + seconds if line["fence"] == SECOND else line["at"]
    assert len(case.audit(real=True).late) == late
    assert case.audit(real=True).exit_code == late
    assert case.audit().late == []


def test_a_recovery_through_other_faults_is_measured_and_not_held_against_the_limit():
    case = Case()
    case.journals.nemesis[1]["name"] = "kill-all"
    case.journals.nemesis.append(
        {"event": "fault", "at": 3.0, "began": 3.0, "number": 1, "name": "redis-pause", "place": 0, "pids": None}
    )
    for line in case.journals.workers:
        line["at"] = 3.0 + WORKER_S if line["fence"] == SECOND else line["at"]
    found = case.audit(real=True)
    assert [(recovery.fault, recovery.alone) for recovery in found.recoveries] == [("kill-all", False)]
    assert found.late == []


def test_a_task_of_unknown_outcome_counts_once_it_shows_and_must_end_then():
    case = Case()
    case.journals.producers[1] |= {"event": "unknown", "id": "t1"}
    assert (case.audit().accepted, case.audit().unknown_accepted) == (3, 1)
    case.end("t1", status="not ended", result=None)
    assert list(case.audit().breaches) == ["lost"]
    case.journals.workers = [line for line in case.journals.workers if line["id"] != "t1"]
    case.end("t1", status="absent")
    assert (case.audit().breaches, case.audit().accepted) == ({}, 2)


def test_a_task_that_a_producer_cancelled_may_end_cancelled():
    case = Case()
    case.journals.producers.append({"event": "cancel", "at": 0.3, "key": "k1", "id": "t1"})
    case.end("t1", status="cancelled", result=None)
    assert (case.audit().breaches, case.audit().cancelled) == ({}, 1)
