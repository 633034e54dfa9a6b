"""How a run ended, decided as a value; the finisher writes it. Pure but for the clock. Nothing is sent from here."""

import logging
from typing import Any, Literal

import msgspec

from lineshaft.app import App
from lineshaft.broker.broker import Return, Try, ms
from lineshaft.clock import monotonic_s
from lineshaft.errors import LineshaftError, UnknownTaskError, UnsupportedVersionError
from lineshaft.model.outcome import Attempt, Failure, failure_of
from lineshaft.model.retry import Retry
from lineshaft.protocol import wire
from lineshaft.telemetry import logger
from lineshaft.worker.run import Run, Stop

log = logger("executor")

NEVER_AGAIN = Retry(tries=1)
SAID_AT_MOST = 1000


class End(msgspec.Struct, frozen=True):
    """How one run ended: what to send under its token, or "none" where nothing is ours to send."""

    run: Run
    session: str
    kind: Literal["finish", "fail", "release", "none"]
    outcome: bytes = b""
    failed: Try | None = None
    returned: Return | None = None


class Ending:
    """Turns what happened to a run into its end.

    End times are the server's: the claim number is the server's time at the claim, and the monotonic clock adds what
    passed since, so a jump of this machine's clock is in no record.
    """

    def __init__(self, app: App) -> None:
        self._settings = app.settings
        self._registry = app.registry
        self._result_limit = app.settings.result_limit
        self._said: set[str] = set()
        self._says = log.isEnabledFor(logging.INFO)

    def returned(self, run: Run, session: str, value: Any) -> End:
        """The run returned."""
        if run.stop is not None:
            return self.stopped(run, run.stop, session)
        try:
            encoded = b"null" if value is None else wire.encode_value(value)
        except (TypeError, ValueError) as error:
            message = f"it ran, and returned what JSON cannot carry: {error}"
            return self._failed(run, session, Failure("ResultError", message), None, "error")
        if len(encoded) > self._result_limit:
            message = f"it ran, and its result is {len(encoded)} bytes; the limit is {self._result_limit}: store it elsewhere"
            return self._failed(run, session, Failure("ResultError", message), None, "error")
        ended_ms = _now_ms(run)
        outcome = wire.encode_done(ended_ms, run.started_ms, session, run.tries, run.claim.crashes, encoded)
        if self._says:
            log.info("task %s done in %d ms", run.claim.task_id, ended_ms - run.started_ms)
        return End(run, session, "finish", outcome)

    def raised(self, run: Run, session: str, error: BaseException) -> End:
        """The run raised."""
        if run.stop is not None:
            return self.stopped(run, run.stop, session)
        return self._failed(run, session, failure_of(error), _delay_s(run, error), "error")

    def stopped(self, run: Run, why: Stop, session: str) -> End:
        """The run was told to stop: that decides, whatever it returned or raised."""
        if why is Stop.LOST:
            log.warning("task %s: this run has lost its claim and changes nothing", run.claim.task_id)
            return End(run, session, "none")
        if why is Stop.DRAIN:
            log.info("task %s is handed back", run.claim.task_id)
            return End(run, session, "release", returned=Return(*run.key))
        if why is Stop.CANCELLED:
            return self._failed(run, session, Failure("Cancelled", "it was cancelled while it ran"), None, "cancelled")
        limit_s = (run.spec.timeout_s if run.spec else None) or self._settings.timeout_s
        error = TimeoutError(f"it ran longer than its limit of {limit_s:g} s")
        return self._failed(run, session, Failure("TimeoutError", str(error)), _delay_s(run, error), "timeout")

    def refused(self, run: Run, session: str, error: Exception) -> End:
        """The run could not start: its task is unknown here, or its record cannot be read."""
        plain = Failure(type(error).__name__, str(error))
        failure = plain if isinstance(error, LineshaftError) else failure_of(error)
        if isinstance(error, UnknownTaskError | UnsupportedVersionError):
            self._say_once(f"such tasks are put back for a while: {error}")
            settings = self._settings
            note = wire.encode_value(plain)
            back = Return(*run.key, ms(settings.unknown_delay_s), note, ms(settings.unknown_kept_s))
            log.info("task %s is put back", run.claim.task_id)
            return End(run, session, "release", failed=self._try(run, session, failure, None, "error"), returned=back)
        return self._failed(run, session, failure, None, "error")

    def _say_once(self, message: str) -> None:
        if message not in self._said and len(self._said) < SAID_AT_MOST:
            self._said.add(message)
            log.warning("%s", message)

    def _failed(self, run: Run, session: str, failure: Failure, delay_s: float | None, kind: str) -> End:
        happened = "cancelled" if kind == "cancelled" else "failed"
        if delay_s is not None:
            happened = f"failed try {run.tries} and is tried again in {delay_s:.1f} s"
        log.info("task %s %s: %s: %s", run.claim.task_id, happened, failure.type, failure.message)
        return End(run, session, "fail", failed=self._try(run, session, failure, delay_s, kind))

    def _try(self, run: Run, session: str, failure: Failure, delay_s: float | None, kind: str) -> Try:
        ended_ms = _now_ms(run)
        number = int(run.claim.token.partition(b":")[0])
        attempt = Attempt(
            v=1, kind=kind, at_ms=ended_ms, started_ms=run.started_ms, session=session, claim=number,
            try_number=run.tries, error=failure,
        )  # fmt: skip
        outcome = wire.encode_failed(ended_ms, run.started_ms, session, run.tries, run.claim.crashes, failure)
        delay_ms = None if delay_s is None else ms(delay_s)
        return Try(*run.key, wire.encode_attempt(attempt), delay_ms, outcome)


def _delay_s(run: Run, error: BaseException) -> float | None:
    """When the run is tried again, by its task's policy; None when it is not."""
    policy = run.spec.retry if run.spec is not None else NEVER_AGAIN
    try:
        return policy.delay_s(run.tries, error)
    except Exception as second:  # noqa: BLE001 - a user's backoff function may raise anything
        log.warning("task %s: its retry policy raised %r, so it is not tried again", run.claim.task_id, second)
        return None


def _now_ms(run: Run) -> int:
    return run.started_ms + round((monotonic_s() - run.started_s) * 1000)
