"""Scripts do not undo what they wrote: so whatever can raise comes before the first write. Invariant 12, for every command."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from key_schema import row_of, schema
from lineshaft.broker.broker import NewTask, Return, Try
from lineshaft.errors import DamagedRecordError
from scripts.keyspace import Keyspace, complaints, snapshot
from scripts.mill import CALLS, FAILED, evidence, fill
from scripts.shard import Shard, envelope_of
from servers import RunningServer

from .scripted import commands_of, is_write, raising_at

# Beside one call of each script: the ways through them that those do not take.
MORE_CALLS: dict[str, Callable[[Shard], Any]] = {
    "enqueue later": lambda shard: shard.broker.enqueue([NewTask("new1", "mail", envelope_of("new1"), 5, keep_digest=True)]),
    "claim of nothing": lambda shard: shard.broker.claim("s", 0, ["default", "mail"], look_around=True),
    "finish again": lambda shard: shard.broker.finish("s", [("done1", b"7:default", b"{}")]),
    "fail for good": lambda shard: shard.broker.fail("s", [Try("run2", b"7:default", evidence(), None, FAILED)]),
    "release later": lambda shard: shard.broker.release("s", [Return("run2", b"7:default", 4000)]),
    "cancel what is due later": lambda shard: shard.broker.cancel("later1"),
    "retry of what was done": lambda shard: shard.broker.retry("done1", "mail", 0),
    "watch what has ended": lambda shard: shard.broker.watch(shard.keys.watch_channel("y"), ["done1", "failed1", "nobody"]),
}
EVERY_CALL = CALLS | MORE_CALLS
VALUES = {
    "string": lambda raw, key: raw.set(key, "wrong"),
    "list": lambda raw, key: raw.rpush(key, "wrong"),
    "set": lambda raw, key: raw.sadd(key, "wrong"),
    "hash": lambda raw, key: raw.hset(key, "wrong", "1"),
    "zset": lambda raw, key: raw.zadd(key, {"wrong": 1}),
}
PLACES = {"task_queue", "task_queue:<queue>", "lineshaft:due:<queue>", "lineshaft:owned:<s>", "lineshaft:ended:<state>"}
HISTORY = ("not once in its list", "something beside it was not cleared")


@pytest.fixture
def dump(server: RunningServer, shard: Shard) -> Iterator[Callable[[], dict[bytes, bytes]]]:
    """Every key, byte for byte."""
    with redis.Redis.from_url(server.url) as client:

        def dumped() -> dict[bytes, bytes]:
            names = sorted(client.keys())
            with client.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.dump(name)
                return dict(zip(names, pipe.execute(), strict=True))

        yield dumped


def prepare(shard: Shard, call: str) -> None:
    shard.raw.flushall()
    fill(shard, call)


@pytest.mark.parametrize("call", EVERY_CALL)
def test_an_error_before_the_first_write_leaves_every_byte_as_it_was(shard: Shard, dump: Callable, call: str):
    """Whatever the k-th command of a script is, and for each k."""
    position, first_write = 0, None
    while first_write is None:
        prepare(shard, call)
        before, position = dump(), position + 1
        sent = raising_at(position, lambda: EVERY_CALL[call](shard))
        if sent is None:
            break
        if not any(is_write(command) for command in sent):
            assert dump() == before, f"something was written before command {position}"
        else:
            first_write = position - 1

    assert position > 1, "no command was sent"


def keys_touched(shard: Shard, call: str) -> list[str]:
    """The keys that the commands of a call name."""
    prepare(shard, call)
    sent = commands_of(lambda: EVERY_CALL[call](shard))
    found = {key for command in sent for key in keys_of(shard.raw, command)}
    return sorted(key for key in found if not key.startswith(shard.keys.stats(0)[:-1]))


def keys_of(raw: redis.Redis, command: list[Any]) -> list[str]:
    if command[0] in {"PUBLISH", "TIME"}:
        return []
    return raw.execute_command("COMMAND GETKEYS", *command)


@pytest.mark.parametrize("call", EVERY_CALL)
def test_no_write_can_raise_after_the_first(shard: Shard, call: str):
    """With each key that a call touches, given each type that it should not have: all of the call, or nothing of it."""
    for key in keys_touched(shard, call):
        for kind, put in VALUES.items():
            prepare(shard, call)
            if kind == schema()[row_of(key)].kind:
                continue
            shard.raw.delete(key)
            put(shard.raw, key)
            check_call_beside_damage(shard, call, f"{key} is a {kind}")


def check_call_beside_damage(shard: Shard, call: str, what: str) -> None:
    before, wrong_before = snapshot(shard.raw), complaints(shard.raw, shard.keys)
    is_refused = refuses(shard, call)
    after = snapshot(shard.raw)
    if is_refused:
        assert after == before, f"{what}, and the call raised after it had written"
        return
    wrong = [text for text in complaints(shard.raw, shard.keys) if text not in wrong_before]
    assert [text for text in wrong if not text.endswith(HISTORY)] == [], what
    assert without_word(after) - without_word(before) == set(), what


def refuses(shard: Shard, call: str) -> bool:
    try:
        EVERY_CALL[call](shard)
    except DamagedRecordError:
        return True
    return False


def without_word(found: Keyspace) -> set[tuple[str, str]]:
    """(place, id) of what stands somewhere and has no status word at all."""
    return {
        (name, task_id)
        for name, stored in found.items()
        if row_of(name) in PLACES and stored.kind in {"list", "hash", "zset"}
        for task_id in stored.value
        if f"task:{task_id}:status" not in found
    }
