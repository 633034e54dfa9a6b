"""What a task is on its way: its envelope, and what a running task is told about itself."""

from typing import Any

import msgspec


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What to run, written once at enqueue and never changed.

    `args` and `kwargs` stay encoded until the task's own types are known. Times are in ms: `enqueued_ms` since the epoch by
    the clock of whoever enqueued it, `delay_ms` from then on.
    """

    v: int
    digest: str
    task: str
    queue: str
    args: msgspec.Raw
    kwargs: msgspec.Raw
    enqueued_ms: int
    delay_ms: int = 0


class TaskContext:
    """What a running task may know about its run; declare a first parameter of this type to get it.

    Attributes:
        id: the task's id.
        task: the name it is registered under.
        queue: the queue it was claimed from.
        tries: which run this is, counting from 1; crashes are not in it.
        crashes: how often a worker died while running it.
        fence: the claim number; it only ever grows from one run of a task to the next, so that a database can refuse
            what an older run still sends.
        session: the worker's session.
        state: what the app's `lifespan` yielded, for connections that tasks share.
        lost: True once this run no longer owns its claim: whatever it still does, its result is refused.
        cancelled: True once this run should stop: somebody cancelled it, its time limit is over, the worker is stopping
            or the claim is lost. A plain function in a thread cannot be stopped from outside and should look now and then.
    """

    __slots__ = ("cancelled", "crashes", "fence", "id", "lost", "queue", "session", "state", "task", "tries")

    def __init__(
        self, task_id: str, task: str, queue: str, tries: int, crashes: int, fence: int, session: str, state: Any
    ) -> None:
        self.id = task_id
        self.task = task
        self.queue = queue
        self.tries = tries
        self.crashes = crashes
        self.fence = fence
        self.session = session
        self.state = state
        self.lost = False
        self.cancelled = False

    @property
    def idempotency_key(self) -> str:
        """The same for every run of this task, and of no other: give it to services that take such a key."""
        return f"lineshaft-{self.id}"
