"""Runs claimed tasks: async functions on the loop, plain functions in threads. Decides how each ended; sends nothing."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lineshaft.app import App
from lineshaft.clock import monotonic_s
from lineshaft.model.task import Envelope, TaskContext
from lineshaft.protocol import wire
from lineshaft.protocol.reply import Claim
from lineshaft.registry import TaskSpec
from lineshaft.telemetry import logger
from lineshaft.worker.end import End, Ending
from lineshaft.worker.run import Run, Stop, Table

log = logger("executor")

UNDELIVERED_PER_SLOT, UNDELIVERED_AT_LEAST = 10, 1000


class Executor:
    """The runs of one worker.

    Args:
        app: whose tasks run.
        table: where the runs are entered; they are removed by whoever learns that their end was answered.
        concurrency: how many run at a time.
        ended: is given each end, on the loop.
        freed: is called when a slot became free.
    """

    def __init__(
        self, app: App, table: Table, concurrency: int, ended: Callable[[End], None], freed: Callable[[], None]
    ) -> None:
        self._app = app
        self._table = table
        self.concurrency = concurrency
        self._ended = ended
        self._freed = freed
        self._ending = Ending(app)
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="lineshaft-task")
        self._limit_timer: asyncio.TimerHandle | None = None
        self._limit_at_s = float("inf")
        self._default_limit_s = app.settings.timeout_s
        self._says = log.isEnabledFor(logging.INFO)
        self.state: Any = None

    @property
    def free_slots(self) -> int:
        """How many more tasks may run now; none while too many ends wait for Redis."""
        undelivered = len(self._table) - self._table.running
        if undelivered > UNDELIVERED_PER_SLOT * self.concurrency + UNDELIVERED_AT_LEAST:
            return 0
        return max(0, self.concurrency - self._table.running)

    def start(self, session: str, number: int, claims: Sequence[Claim]) -> None:
        """Start what was claimed; whatever cannot start ends at once."""
        loop = asyncio.get_running_loop()
        started_ms, started_s = number // 1000, monotonic_s()
        for claim in claims:
            run = Run(claim, started_ms, started_s)
            older = self._table.add(run)
            if older is not None:  # it was reaped and came back to us: the newer claim counts
                older.ask_to_stop(Stop.LOST)
            try:
                spec, arguments = self._prepare(claim)
            except Exception as error:  # noqa: BLE001 - decoding may run the user's own code
                self._settle(self._ending.refused(run, session, error))
                continue
            run.spec = spec
            self._limit(run, spec.timeout_s or self._default_limit_s)
            if spec.signature.wants_context:
                context = TaskContext(
                    claim.task_id, spec.name, claim.queue, run.tries, claim.crashes, number, session, self.state
                )
                run.context = context
                arguments[0].insert(0, context)
            run.task = loop.create_task(self._run(run, spec, session, arguments))

    def stop_task(self, task_id: str) -> None:
        """Stop a task that was cancelled, if it runs here."""
        run = self._table.get(task_id)
        if run is not None and not run.ended:
            log.info("task %s is asked to stop", task_id)
            run.ask_to_stop(Stop.CANCELLED)

    def stop_all(self, reason: Stop) -> None:
        """Ask every run to stop."""
        for run in self._table:
            if not run.ended:
                run.ask_to_stop(reason)

    async def wait_idle(self, limit_s: float) -> bool:
        """Wait until nothing runs, or until the time is over; says whether nothing runs."""
        tasks = [run.task for run in self._table if run.task is not None and not run.ended]
        if tasks:
            await asyncio.wait(tasks, timeout=limit_s)
        return self._table.running == 0

    def close(self) -> None:
        """Let go of the threads; those that still run are left to themselves."""
        if self._limit_timer is not None:
            self._limit_timer.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _prepare(self, claim: Claim) -> tuple[TaskSpec, tuple[list[Any], dict[str, Any]]]:
        if claim.envelope is None:  # a foreign program pushed a bare id
            return self._app.registry.get(self._app.default_task), ([], {})
        envelope: Envelope = wire.decode_envelope(claim.envelope)
        spec = self._app.registry.get(envelope.task)
        return spec, spec.signature.decode(bytes(envelope.args), bytes(envelope.kwargs))

    async def _run(self, run: Run, spec: TaskSpec, session: str, arguments: tuple[list[Any], dict[str, Any]]) -> None:
        run.begun = True
        if run.stop is not None:
            self._settle(self._ending.stopped(run, run.stop, session))
            return
        if self._says:
            log.info("task %s %s started (try %d)", run.claim.task_id, spec.name, run.tries)
        args, kwargs = arguments
        try:
            if spec.is_async:
                value = await spec.function(*args, **kwargs)
            else:
                value = await self._in_thread(spec, args, kwargs)
            end = self._ending.returned(run, session, value)
        except BaseException as error:  # noqa: BLE001 - also SystemExit and KeyboardInterrupt: a task never ends its worker
            end = self._ending.raised(run, session, error)
        self._settle(end)

    async def _in_thread(self, spec: TaskSpec, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Run a plain function; a thread cannot be stopped, so the slot and the claim are kept until it returns."""
        future = asyncio.get_running_loop().run_in_executor(self._threads, lambda: _call(spec, args, kwargs))
        return await future

    def _settle(self, end: End) -> None:
        self._table.end(end.run)
        if end.kind == "none":
            self._table.remove(end.run.key)
        else:
            self._ended(end)
        self._freed()

    def _limit(self, run: Run, limit_s: float) -> None:
        """One timer serves all: it is set for the earliest limit, which is nearly always one that is set already."""
        run.deadline_s = run.started_s + limit_s
        if run.deadline_s < self._limit_at_s:
            self._set_limit_timer(run.deadline_s)

    def _set_limit_timer(self, at_s: float) -> None:
        if self._limit_timer is not None:
            self._limit_timer.cancel()
        self._limit_at_s = at_s
        self._limit_timer = asyncio.get_running_loop().call_later(max(0.0, at_s - monotonic_s()), self._stop_overdue)

    def _stop_overdue(self) -> None:
        now_s, next_s = monotonic_s(), float("inf")
        for run in self._table:
            if run.ended or run.stop is not None:
                continue
            if run.deadline_s <= now_s:
                run.ask_to_stop(Stop.TIMEOUT)
            else:
                next_s = min(next_s, run.deadline_s)
        self._limit_timer, self._limit_at_s = None, float("inf")
        if next_s < float("inf"):
            self._set_limit_timer(next_s)


class _StopIterationInTaskError(RuntimeError):
    """A plain function raised StopIteration, which no future can carry."""


def _call(spec: TaskSpec, args: list[Any], kwargs: dict[str, Any]) -> Any:
    try:
        return spec.function(*args, **kwargs)
    except StopIteration as error:
        raise _StopIterationInTaskError(str(error)) from error
