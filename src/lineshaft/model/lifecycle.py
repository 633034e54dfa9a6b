"""The life of a task: its states, who moves it from one to the next, and what always holds.

`docs/internals/lifecycle.md` is made from this file. Tests cite the invariants by number.
Nothing here moves a task: the scripts do.
"""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """The status words, as they stand in Redis."""

    SCHEDULED = "scheduled"
    WAITING = "waiting"
    PENDING = "pending"
    IN_PROGRESS = "in-progress"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


ENDED = frozenset({Status.DONE, Status.FAILED, Status.CANCELLED, Status.EXPIRED})

MEANING = {
    Status.SCHEDULED: "not due yet: delayed, or waiting for its next try",
    Status.WAITING: "held back by other tasks, an event or a limit",
    Status.PENDING: "ready: in the list of its queue",
    Status.IN_PROGRESS: "claimed by a session and not ended",
    Status.DONE: "ended with a result; always success",
    Status.FAILED: "out of tries, or set aside after too many crashes",
    Status.CANCELLED: "cancelled before it ended by itself",
    Status.EXPIRED: "not started within its time",
}


@dataclass(frozen=True)
class Transition:
    """One way from a state to another, and the script that takes it. `None` as a source: the task did not exist."""

    source: Status | None
    target: Status
    script: str
    when: str


TRANSITIONS = (
    Transition(None, Status.PENDING, "enqueue", "accepted"),
    Transition(None, Status.SCHEDULED, "enqueue", "accepted with a delay"),
    Transition(Status.SCHEDULED, Status.PENDING, "promote", "it is due"),
    Transition(Status.PENDING, Status.IN_PROGRESS, "claim", "a session with a lease has a free slot"),
    Transition(Status.IN_PROGRESS, Status.DONE, "finish", "its run returned"),
    Transition(Status.IN_PROGRESS, Status.SCHEDULED, "fail", "its run raised and tries are left"),
    Transition(Status.IN_PROGRESS, Status.FAILED, "fail", "its run raised and it is out of tries"),
    Transition(Status.IN_PROGRESS, Status.CANCELLED, "fail", "its run stopped as it was asked to"),
    Transition(Status.IN_PROGRESS, Status.PENDING, "release", "its worker stops, or it was never to run there"),
    Transition(Status.IN_PROGRESS, Status.SCHEDULED, "release", "its worker does not know the task's name"),
    Transition(Status.IN_PROGRESS, Status.CANCELLED, "release", "it was asked to stop"),
    Transition(Status.IN_PROGRESS, Status.PENDING, "close", "its session ended cleanly"),
    Transition(Status.IN_PROGRESS, Status.CANCELLED, "close", "its session ended cleanly and it was asked to stop"),
    Transition(Status.IN_PROGRESS, Status.PENDING, "reap", "its session died; a crash is counted"),
    Transition(Status.IN_PROGRESS, Status.FAILED, "reap", "its session died, once too often"),
    Transition(Status.IN_PROGRESS, Status.CANCELLED, "reap", "its session died and it was asked to stop"),
    Transition(Status.PENDING, Status.CANCELLED, "cancel", "cancelled before it started"),
    Transition(Status.SCHEDULED, Status.CANCELLED, "cancel", "cancelled before it was due"),
    Transition(Status.WAITING, Status.CANCELLED, "cancel", "cancelled while it was held back"),
    Transition(Status.SCHEDULED, Status.CANCELLED, "promote", "it is due, but was asked to stop"),
    Transition(Status.DONE, Status.PENDING, "retry", "run again by hand"),
    Transition(Status.FAILED, Status.PENDING, "retry", "run again by hand"),
    Transition(Status.CANCELLED, Status.PENDING, "retry", "run again by hand"),
    Transition(Status.EXPIRED, Status.PENDING, "retry", "run again by hand"),
)

# Scripts that move no task from one word to another.
OTHER_SCRIPTS = {
    "open": "begins a session",
    "renew": "lengthens leases",
    "watch": "asks how tasks ended",
    "pause": "keeps a queue from being claimed from",
    "resume": "lets it be claimed from again",
    "order": "tells a worker to be quiet or to stop",
}

INVARIANTS = {
    1: "An accepted task is in exactly one place: a ready list, a due set, a session's owned hash, or an ended list; "
    "or a foreign consumer took it, and owns its fate. (An entry left behind by a cancel is passed over, not a place.)",
    2: "A task is in progress for us if and only if exactly one session owns it.",
    3: "A run changes the record only with the token of the claim it runs under, and each token is accepted once.",
    4: "Claim numbers only grow on one history of the server.",
    5: "Only an id whose word is exactly `pending` is claimed, and once per entry and call.",
    6: "A session that has gone never comes back, and owns nothing once it has left suspects.",
    7: "A session is reaped only when two looks, apart by the gap and both after the end of its lease, found it over, "
    "or when its process was seen to die.",
    8: "Handing back, closing and cancelling count neither a try nor a crash; a death counts a crash and no try.",
    9: "A task that was asked to stop is never put back.",
    10: "Repeating a call whose reply was lost changes nothing and answers the same.",
    11: "The same id with the same content is one task; with other content it is refused, and nothing of it is written.",
    12: "Every script looks before it writes: an error before the first write leaves the shard as it was.",
    13: "Live work is never trimmed. What has ended is kept within its bounds, and at least 10 s.",
    14: "A session without a lease claims nothing; a queue that is paused gives nothing.",
    15: "Every end clears the task's tries, crashes and mark, and tells every watcher.",
}
