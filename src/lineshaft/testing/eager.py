"""Eager mode: to enqueue a task is to run it, here and now, without a server.

What a task gets and gives still travels as JSON, and is checked as a worker checks it; retries come without their delays.
"""

import asyncio
from collections.abc import Generator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from lineshaft.app import App
from lineshaft.broker.broker import NewTask
from lineshaft.broker.connection import Connection
from lineshaft.client import Client
from lineshaft.clock import wall_ms
from lineshaft.errors import NoServerError
from lineshaft.inspection.inspector import Inspector
from lineshaft.protocol import wire
from lineshaft.protocol.reply import Claim, Ended
from lineshaft.testing.calls import EnqueuedCall, call_of
from lineshaft.testing.clients import Note
from lineshaft.worker.end import End
from lineshaft.worker.executor import Executor
from lineshaft.worker.run import Table

SESSION = "eager"
RUNS_AT_MOST = 100  # of one task


class Ends:
    """The tasks that ran so far: id -> its digest, and how it ended."""

    def __init__(self) -> None:
        self.digests: dict[str, bytes] = {}
        self.ended: dict[str, Ended] = {}


class EagerInspector(Inspector):
    """Reads what eager mode keeps; for anything else there would have to be a server."""

    def __init__(self, app: App, ends: Ends) -> None:
        super().__init__(Connection(no_server, name="lineshaft-eager", timeout_s=1.0), app.keys)
        self._ends = ends

    async def status(self, task_id: str) -> str | None:
        """As `Inspector.status`; a task that runs just now is in progress."""
        if task_id not in self._ends.digests:
            return None
        ended = self._ends.ended.get(task_id)
        return "in-progress" if ended is None else ended.status

    async def statuses(self, task_ids: list[str]) -> list[str | None]:
        """As `Inspector.statuses`."""
        return [await self.status(task_id) for task_id in task_ids]


class EagerClient(Client):
    """A client that runs what it is given."""

    def __init__(self, app: App, ends: Ends, note: Note) -> None:
        super().__init__(no_server, app.keys, app.settings)
        self._app = app
        self._ends = ends
        self._note = note
        self.inspector = EagerInspector(app, ends)

    async def enqueue(self, task: NewTask) -> str:
        """Run a task to its end, with all its tries: "created"; or "same" or "conflict" for an id that is known."""
        digest = task.envelope[wire.DIGEST_SLICE]
        known = self._ends.digests.get(task.task_id)
        if known is not None:
            return "same" if known == digest else "conflict"
        self._ends.digests[task.task_id] = digest
        self._note(task)
        self._ends.ended[task.task_id] = await run_to_its_end(self._app, task)
        return "created"

    async def enqueue_many(self, tasks: Sequence[NewTask]) -> list[str]:
        """As `enqueue`, one after the other."""
        return [await self.enqueue(task) for task in tasks]

    async def wait(self, task_id: str, timeout_s: float | None) -> Ended | None:  # noqa: ARG002 - nothing is waited for
        """How the task ended; None where there is none."""
        return self._ends.ended.get(task_id)

    async def cancel(self, task_id: str) -> str:
        """The word the task has ended with, or "unknown"."""
        return await self.inspector.status(task_id) or "unknown"


@contextmanager
def eager(app: App, note: Note | None = None) -> Generator[list[EnqueuedCall]]:
    """Within the block, run the app's tasks where they are enqueued; gives the list of calls, which grows.

    Arguments are checked and travel as JSON, results too. A task that fails is tried again at once, as often as its policy
    says; when it has failed for good, `result` raises, not `enqueue`. Delays are not waited for. It needs no server.

    Args:
        app: whose tasks.
        note: is told of each task too.
    """
    ends = Ends()
    calls: list[EnqueuedCall] = []

    def noted(task: NewTask) -> None:
        calls.append(call_of(task, app.registry))
        if note is not None:
            note(task)

    app.load_imports()
    with app.standing_in(lambda: EagerClient(app, ends, noted)):
        yield calls


async def run_to_its_end(app: App, task: NewTask) -> Ended:
    """Run a task until it is done, or out of tries."""
    async with app.lifespan(app) if app.lifespan else nullcontext() as state:
        for failed_tries in range(RUNS_AT_MOST):
            number = wall_ms() * 1000
            token = f"{number}:{task.queue}".encode()
            end = await run_once(app, Claim(task.task_id, token, task.envelope, failed_tries, 0), number, state)
            if end.kind == "finish":
                return Ended("done", end.outcome)
            if end.failed is not None and (end.failed.delay_ms is None or failed_tries + 1 == RUNS_AT_MOST):
                return Ended("failed", end.failed.outcome)
    raise AssertionError("the last try ends the task")


async def run_once(app: App, claim: Claim, number: int, state: Any) -> End:
    """One run, by a worker's executor."""
    ended: asyncio.Future[End] = asyncio.get_running_loop().create_future()
    executor = Executor(app, Table(), 1, ended.set_result, lambda: None)
    executor.state = state
    try:
        executor.start(SESSION, number, [claim])
        return await ended
    finally:
        executor.close()


def no_server() -> str:
    """The address of the server in eager mode.

    Raises:
        NoServerError: always.
    """
    raise NoServerError("eager mode has no server: it can enqueue tasks and give their status and results, and nothing else")
