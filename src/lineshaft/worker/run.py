"""One run of one task in this process, and the table of all of them. Nothing here asks Redis."""

import asyncio
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from lineshaft.model.task import TaskContext
from lineshaft.protocol.reply import Claim
from lineshaft.registry import TaskSpec

Key = tuple[str, bytes]


class Stop(StrEnum):
    """Why a run was told to stop. Whatever it returns after that, this decides how it ends."""

    CANCELLED = "cancelled"  # somebody cancelled the task
    TIMEOUT = "timeout"  # its time limit is over
    DRAIN = "drain"  # the worker stops; the task goes back uncounted
    LOST = "lost"  # the claim is no longer ours; nothing is sent


class Run:
    """One run: what was claimed, what runs it, and whether it was told to stop."""

    __slots__ = ("begun", "claim", "context", "deadline_s", "ended", "key", "spec", "started_ms", "started_s", "stop", "task")

    def __init__(self, claim: Claim, started_ms: int, started_s: float) -> None:
        self.claim = claim
        self.key: Key = (claim.task_id, claim.token)
        self.started_ms = started_ms
        self.started_s = started_s
        self.deadline_s = float("inf")
        self.spec: TaskSpec | None = None
        self.context: TaskContext | None = None
        self.task: asyncio.Task[Any] | None = None
        self.stop: Stop | None = None
        self.begun = False
        self.ended = False

    @property
    def tries(self) -> int:
        """Which try this is, counting from 1."""
        return self.claim.failed_tries + 1

    def ask_to_stop(self, reason: Stop) -> None:
        """Tell the run to stop, once; a loss overrules every other reason. A thread only sees it in its context."""
        if self.stop is Stop.LOST or (self.stop is not None and reason is not Stop.LOST):
            return
        self.stop = reason
        if self.context is not None:
            self.context.lost = reason is Stop.LOST
            self.context.cancelled = True
        if self.begun and self.task is not None and self.spec is not None and self.spec.is_async:
            self.task.cancel()  # one that has not begun would never see it; it looks at `stop` when it begins


class Table:
    """The runs of this process by (id, token). An entry stays until the end of the run is answered by Redis."""

    def __init__(self) -> None:
        self._runs: dict[Key, Run] = {}
        self._by_id: dict[str, Run] = {}
        self.running = 0

    def add(self, run: Run) -> Run | None:
        """Enter a run; gives an older one of the same task that has not ended, which must stop."""
        older = self._by_id.get(run.claim.task_id)
        self._runs[run.key] = run
        self._by_id[run.claim.task_id] = run
        self.running += 1
        return older if older is not None and not older.ended else None

    def end(self, run: Run) -> None:
        """Note that a run no longer takes a slot; its end is still to be answered."""
        if not run.ended:
            run.ended = True
            self.running -= 1

    def remove(self, key: Key) -> None:
        """Forget a run: its end was answered, or is not ours to send."""
        run = self._runs.pop(key, None)
        if run is not None and self._by_id.get(run.claim.task_id) is run:
            del self._by_id[run.claim.task_id]

    def get(self, task_id: str) -> Run | None:
        """The latest run of a task."""
        return self._by_id.get(task_id)

    def keys(self) -> set[Key]:
        """All (id, token) pairs there are now."""
        return set(self._runs)

    def find(self, key: Key) -> Run | None:
        """The run under exactly this token."""
        return self._runs.get(key)

    def __iter__(self) -> Iterator[Run]:
        return iter(list(self._runs.values()))

    def __len__(self) -> int:
        return len(self._runs)
