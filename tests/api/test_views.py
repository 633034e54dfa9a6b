"""The shapes that the API and the command line share."""

import pytest

from lineshaft.inspection.inspector import QueueCounts, TaskRecord, WorkerInfo
from lineshaft.protocol import wire
from lineshaft.views import queue_view, task_view, worker_view

ENVELOPE = wire.decode_envelope(wire.encode_envelope("resize", "slow", b"[]", b"{}", 1_700_000_000_123, 0))
DONE = wire.decode_outcome(wire.encode_done(1_700_000_002_000, 1_700_000_001_000, "s", 2, 1, b'{"a":[1]}'))


def record(**changes: object) -> TaskRecord:
    fields = {
        "task_id": "some",
        "status": "done",
        "envelope": ENVELOPE,
        "outcome": DONE,
        "attempts": [],
        "tries": 2,
        "crashes": 1,
        "started_ms": 1_700_000_001_000,
        "session": "s",
    }
    return TaskRecord(**{**fields, **changes})


def test_a_task() -> None:
    assert task_view(record(), "ping") == {
        "taskID": "some",
        "task": "resize",
        "queue": "slow",
        "status": "done",
        "tries": 2,
        "crashes": 1,
        "enqueued_at": "2023-11-14T22:13:20.123Z",
        "due_at": None,
        "started_at": "2023-11-14T22:13:21.000Z",
        "session": "s",
        "ended_at": "2023-11-14T22:13:22.000Z",
        "result": {"a": [1]},
        "error": None,
        "attempts": [],
    }


def test_the_attempts_of_a_task() -> None:
    error = b'{"type":"ValueError","message":"no","traceback":"Traceback"}'
    kept = [
        b'{"v":1,"kind":"crash","at_ms":1700000000500,"session":"s","claim":1}',
        b'{"v":1,"kind":"error","at_ms":1700000001000,"started_ms":1700000000900,"try_number":1,"error":%b}' % error,
        b'{"v":1,"kind":"retry","at_ms":1700000002000,"was":"failed"}',
    ]
    view = task_view(record(attempts=[wire.decode_attempt(data) for data in kept]), "ping")
    nothing = {"at": None, "started_at": None, "try_number": None, "session": None, "was": None, "error": None}
    assert view["attempts"] == [
        nothing | {"kind": "crash", "at": "2023-11-14T22:13:20.500Z", "session": "s"},
        nothing
        | {"kind": "error", "at": "2023-11-14T22:13:21.000Z", "started_at": "2023-11-14T22:13:20.900Z", "try_number": 1}
        | {"error": {"type": "ValueError", "message": "no", "traceback": "Traceback"}},
        nothing | {"kind": "retry", "at": "2023-11-14T22:13:22.000Z", "was": "failed"},
    ]


def test_a_foreign_task_has_the_default_tasks_name() -> None:
    view = task_view(record(envelope=None, outcome=None, status="pending", started_ms=None), "ping")
    assert (view["task"], view["queue"], view["enqueued_at"], view["started_at"]) == ("ping", "default", None, None)


def test_a_task_that_is_due_later() -> None:
    view = task_view(record(status="scheduled", outcome=None, started_ms=None, due_ms=1_700_000_003_500), "ping")
    assert list(view)[6:8] == ["enqueued_at", "due_at"]
    assert (view["due_at"], view["started_at"]) == ("2023-11-14T22:13:23.500Z", None)


@pytest.mark.parametrize("status", ["pending", "in-progress", "scheduled"])
def test_the_end_of_an_earlier_run_is_not_shown(status: str) -> None:
    view = task_view(record(status=status), "ping")
    assert (view["ended_at"], view["result"], view["error"]) == (None, None, None)


def test_a_queue() -> None:
    counts = QueueCounts("slow", 1, 2, 3, paused=True)
    assert queue_view(counts) == {"queue": "slow", "ready": 1, "scheduled": 2, "in_progress": 3, "paused": True}


def test_a_worker() -> None:
    worker = WorkerInfo("s", 12, "mill", ["slow"], 3, 1_700_000_000_000, quiet=True)
    assert worker_view(worker) == {
        "session": "s",
        "pid": 12,
        "host": "mill",
        "queues": ["slow"],
        "running": 3,
        "started_at": "2023-11-14T22:13:20.000Z",
        "quiet": True,
    }


def test_a_worker_of_whom_nothing_is_known_has_not_started_in_1970() -> None:
    assert worker_view(WorkerInfo("s", 0, "", [], 0, 0))["started_at"] is None
