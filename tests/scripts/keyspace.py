"""The whole keyspace as a value: what stands in each key, what a call changed, and whether every task is where it should be."""

from typing import Any, NamedTuple

import redis

from key_schema import row_of, schema
from lineshaft.protocol.keys import ENDED_STATES, Keys


class Stored(NamedTuple):
    """What one key holds; `expires` says whether it has a TTL. None stands for a key that is not there."""

    kind: str
    value: Any
    expires: bool = False


Keyspace = dict[str, Stored]
Changes = dict[str, Stored | None]


def string(value: str | bytes, *, expires: bool = False) -> Stored:
    return Stored("string", value.decode() if isinstance(value, bytes) else value, expires)


def items(*values: str | bytes) -> Stored:
    """A list, leftmost first."""
    return Stored("list", [value.decode() if isinstance(value, bytes) else value for value in values])


def members(*values: str) -> Stored:
    return Stored("set", set(values))


def scores(**values: float) -> Stored:
    return Stored("zset", values)


def fields(values: dict[str, Any], *, expires: bool = False) -> Stored:
    return Stored(
        "hash",
        {name: value.decode() if isinstance(value, bytes) else str(value) for name, value in values.items()},
        expires,
    )


def snapshot(raw: redis.Redis) -> Keyspace:
    """Every key of the server."""
    names = sorted(raw.scan_iter(count=10_000))
    with raw.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.type(name).pttl(name)
        answers = pipe.execute()
        kinds, ttls = answers[::2], answers[1::2]
        for name, kind in zip(names, kinds, strict=True):
            READERS[kind](pipe, name)
        values = pipe.execute()
    return {
        name: Stored(kind, as_value(kind, value), ttl >= 0)
        for name, kind, value, ttl in zip(names, kinds, values, ttls, strict=True)
    }


READERS = {
    "string": lambda pipe, name: pipe.get(name),
    "list": lambda pipe, name: pipe.lrange(name, 0, -1),
    "hash": lambda pipe, name: pipe.hgetall(name),
    "set": lambda pipe, name: pipe.smembers(name),
    "zset": lambda pipe, name: pipe.zrange(name, 0, -1, withscores=True),
}


def as_value(kind: str, value: Any) -> Any:
    return dict(value) if kind == "zset" else value


def changes(before: Keyspace, after: Keyspace) -> Changes:
    """The keys that are not as they were, as they are now."""
    return {name: after.get(name) for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)}


def complaints(raw: redis.Redis, keys: Keys, foreign: tuple[str, ...] = ()) -> list[str]:
    """What is wrong with a shard (invariants 1, 2, 6 and 15), as sentences; none for a shard that is in order.

    `foreign` ids are another program's: what it took is its own to end. A key of another type than the schema gives it
    reads as empty.
    """
    found = {name.removeprefix(keys.prefix): stored for name, stored in snapshot(raw).items()}
    rows = schema()
    held = {name: stored.value for name, stored in found.items() if (row := row_of(name)) and rows[row].kind == stored.kind}
    sessions, suspects = held.get("lineshaft:sessions", {}), held.get("lineshaft:suspects", {})
    emptied = {session for session, mark in suspects.items() if mark in {"crashed", "closed"}}
    wrong = [f"suspect {session} is no session" for session in suspects if session not in sessions and session not in emptied]
    ready, due, owners = [], [], []
    for name, value in held.items():
        if row_of(name) in {"task_queue", "task_queue:<queue>"}:
            ready += value
        elif name.startswith("lineshaft:due:"):
            due += value
        elif name.startswith("lineshaft:owned:"):
            owners += value
            session = name.removeprefix("lineshaft:owned:")
            if session not in sessions and session not in emptied:
                wrong.append(f"session {session} is gone and still owns tasks")
    for task_id in (name[5:-7] for name in held if name.startswith("task:") and name.endswith(":status")):
        if task_id not in foreign:
            places = {"pending": ready, "scheduled": due, "in-progress": owners}
            wrong += complaints_about(task_id, held, places)
    return wrong


def complaints_about(task_id: str, held: dict[str, Any], places: dict[str, list[str]]) -> list[str]:
    word = held[f"task:{task_id}:status"]
    wrong = []
    if word in ENDED_STATES:
        if held.get(f"lineshaft:ended:{word}", []).count(task_id) != 1:
            wrong.append(f"{task_id} is {word} and not once in its list")
        if f"task:{task_id}:result" not in held:
            wrong.append(f"{task_id} is {word} and has no outcome")
        if any(task_id in held.get(f"lineshaft:{name}", ()) for name in ("tries", "crashes", "cancelling", "watched")):
            wrong.append(f"{task_id} is {word} and something beside it was not cleared")
    elif task_id not in places.get(word, ()):
        wrong.append(f"{task_id} is {word} and not where that is")
    if (word == "in-progress") != (task_id in places["in-progress"]):
        wrong.append(f"{task_id} is {word}, and owned {places['in-progress'].count(task_id)} times")
    if places["in-progress"].count(task_id) > 1:
        wrong.append(f"{task_id} is owned more than once")
    return wrong
