"""open: begin a session."""

import pytest

from lineshaft.errors import DamagedRecordError

from .keyspace import fields, scores
from .shard import LEASE_MS, NOW_MS, Shard

RECORD = {"host": "mill", "pid": 11, "lease_ms": LEASE_MS}


def test_a_session_is_opened_once_however_often_it_is_asked_for(shard: Shard):
    assert shard.observe(shard.broker.open, "s", 15, RECORD) == (
        "opened",
        {
            "lineshaft:sessions": scores(s=NOW_MS + LEASE_MS),
            "lineshaft:session:s": fields(RECORD),
        },
    )
    shard.pass_ms(100)

    assert shard.observe(shard.broker.open, "s", 15, RECORD) == ("repeat", {})


def test_a_late_open_revives_no_session_that_was_closed_or_reaped(shard: Shard):
    """Invariant 6: what is left of a session that has gone is its hash, for a day."""
    shard.session("s")
    shard.raw.zrem(shard.keys.sessions, "s")

    assert shard.observe(shard.broker.open, "s", 15, RECORD) == ("gone", {})


@pytest.mark.parametrize("mark", ["crashed", "closed"])
def test_a_late_open_does_not_stop_the_emptying_of_its_session(shard: Shard, mark: str):
    shard.session("s")
    shard.claimed("a", session="s")
    shard.raw.zrem(shard.keys.sessions, "s")
    shard.raw.hset(shard.keys.suspects, "s", mark)

    assert shard.observe(shard.broker.open, "s", 15, RECORD) == ("gone", {})


def test_opening_one_session_leaves_the_others_alone(shard: Shard):
    shard.session("t", over_for_ms=60_000)
    shard.raw.hset(shard.keys.suspects, "t", NOW_MS - 1000)

    reply, changed = shard.observe(shard.broker.open, "s", 15, RECORD)

    assert reply == "opened"
    assert changed["lineshaft:sessions"] == scores(s=NOW_MS + LEASE_MS, t=NOW_MS - 60_000)
    assert set(changed) == {"lineshaft:sessions", "lineshaft:session:s"}


def test_a_damaged_registry_of_sessions_is_said_and_nothing_is_written(shard: Shard):
    shard.raw.set(shard.keys.sessions, "wrong")

    assert shard.refused(DamagedRecordError, shard.broker.open, "s", 15, RECORD) == {}
