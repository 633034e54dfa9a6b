"""What the scripts answer, as named values. The only place that knows the order of a reply's parts."""

from dataclasses import dataclass
from typing import Any, Literal, cast

import msgspec


class Claim(msgspec.Struct, frozen=True, gc=False):
    """One claimed task: its id, the token it is held under, its envelope (None for a foreign one), failed tries, crashes."""

    task_id: str
    token: bytes
    envelope: bytes | None
    failed_tries: int
    crashes: int

    @property
    def queue(self) -> str:
        """The queue it was taken from."""
        return self.token.partition(b":")[2].decode()


@dataclass(frozen=True)
class Around:
    """What a claim saw when it also looked around.

    Attributes:
        next_due_ms: in how many ms the next task becomes due; None when none is.
        sessions_to_look_at: whether a session is over its lease, or is being emptied.
        queues_known: how many queues there are.
    """

    next_due_ms: int | None
    sessions_to_look_at: bool
    queues_known: int


@dataclass(frozen=True)
class Claimed:
    """The answer to a claim; `more` when ready tasks were left behind."""

    number: int
    more: bool
    claims: list[Claim]
    around: Around | None


def _count(number: bytes | None) -> int:
    """A count that a hash holds; a damaged one reads as none."""
    return int(number) if number is not None and number.isdigit() else 0


def _optional(number: int | bytes) -> int | None:
    return None if isinstance(number, bytes) else number


Refusal = Literal["lost", "expired"]


def claimed(reply: Any) -> Claimed | Refusal:
    """Read the answer of `claim`."""
    if isinstance(reply, bytes):
        return cast("Refusal", reply.decode())
    number, more, ids, envelopes, tokens, tries, crashes, around = reply
    if tries or crashes:
        counts = zip(tries or [None] * len(ids), crashes or [None] * len(ids), strict=True)
        claims = [
            Claim(task_id.decode(), token, envelope, _count(tried), _count(crashed))
            for task_id, token, envelope, (tried, crashed) in zip(ids, tokens, envelopes, counts, strict=True)
        ]
    else:
        claims = [Claim(i.decode(), token, envelope, 0, 0) for i, token, envelope in zip(ids, tokens, envelopes, strict=True)]
    seen = Around(_optional(around[0]), bool(around[1]), int(around[2])) if around else None
    return Claimed(int(number), bool(more), claims, seen)


def word(reply: bytes) -> str:
    """Read an answer that is one word."""
    return reply.decode()


def words(reply: Any, amount: int) -> list[str]:
    """Read an answer that is one word for all, or one for each."""
    if isinstance(reply, bytes):
        return [reply.decode()] * amount
    return [word.decode() for word in reply]


@dataclass(frozen=True)
class Ended:
    """How a watched task ended: its word, and its outcome where one is stored."""

    status: str
    outcome: bytes | None


Watching = Literal["gone", "watching"]


def watched(reply: list[bytes | list[bytes]]) -> list[Ended | Watching]:
    """Read the answers of `watch`."""
    return [_ended(answer) if isinstance(answer, list) else cast("Watching", answer.decode()) for answer in reply]


def _ended(answer: list[bytes]) -> Ended:
    return Ended(answer[0].decode(), answer[1] or None)


def ended_message(message: bytes) -> tuple[str, Ended]:
    """Read a message to a watcher: `<id> <word> <outcome or nothing>`."""
    task_id, word, outcome = message.split(b" ", 2)
    return task_id.decode(), Ended(word.decode(), outcome or None)


@dataclass(frozen=True)
class Emptied:
    """The answer to a reap or a close: whose claims were freed, how many, and whether to call again at once."""

    session: str | None
    freed: int
    more: bool


def reaped(reply: list[Any]) -> Emptied:
    """Read the answer of `reap`."""
    answer, session, freed, more = reply
    return Emptied(session.decode() if answer == b"reaped" else None, freed, bool(more))


def closed(reply: list[Any]) -> Emptied:
    """Read the answer of `close`."""
    answer, freed = reply
    return Emptied(None, freed, answer == b"more")


@dataclass(frozen=True)
class Promoted:
    """The answer to a promote: how many are ready now, in how many ms the next is due, whether to go on at once."""

    ready: int
    next_due_ms: int | None
    more: bool


def promoted(reply: list[Any]) -> Promoted:
    """Read the answer of `promote`."""
    ready, next_due, more = reply
    return Promoted(ready, _optional(next_due), bool(more))


@dataclass(frozen=True)
class Renewed:
    """What a session hears when its lease is renewed.

    Attributes:
        to_stop: the ids of its tasks that were asked to stop.
        order: what its worker was told to do: "quiet", "stop", or "" for nothing.
    """

    to_stop: list[str]
    order: str = ""


def renewed(reply: list[Any]) -> list[Renewed | None]:
    """Read the answers of `renew`: one for each session, None for one that has gone."""
    return [None if answer == b"lost" else _renewed(*answer) for answer in reply]


def _renewed(order: bytes, *to_stop: bytes) -> Renewed:
    return Renewed([task_id.decode() for task_id in to_stop], order.decode())
