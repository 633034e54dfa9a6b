"""What the API and the command line show of tasks, queues and workers: the same shapes in both, as plain values.

Times are ISO 8601 in UTC, and None where something has not happened yet. Nothing here asks Redis.
"""

from typing import Any

import msgspec

from lineshaft.clock import iso
from lineshaft.inspection.counters import MINUTES, Statistics
from lineshaft.inspection.inspector import QueueCounts, TaskRecord, WorkerInfo
from lineshaft.inspection.pages import TaskSummary
from lineshaft.model.lifecycle import ENDED, Status
from lineshaft.model.outcome import Attempt, Outcome
from lineshaft.model.task import Envelope
from lineshaft.protocol.keys import DEFAULT_QUEUE

View = dict[str, Any]


def task_view(record: TaskRecord, default_task: str) -> View:
    """One task: `{taskID, task, queue, status, tries, crashes, enqueued_at, due_at, ...}`, as `GET /tasks/{id}` has it.

    What it is called with is left out: it may be secret.

    Args:
        record: what is kept of it.
        default_task: the name that a foreign task runs under, for it has no envelope that says one.
    """
    envelope: Envelope | None = record.envelope
    outcome: Outcome | None = record.outcome if record.status in ENDED else None
    return {
        "taskID": record.task_id,
        "task": envelope.task if envelope else default_task,
        "queue": envelope.queue if envelope else DEFAULT_QUEUE,
        "status": record.status,
        "tries": record.tries,
        "crashes": record.crashes,
        "enqueued_at": iso(envelope.enqueued_ms) if envelope else None,
        "due_at": iso(record.due_ms),
        "started_at": iso(record.started_ms),
        "session": record.session,
        "ended_at": iso(outcome.ended_ms) if outcome else None,
        "result": msgspec.json.decode(outcome.value) if outcome and record.status == Status.DONE else None,
        "error": msgspec.to_builtins(outcome.error) if outcome else None,
        "attempts": [attempt_view(attempt) for attempt in record.attempts],
    }


def attempt_view(attempt: Attempt) -> View:
    """One line of a task's history: `{kind, at, started_at, try_number, session, was, error}`.

    `kind` is `error`, `timeout`, `crash`, `unknown` or `retry`; `was` is the word before it was retried by hand.
    """
    return {
        "kind": attempt.kind,
        "at": iso(attempt.at_ms or None),
        "started_at": iso(attempt.started_ms),
        "try_number": attempt.try_number,
        "session": attempt.session,
        "was": attempt.was,
        "error": msgspec.to_builtins(attempt.error),
    }


def task_row(summary: TaskSummary, default_task: str) -> View:
    """One task in a list: `{taskID, task, queue, status, enqueued_at, due_at, started_at, ..., error}`; raises nothing.

    Args:
        summary: what a page has of it; what is damaged reads as not there.
        default_task: the name that a foreign task runs under.
    """
    envelope, outcome = summary.envelope, summary.outcome if summary.status in ENDED else None
    error = outcome.error if outcome else None
    return {
        "taskID": summary.task_id,
        "task": envelope.task if envelope else default_task,
        "queue": envelope.queue if envelope else DEFAULT_QUEUE,
        "status": summary.status,
        "enqueued_at": iso(envelope.enqueued_ms) if envelope else None,
        "due_at": iso(summary.due_ms),
        "started_at": iso(summary.started_ms),
        "session": summary.session,
        "ended_at": iso(outcome.ended_ms) if outcome else None,
        "error": {"type": error.type, "message": error.message} if error else None,
    }


def queue_view(counts: QueueCounts) -> View:
    """One queue: `{queue, ready, scheduled, in_progress, paused}`."""
    return {
        "queue": counts.queue,
        "ready": counts.ready,
        "scheduled": counts.scheduled,
        "in_progress": counts.in_progress,
        "paused": counts.paused,
    }


def statistics_view(statistics: Statistics) -> View:
    """All counts: `{states: {word: tasks}, queues, rates: {what: number a second}, minutes, counted, live_sessions}`.

    `counted` has for each of the minutes, the present one first, `{from, enqueued, claimed, done, ...}`.
    """
    return {
        "states": statistics.states,
        "queues": [queue_view(counts) for counts in statistics.queues],
        "rates": {name: round(rate, 3) for name, rate in statistics.rates.items()},
        "minutes": MINUTES,
        "counted": [{"from": iso(minute * 60_000), **counts} for minute, counts in statistics.counted.items()],
        "live_sessions": statistics.live_sessions,
    }


def worker_view(worker: WorkerInfo) -> View:
    """One worker: `{session, pid, host, queues, running, started_at, quiet}`; no queues means all of them."""
    return {
        "session": worker.session,
        "pid": worker.pid,
        "host": worker.host,
        "queues": worker.queues,
        "running": worker.running,
        "started_at": iso(worker.started_ms or None),
        "quiet": worker.quiet,
    }
