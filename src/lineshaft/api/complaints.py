"""What the API says in the log when it cannot answer as it should: enough to find out why, and not once per request."""

from lineshaft.api.problems import INTERNAL, Problem
from lineshaft.clock import monotonic_s
from lineshaft.telemetry import logger

log = logger("api")

QUIET_S = 10.0


class Complaints:
    """Says each kind of trouble at most once in QUIET_S; an error that nobody foresaw is always said, with its traceback."""

    def __init__(self) -> None:
        self._said_s: dict[str, float] = {}

    def say(self, error: Exception, problem: Problem) -> None:
        """Log an error where it is the server's and not the caller's."""
        kind = problem.kind
        if kind is INTERNAL:
            log.error("answered %d", kind.status, exc_info=error)
            return
        if kind.status < 500:  # the caller's
            return
        now_s = monotonic_s()
        if now_s - self._said_s.get(kind.name, -QUIET_S) >= QUIET_S:
            self._said_s[kind.name] = now_s
            log.warning("answered %d (%s): %s", kind.status, kind.name, error)
