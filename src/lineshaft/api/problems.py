"""Every way in which the API refuses, as RFC 9457 problems: one table of kinds, one from errors to kinds.

A problem never carries a traceback, a path or what Redis said: those are for the log.
"""

from dataclasses import dataclass, field
from typing import Any

from lineshaft.errors import (
    ArgumentError,
    ConfigurationError,
    DamagedRecordError,
    NoServerError,
    OutcomeUnknownError,
    ServerFullError,
    ServerUnavailableError,
    TaskConflictError,
    TaskEndedError,
    TaskNotFoundError,
    TaskNotRetriedError,
    UnknownTaskError,
    UnsupportedVersionError,
)

MEDIA_TYPE = "application/problem+json"
DETAIL_KEPT = 4_000  # characters; a detail may quote what the caller sent

Headers = tuple[tuple[bytes, bytes], ...]

CLOSE: Headers = ((b"connection", b"close"),)
RETRY_AFTER: Headers = ((b"retry-after", b"1"),)
AUTHENTICATE: Headers = ((b"www-authenticate", b'Bearer realm="lineshaft"'),)


@dataclass(frozen=True)
class Kind:
    """One kind of problem: `type` is its name as a URN, and `headers` go with each of them."""

    name: str
    status: int
    title: str
    headers: Headers = ()

    @property
    def type(self) -> str:
        """The URI that names the kind; it stays the same for ever and leads nowhere."""
        return f"urn:lineshaft:problem:{self.name}"


BAD_REQUEST = Kind("bad-request", 400, "The request is not proper HTTP", CLOSE)
BAD_JSON = Kind("bad-json", 400, "The body is not JSON")
BAD_KEY = Kind("bad-idempotency-key", 400, "The header Idempotency-Key cannot be used")
UNAUTHORIZED = Kind("unauthorized", 401, "A token is needed", AUTHENTICATE)
FOREIGN_HOST = Kind("foreign-host", 403, "This server does not go by that name")
FOREIGN_ORIGIN = Kind("foreign-origin", 403, "Pages of other sites may not use this API")
TASK_NOT_FOUND = Kind("task-not-found", 404, "There is no such task")
NOT_FOUND = Kind("not-found", 404, "There is nothing at this address")
METHOD_NOT_ALLOWED = Kind("method-not-allowed", 405, "This address does not take that method")
BODY_TOO_SLOW = Kind("body-too-slow", 408, "The body did not arrive in time", CLOSE)
TASK_CONFLICT = Kind("task-conflict", 409, "The id or key is taken by other content")
TASK_ENDED = Kind("task-ended", 409, "The task has ended")
TASK_NOT_RETRIED = Kind("task-not-retried", 409, "The task has not ended, or ran again meanwhile")
BODY_TOO_LARGE = Kind("body-too-large", 413, "The body is too large", CLOSE)
BATCH_TOO_LARGE = Kind("batch-too-large", 413, "The batch has too many items")
UNKNOWN_TASK = Kind("unknown-task", 422, "No task has that name")
WRONG_ARGUMENTS = Kind("wrong-arguments", 422, "The arguments do not fit the task")
WRONG_FIELD = Kind("wrong-field", 422, "A field of the body is wrong")
WRONG_PARAMETER = Kind("wrong-parameter", 422, "A parameter of the address is wrong")
HEAD_TOO_LARGE = Kind("head-too-large", 431, "The head of the request is too large", CLOSE)
INTERNAL = Kind("internal", 500, "Something went wrong here")
MISCONFIGURED = Kind("misconfigured", 500, "The server is not set up properly")
DAMAGED_RECORD = Kind("damaged-record", 500, "A record in Redis cannot be read")
REDIS_AWAY = Kind("redis-away", 503, "Redis cannot be reached", RETRY_AFTER)
REDIS_FULL = Kind("redis-full", 503, "Redis is full", RETRY_AFTER)
TOO_MANY_STREAMS = Kind("too-many-streams", 503, "Too many event streams are open", RETRY_AFTER)
OUTCOME_UNKNOWN = Kind("outcome-unknown", 503, "Whether the task was accepted is not known", RETRY_AFTER)

UNEXPECTED_DETAIL = "The server met an error that it does not know; its log says more."
LOOK_IN_LOG = "The server's log says what is wrong."
AWAY_DETAIL = "Redis cannot be reached now, and nothing was written. Try again."
SILENT_DETAIL = "Redis did not answer in time. Asking again is safe."

# An error -> its kind, and the detail in place of the error's own words. The first that fits counts.
ERRORS: tuple[tuple[type[Exception], Kind, str | None], ...] = (
    (ArgumentError, WRONG_ARGUMENTS, None),
    (UnknownTaskError, UNKNOWN_TASK, None),
    (
        TaskNotFoundError,
        TASK_NOT_FOUND,
        "There is no task under this id: it never was, or its record was trimmed after its time.",
    ),
    (TaskConflictError, TASK_CONFLICT, None),
    (TaskNotRetriedError, TASK_NOT_RETRIED, None),
    (TaskEndedError, TASK_ENDED, None),
    (OutcomeUnknownError, OUTCOME_UNKNOWN, "Redis did not answer in time. Look at the task before trying again."),
    (ServerFullError, REDIS_FULL, "Redis is at its memory limit and takes no new work; nothing was written."),
    (ServerUnavailableError, REDIS_AWAY, AWAY_DETAIL),
    (NoServerError, REDIS_AWAY, AWAY_DETAIL),
    (ConfigurationError, MISCONFIGURED, LOOK_IN_LOG),
    (DamagedRecordError, DAMAGED_RECORD, "What stands in Redis is not what Lineshaft writes; nothing was changed."),
    (UnsupportedVersionError, DAMAGED_RECORD, "A newer Lineshaft wrote the record: upgrade this server."),
    (RecursionError, BAD_JSON, "The JSON is nested too deeply."),
)


@dataclass(frozen=True)
class Problem:
    """One refusal; `members` stand in the body beside the four of the RFC."""

    kind: Kind
    detail: str
    members: dict[str, Any] = field(default_factory=dict[str, Any])
    headers: Headers = ()

    @property
    def all_headers(self) -> Headers:
        """The headers of its kind, and its own."""
        return self.kind.headers + self.headers

    def as_json(self) -> dict[str, Any]:
        """The members of the body."""
        kind = self.kind
        own = {"type": kind.type, "title": kind.title, "status": kind.status, "detail": self.detail[:DETAIL_KEPT]}
        return {**own, **self.members}


class Refused(Exception):
    """A request is refused with this problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def refused(kind: Kind, detail: str, **members: Any) -> Refused:
    """The exception to raise for a problem."""
    return Refused(Problem(kind, detail, members))


def problem_of(error: Exception) -> Problem:
    """The problem that an error leads to; what nobody foresaw is a 500 that says nothing of it."""
    if isinstance(error, Refused):
        return error.problem
    if isinstance(error, ServerUnavailableError) and error.sent:
        return Problem(REDIS_AWAY, SILENT_DETAIL)  # it may have done what it was asked: a cancel, for one
    for known, kind, detail in ERRORS:
        if isinstance(error, known):
            return Problem(kind, detail or str(error), _members(error))
    return Problem(INTERNAL, UNEXPECTED_DETAIL)


def _members(error: Exception) -> dict[str, Any]:
    if isinstance(error, ArgumentError) and error.argument is not None:
        return {"argument": error.argument[:DETAIL_KEPT]}
    if isinstance(error, TaskEndedError | TaskNotRetriedError):
        return {"task_status": error.status}
    return {}
