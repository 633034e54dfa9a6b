"""close: end a session cleanly; what it still owns is put back uncounted."""

import pytest

from lineshaft.errors import DamagedRecordError

from .keyspace import Stored, fields, items, members, scores, string
from .shard import LEASE_MS, NOW_MS, Shard, bare_outcome

GONE = fields({"host": "mill", "lease_ms": LEASE_MS}, expires=True)


def test_what_a_session_still_owns_is_put_back_and_a_repeat_finds_nothing(shard: Shard):
    shard.session("s")
    shard.session("t")
    shard.claimed("a")
    shard.ready("b")
    shard.raw.hset("lineshaft:tries", "a", 1)
    shard.raw.hset("lineshaft:crashes", "a", 1)

    assert shard.observe(shard.broker.close, "s") == (
        1,
        {
            "lineshaft:sessions": scores(t=NOW_MS + LEASE_MS),
            "lineshaft:session:s": GONE,
            "lineshaft:owned:s": None,
            "task:a:status": string("pending"),
            "task_queue": items("b", "a"),
            "lineshaft:wake:default": items("1"),
            **shard.counted(released=1),
        },
    )
    shard.pass_ms(1000)

    assert shard.observe(shard.broker.close, "s") == (0, {})


def test_the_hash_of_a_closed_session_is_kept_for_a_day(shard: Shard):
    shard.session("s")

    shard.broker.close("s")

    assert 86_000 < shard.raw.ttl("lineshaft:session:s") <= 86_400


def test_an_unknown_session_closes_to_nothing(shard: Shard):
    assert shard.observe(shard.broker.close, "s") == (0, {})


def test_each_queue_gets_its_own_tasks_back(shard: Shard):
    shard.session("s")
    shard.claimed("a", "b", queue="mail")
    shard.claimed("c")

    assert shard.broker.close("s") == 3
    assert sorted(shard.raw.lrange("task_queue:mail", 0, -1)) == ["a", "b"]
    assert shard.raw.lrange("task_queue", 0, -1) == ["c"]
    assert shard.raw.lrange("lineshaft:wake:mail", 0, -1) == ["1"]


def test_a_task_that_was_asked_to_stop_ends_cancelled(shard: Shard):
    """Invariant 9."""
    shard.session("s")
    shard.claimed("a")
    shard.raw.sadd("lineshaft:cancelling", "a", "b")
    shard.raw.hset("lineshaft:watched", "a", "x")

    with shard.listening("x") as messages:
        changed = shard.observe(shard.broker.close, "s")[1]

    assert changed["task:a:status"] == string("cancelled")
    assert changed["task:a:result"] == string(bare_outcome())
    assert changed["lineshaft:ended:cancelled"] == items("a")
    assert changed["lineshaft:cancelling"] == members("b")
    assert "task_queue" not in changed
    assert messages == [("x", f"a cancelled {bare_outcome()}")]


@pytest.mark.parametrize("word", ["done", "failed", "cancelled", "expired", "scheduled", "waiting"])
def test_where_somebody_else_ended_the_task_only_the_claim_is_given_up(shard: Shard, word: str):
    shard.session("s")
    shard.claimed("a", word=word)

    changed = shard.observe(shard.broker.close, "s")[1]

    assert set(changed) == {"lineshaft:sessions", "lineshaft:session:s", "lineshaft:owned:s", *shard.counted()}


def test_a_close_that_stops_between_two_slices_leaves_a_trace_to_go_on_from(shard: Shard):
    shard.session("s")
    shard.claimed(*(f"t{n}" for n in range(700)))
    bounds = (100_000, 1_000_000)

    reply, changed = shard.observe(shard.broker.run, "close", shard.broker.now, "s", *bounds)

    assert reply == [b"more", 500]
    assert changed["lineshaft:suspects"] == fields({"s": "closed"})
    assert changed["lineshaft:sessions"] is None
    assert len(changed["lineshaft:owned:s"].value) == 200
    assert not changed.get("lineshaft:session:s")

    assert shard.broker.run("close", shard.broker.now, "s", *bounds) == [b"closed", 200]
    assert shard.raw.llen("task_queue") == 700
    assert not shard.raw.exists("lineshaft:suspects", "lineshaft:owned:s", "lineshaft:crashes")


def test_a_close_puts_back_everything_however_many_slices_that_takes(shard: Shard):
    shard.session("s")
    shard.claimed(*(f"t{n}" for n in range(1001)))

    assert shard.broker.close("s") == 1001
    assert len(set(shard.raw.lrange("task_queue", 0, -1))) == 1001


def test_a_suspect_may_still_close(shard: Shard):
    shard.session("s", over_for_ms=6000)
    shard.claimed("a")
    shard.raw.hset("lineshaft:suspects", "s", NOW_MS - 5500)

    assert shard.broker.close("s") == 1
    assert not shard.raw.exists("lineshaft:suspects", "lineshaft:sessions", "lineshaft:crashes")


def test_a_late_close_helps_to_empty_a_session_that_is_being_reaped(shard: Shard):
    shard.session("s")
    shard.raw.zrem("lineshaft:sessions", "s")
    shard.claimed("a")
    shard.raw.hset("lineshaft:suspects", "s", "crashed")

    assert shard.broker.close("s") == 1
    assert shard.raw.lrange("task_queue", 0, -1) == ["a"]
    assert not shard.raw.exists("lineshaft:suspects", "lineshaft:owned:s")


def test_a_damaged_registry_of_sessions_is_said_and_nothing_is_written(shard: Shard):
    shard.claimed("a")
    shard.raw.set("lineshaft:sessions", "wrong")

    assert shard.refused(DamagedRecordError, shard.broker.close, "s") == {}


def test_a_damaged_hash_of_suspects_is_said_and_the_session_still_stands(shard: Shard):
    """Invariant 12: a session that left `sessions` and did not reach `suspects` would never be emptied."""
    shard.session("s")
    shard.claimed("a")
    shard.raw.set("lineshaft:suspects", "wrong")

    assert shard.refused(DamagedRecordError, shard.broker.close, "s") == {}


def test_damaged_claims_are_said_and_the_session_still_stands(shard: Shard):
    """Invariant 12: a session that stands in `suspects` and cannot be emptied would be in the way of every reap."""
    shard.session("s")
    shard.raw.set("lineshaft:owned:s", "wrong")

    assert shard.refused(DamagedRecordError, shard.broker.close, "s") == {}


def test_what_cannot_go_back_into_a_damaged_queue_waits_for_a_reaper(shard: Shard):
    shard.session("s")
    token = shard.claimed("a", "b", queue="mail")
    shard.claimed("c")
    shard.raw.set("task_queue:mail", "wrong")

    reply, changed = shard.observe(shard.broker.close, "s")

    assert reply == 1
    assert changed["task_queue"] == items("c")
    assert changed["lineshaft:owned:s"] == fields({"a": token, "b": token})
    assert changed["lineshaft:suspects"] == fields({"s": "closed"})

    shard.raw.delete("task_queue:mail")
    assert shard.broker.reap().freed == 2
    assert sorted(shard.raw.lrange("task_queue:mail", 0, -1)) == ["a", "b"]
    assert not shard.raw.exists("lineshaft:crashes")


@pytest.mark.parametrize("name", ["cancelling", "tries", "crashes", "watched", "wake:default", "ended:cancelled", "session:s"])
def test_damage_beside_a_task_stops_no_close(shard: Shard, name: str):
    shard.session("s")
    shard.claimed("a")
    shard.raw.delete(f"lineshaft:{name}")
    shard.raw.set(f"lineshaft:{name}", "wrong")

    assert shard.broker.close("s") == 1
    assert shard.raw.lrange("task_queue", 0, -1) == ["a"]
    assert Stored("string", shard.raw.get(f"lineshaft:{name}")) == string("wrong")
