"""Damaged data: an id, a record or a whole key that is not what it should be loses nothing else and stops nobody."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lineshaft.broker.broker import NewTask, Return, Try
from lineshaft.errors import DamagedRecordError, LineshaftError
from servers import RunningServer

from .keyspace import complaints, schema, snapshot
from .mill import CALLS, FAILED, OTHER_QUEUE, damage, evidence, fill, key_of
from .shard import NOW_MS, Shard, done_outcome, envelope_of

# What a script cannot do without; it says so and leaves everything as it was.
REFUSED = {
    "lineshaft:sessions": {"open", "close", "claim", "renew", "reap look", "reap died", "order"},
    "lineshaft:session:<s>": {"order"},
    "lineshaft:suspects": {"close", "reap", "reap look", "reap died"},
    "lineshaft:owned:<s>": {"close", "claim", "finish", "fail", "release", "reap died"},
    "lineshaft:cancelling": {"cancel running"},
    "lineshaft:watched": {"watch"},
    "lineshaft:paused": {"pause", "resume"},
}
# What a script writes as a whole, so that damage is repaired by it.
WRITTEN_OVER = {"task:<id>:status", "task:<id>:result", "lineshaft:clock"}
HISTORY = ("not once in its list", "something beside it was not cleared")


@pytest.mark.parametrize("row", schema())
@pytest.mark.parametrize("call", CALLS)
def test_a_key_of_another_type_makes_no_call_write_by_halves(shard: Shard, call: str, row: str):
    """Invariant 12, for each script and each key of the schema: either all of it, or nothing and an error that says so."""
    fill(shard, call)
    key = key_of(row, shard, call)
    damage(shard, key)
    before, wrong_before = snapshot(shard.raw), complaints(shard.raw, shard.keys)

    refusal = refusal_of(shard, call)
    if refusal is not None:
        assert snapshot(shard.raw) == before
        assert isinstance(refusal, DamagedRecordError)
        assert call in REFUSED.get(row, ()), "this one can do without that key"
        return
    if row not in WRITTEN_OVER:
        assert snapshot(shard.raw)[key][:2] == before[key][:2], "it is kept for people to look at"
    wrong = [text for text in complaints(shard.raw, shard.keys) if text not in wrong_before]
    assert [text for text in wrong if not text.endswith(HISTORY)] == []


@pytest.mark.parametrize("row", [row for row in schema() if row != "lineshaft:sessions"])
def test_another_queue_goes_on_beside_a_key_of_another_type(shard: Shard, row: str):
    fill(shard)
    damage(shard, key_of(row, shard, "finish"))

    live_through(shard, "t")


@pytest.mark.parametrize(
    "row", [row for row in schema() if row not in {"lineshaft:sessions", "lineshaft:suspects", "lineshaft:owned:<s>"}]
)
@pytest.mark.parametrize("session", ["s", "d", "e"])
def test_the_dead_are_reaped_beside_a_key_of_another_type(shard: Shard, row: str, session: str):
    """`s` lives, `d` is over, `e` is being emptied: whosever hash it is, the others' tasks come back."""
    fill(shard)
    key = key_of(row, shard, "finish")
    damage(shard, f"lineshaft:session:{session}" if row == "lineshaft:session:<s>" else key)

    for _ in range(8):
        shard.broker.reap()

    left = {"task_queue": ["d1", "e1"], "task_queue:<queue>": ["d2"]}.get(row, [])
    owned = [name for owner in "de" for name in shard.raw.hkeys(f"lineshaft:owned:{owner}")]
    assert sorted(owned) == left, "only what cannot be put back is still owned"
    assert {"d1", "e1"} - set(left) <= ready_ids(shard)


@pytest.mark.parametrize("session", ["s", "d", "e"])
def test_claims_that_cannot_be_read_do_not_keep_other_sessions_from_being_reaped(shard: Shard, session: str):
    fill(shard)
    damage(shard, f"lineshaft:owned:{session}")
    if session == "s":
        shard.raw.zadd("lineshaft:sessions", {"s": NOW_MS - 60_000})

    for _ in range(8):
        try_to_reap(shard)
        shard.pass_ms(5000)

    for other in {"d", "e"} - {session}:
        assert not shard.raw.exists(f"lineshaft:owned:{other}")
        assert f"{other}1" in ready_ids(shard)
    assert shard.raw.get(f"lineshaft:owned:{session}") == "wrong", "it is kept for people to look at"


def test_tasks_of_a_damaged_queue_do_not_keep_other_sessions_from_being_reaped(shard: Shard):
    """`e` owns what cannot be put back; `d` must not wait for it."""
    shard.session("e")
    shard.claimed("e1", session="e", queue="mail")
    shard.session("d", over_for_ms=20_000)
    shard.claimed("d1", session="d")
    shard.raw.zrem("lineshaft:sessions", "e")
    shard.raw.hset("lineshaft:suspects", mapping={"e": "crashed", "d": NOW_MS - 9000})
    shard.raw.set("task_queue:mail", "wrong")

    for _ in range(8):
        shard.broker.reap()
        shard.pass_ms(5000)

    assert shard.raw.lrange("task_queue", 0, -1) == ["d1"]
    assert shard.raw.hgetall("lineshaft:owned:e") == {"e1": "7:mail"}
    assert shard.raw.hgetall("lineshaft:crashes") == {"d1": "1"}, "a crash is counted once, when the task goes back"

    shard.raw.delete("task_queue:mail")
    shard.broker.reap()
    assert shard.raw.lrange("task_queue:mail", 0, -1) == ["e1"]


def test_sessions_that_cannot_be_emptied_do_not_hide_one_that_can(shard: Shard):
    shard.raw.set("task_queue:mail", "wrong")
    for session in ("e1", "e2", "e3", "e4", "e5"):
        shard.claimed(f"{session}-task", session=session, queue="default" if session in {"e3", "e5"} else "mail")
        shard.raw.hset("lineshaft:suspects", session, "crashed")

    freed = [shard.broker.reap().freed for _ in range(3)]

    assert freed == [1, 1, 0]
    assert ready_ids(shard) == {"e3-task", "e5-task"}
    assert set(shard.raw.hgetall("lineshaft:suspects")) == {"e1", "e2", "e4"}


@pytest.mark.strange_keys("a claim of a queue that cannot be one")
@pytest.mark.parametrize("token", ["", "7", "default", "7:", ":default", "x:default", "7:default:more", "7:not a queue"])
def test_a_claim_that_is_not_well_formed_loses_no_task(shard: Shard, token: str):
    shard.session("s")
    shard.claimed("a", "b")
    shard.raw.hset("lineshaft:owned:s", "a", token)

    shard.broker.reap("s")

    assert ready_ids(shard) == {"a", "b"}
    assert not shard.raw.exists("lineshaft:owned:s", "lineshaft:suspects")


@pytest.mark.parametrize("name", ["tries", "crashes"])
@pytest.mark.parametrize("count", ["", "wrong", "1.5", "9223372036854775807"])
@pytest.mark.parametrize("call", ["claim", "fail", "reap died"])
def test_a_count_that_is_no_number_loses_no_task(shard: Shard, name: str, count: str, call: str):
    fill(shard)
    shard.raw.hset(f"lineshaft:{name}", mapping={"run1": count, "r1": count})
    before, wrong_before = snapshot(shard.raw), complaints(shard.raw, shard.keys)

    try:
        CALLS[call](shard)
    except (LineshaftError, ValueError):
        assert snapshot(shard.raw) == before

    assert [text for text in complaints(shard.raw, shard.keys) if text not in wrong_before] == []


@pytest.mark.parametrize("mark", ["", "wrong", "1e400", "-1"])
def test_a_mark_of_suspicion_that_is_no_time_reaps_nobody_at_once_and_stops_nothing(shard: Shard, mark: str):
    shard.session("s", over_for_ms=1)
    shard.claimed("a")
    shard.raw.hset("lineshaft:suspects", "s", mark)

    assert shard.broker.reap().session is None
    shard.pass_ms(5000)
    assert shard.broker.reap().session == "s"


@pytest.mark.parametrize("lease_ms", ["", "wrong", "-5"])
def test_a_lease_length_that_is_no_number_stops_nothing(shard: Shard, lease_ms: str):
    shard.session("s")
    shard.raw.hset("lineshaft:session:s", "lease_ms", lease_ms)
    shard.session("t", over_for_ms=20_000)
    shard.raw.hset("lineshaft:suspects", "t", NOW_MS - 9000)

    assert shard.broker.reap().session == "t"


@pytest.mark.parametrize("envelope", [None, "", "{}", "not json", '{"v":99}'])
def test_a_task_whose_envelope_is_missing_or_unreadable_goes_its_way(shard: Shard, envelope: str | None):
    """Whoever runs it decides what it is; every script moves it like any other."""
    shard.session("s")
    shard.ready("a")
    shard.raw.delete("task:a")
    if envelope is not None:
        shard.raw.set("task:a", envelope)

    claim = shard.broker.claim("s", 1, ["default"]).claims[0]
    assert claim.envelope == (envelope if envelope is None else envelope.encode())
    assert shard.broker.release("s", [Return("a", claim.token)]) == ["released"]
    claim = shard.broker.claim("s", 1, ["default"]).claims[0]
    assert shard.broker.fail("s", [Try("a", claim.token, evidence(), 0, FAILED)]) == ["scheduled"]
    assert shard.broker.promote(["default"]).ready == 1
    shard.broker.claim("s", 1, ["default"])
    assert shard.broker.reap("s").freed == 1
    assert shard.broker.cancel("a") == "cancelled"
    assert complaints(shard.raw, shard.keys) == []


@pytest.fixture
def mute(shard: Shard, server: RunningServer, broker: Callable) -> Iterator[Shard]:
    """The shard for a user who may use every key and no channel, as a new user of Redis 7 unless somebody says otherwise."""
    shard.raw.acl_setuser("mute", enabled=True, nopass=True, keys=["*"], commands=["+@all"], reset_channels=True)
    url = f"redis://mute:x@127.0.0.1:{server.port}/0"
    yield Shard(shard.raw, lambda namespace, **options: broker(namespace, url=url, **options))
    shard.raw.acl_deluser("mute")


def test_a_user_who_may_not_publish_ends_tasks_by_all_means(mute: Shard):
    """A message is a hint: that it cannot be sent stops nothing."""
    fill(mute)

    assert CALLS["finish"](mute) == ["done"] * 3
    assert mute.broker.cancel("mail1") == "cancelling"
    assert [text for text in complaints(mute.raw, mute.keys) if not text.startswith("stray1")] == []


def test_a_server_that_has_forgotten_the_scripts_gets_them_again(shard: Shard):
    fill(shard)
    for call in CALLS.values():
        shard.raw.script_flush()
        call(shard)


def live_through(shard: Shard, session: str) -> None:
    """Everything that can become of tasks, in a queue of its own."""
    broker, queues = shard.broker, ["default", "mail", OTHER_QUEUE]
    names = ["x1", "x2", "x3"]
    new = [NewTask(name, OTHER_QUEUE, envelope_of(name, OTHER_QUEUE), keep_digest=True) for name in names]
    assert broker.enqueue(new) == ["created"] * 3
    assert broker.enqueue(new) == ["same"] * 3
    assert set(broker.renew({session: 3600})) == {session}

    def claim() -> dict[str, Any]:
        claims = broker.claim(session, 100, queues, look_around=True).claims
        return {claim.task_id: claim.token for claim in claims}

    held = claim()
    assert set(names) <= set(held)
    assert broker.finish(session, [("x1", held["x1"], done_outcome())]) == ["done"]
    assert broker.release(session, [Return("x2", held["x2"])]) == ["released"]
    assert broker.fail(session, [Try("x3", held["x3"], evidence(), 0, FAILED)]) in (["scheduled"], ["damaged"])
    broker.promote(queues)
    held = {"x3": held["x3"]} | claim()
    assert set(held) >= {"x2", "x3"}
    assert broker.fail(session, [Try("x2", held["x2"], evidence(), None, FAILED)]) == ["failed"]
    assert broker.finish(session, [("x3", held["x3"], done_outcome())]) == ["done"]
    assert broker.cancel("x3") == "done"
    assert broker.retry("x1", OTHER_QUEUE, 0) in ("pending", "damaged")


def refusal_of(shard: Shard, call: str) -> LineshaftError | None:
    try:
        CALLS[call](shard)
    except LineshaftError as error:
        return error
    return None


def try_to_reap(shard: Shard) -> None:
    with contextlib.suppress(DamagedRecordError):
        shard.broker.reap()


def ready_ids(shard: Shard) -> set[str]:
    lists = [name for name in shard.raw.keys("task_queue*") if shard.raw.type(name) == "list"]
    return {task_id for name in lists for task_id in shard.raw.lrange(name, 0, -1)}
