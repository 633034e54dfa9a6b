"""No script touches a key outside its shard, and what its header says it touches is what it touches."""

import ast
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis
from docs.headers import header_of

from lineshaft.model.lifecycle import TRANSITIONS
from servers import RunningServer

from .keyspace import Keyspace, complaints, row_of, schema, snapshot
from .mill import CALLS, fill
from .shard import Shard

PREFIX = "{s0}:"


class Monitored:
    """The commands that the server saw, those from inside scripts included."""

    def __init__(self, raw: redis.Redis) -> None:
        self._raw = raw
        self.commands: list[list[bytes]] = []

    def touched(self) -> set[str]:
        return {key for command in self.commands for key in self._keys_of(command)}

    def channels(self) -> set[str]:
        return {command[1].decode() for command in self.commands if command[0].upper() == b"PUBLISH"}

    def _keys_of(self, command: list[bytes]) -> list[str]:
        if command[0].upper() in {b"PUBLISH", b"TIME", b"HELLO", b"CLIENT"}:
            return []
        return self._raw.command_getkeys(*command)


@contextmanager
def monitored(server: RunningServer, raw: redis.Redis) -> Iterator[Monitored]:
    """Watch the server while the block runs. A line of MONITOR is `+<time> [<db> <client>] "<part>" "<part>"...`."""
    seen = Monitored(raw)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as link, link.makefile("rb") as lines:
        link.sendall(b"MONITOR\r\n")
        assert lines.readline() == b"+OK\r\n"
        yield seen
        raw.echo("end of the block")
        for line in lines:
            parts = [literal(part) for part in re.findall(rb'"(?:\\.|[^"\\])*"', line)]
            if parts == [b"ECHO", b"end of the block"]:
                return
            seen.commands.append(parts)


def literal(part: bytes) -> bytes:
    return ast.literal_eval("b" + part.decode())


@pytest.fixture
def tagged(make_shard, call: str) -> Shard:
    shard = make_shard("{s0}")
    fill(shard, call)
    return shard


def test_the_shard_under_test_has_something_in_every_row_of_the_schema(shard: Shard):
    fill(shard)

    assert {row_of(name) for name in snapshot(shard.raw)} == set(schema())


@pytest.mark.parametrize("call", CALLS)
def test_every_key_and_channel_that_a_script_touches_is_of_its_shard(
    server: RunningServer, raw: redis.Redis, tagged: Shard, call: str
):
    tagged.broker.renew({})  # so that the connection is made before
    with monitored(server, raw) as seen:
        CALLS[call](tagged)

    assert len(seen.commands) > 2, "MONITOR shows no commands from inside scripts"
    assert {name for name in seen.touched() | seen.channels() if not name.startswith(PREFIX)} == set()
    assert {name for name in snapshot(raw) if not name.startswith(PREFIX)} == set()


@pytest.mark.parametrize("call", CALLS)
def test_the_header_of_a_script_names_every_key_that_it_touches(
    server: RunningServer, raw: redis.Redis, tagged: Shard, call: str
):
    header = header_of(call.split(" ", maxsplit=1)[0]).fields
    documented = header["KEYS"] + header.get("DERIVED", "")
    with monitored(server, raw) as seen:
        CALLS[call](tagged)

    rows = {name: row_of(name, PREFIX) for name in seen.touched()}
    assert None not in rows.values(), "a key that is not in the schema"
    assert {row for name, row in rows.items() if not is_named(name, row, documented)} == set()


def is_named(name: str, row: str, documented: str) -> bool:
    """Headers name a key in full or, in a row of keys, by its last parts; and which list of ended tasks it is."""
    spellings = {row.replace("<queue>", "<q>")}
    if row == "lineshaft:ended:<state>":
        spellings.add(name.removeprefix(PREFIX))
    shortened = {spelling.removeprefix("lineshaft") for spelling in spellings if spelling.startswith("lineshaft:")}
    return any(re.search(re.escape(spelling) + r"(?![:\w])", documented) for spelling in spellings | shortened)


def without_prefix(found: Keyspace, prefix: str) -> Keyspace:
    return {name.removeprefix(prefix): stored for name, stored in found.items()}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("namespace", ["{s0}", "shop", "a.b-c_d"])
def test_a_shard_does_under_its_prefix_what_one_without_does(raw: redis.Redis, make_shard, call: str, namespace: str):
    outcomes = []
    for shard in (make_shard(), make_shard(namespace)):
        fill(shard, call)
        reply = CALLS[call](shard)
        found = without_prefix(snapshot(raw), shard.keys.prefix)
        found["lineshaft:watched"] = found.get("lineshaft:watched") and str(found["lineshaft:watched"]).replace(
            shard.keys.prefix or "\0", ""
        )
        outcomes.append((reply, found))
        raw.flushall()

    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("call", CALLS)
def test_two_shards_on_one_server_do_not_see_each_other(raw: redis.Redis, make_shard, call: str):
    shards = [make_shard(), make_shard("shop"), make_shard("{s0}")]
    for shard in shards:
        fill(shard, call)

    _, changed = shards[1].observe(CALLS[call], shards[1])

    assert {name for name in changed if not name.startswith("shop:")} == set()


@pytest.mark.parametrize("call", CALLS)
def test_a_call_leaves_every_task_where_it_should_be(shard: Shard, call: str):
    """Invariants 1, 2, 6 and 15."""
    fill(shard, call)
    foreign = ("stray1",)
    assert complaints(shard.raw, shard.keys, foreign) == []

    CALLS[call](shard)

    assert complaints(shard.raw, shard.keys) == ([] if call == "promote" else complaints_before(shard))


def complaints_before(shard: Shard) -> list[str]:
    """A stray that got its word waits in `strays`, which is no place of its own."""
    return [f"stray1 is {shard.raw.get(shard.keys.status('stray1'))} and not where that is"]


@pytest.mark.parametrize("call", CALLS)
def test_a_script_moves_tasks_only_as_the_table_of_transitions_says(shard: Shard, call: str):
    fill(shard, call)
    before = words(shard)

    CALLS[call](shard)

    script = call.split(" ", maxsplit=1)[0]
    moved = {(before.get(name), word, script) for name, word in words(shard).items() if word != before.get(name)}
    assert moved <= {(transition.source, transition.target, transition.script) for transition in TRANSITIONS}


def words(shard: Shard) -> dict[str, str]:
    return {name: shard.raw.get(name) for name in shard.raw.keys("task:*:status")}
