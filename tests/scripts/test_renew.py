"""renew: lengthen the leases of sessions, and say which of their tasks must stop and what their workers were told."""

import pytest

from lineshaft.errors import DamagedRecordError
from lineshaft.protocol.reply import Renewed

from .keyspace import fields, scores
from .shard import NOW_MS, Shard

NOTHING_NEW = Renewed([])


def test_leases_are_set_from_now_and_a_repeat_sets_them_to_the_same(shard: Shard):
    shard.session("s", lease_ms=3000)
    shard.session("t", lease_ms=3000)
    shard.session("u", lease_ms=3000)
    shard.pass_ms(1000)

    assert shard.observe(shard.broker.renew, {"s": 15, "t": 20}) == (
        {"s": NOTHING_NEW, "t": NOTHING_NEW},
        {"lineshaft:sessions": scores(s=NOW_MS + 16_000, t=NOW_MS + 21_000, u=NOW_MS + 3000)},
    )
    assert shard.observe(shard.broker.renew, {"s": 15, "t": 20}) == ({"s": NOTHING_NEW, "t": NOTHING_NEW}, {})


@pytest.mark.parametrize("over_for_ms", [1, 3_600_000])
def test_a_lease_that_is_over_is_renewed_as_long_as_nobody_reaped_it(shard: Shard, over_for_ms: int):
    """A Redis outage longer than the lease reaps nobody alive."""
    shard.session("s", over_for_ms=over_for_ms)

    assert shard.observe(shard.broker.renew, {"s": 15}) == (
        {"s": NOTHING_NEW},
        {"lineshaft:sessions": scores(s=NOW_MS + 15_000)},
    )


def test_a_session_that_has_gone_is_never_brought_back(shard: Shard):
    """Invariant 6."""
    shard.session("t", lease_ms=3000)
    shard.claimed("a", session="s")

    assert shard.observe(shard.broker.renew, {"s": 15, "t": 15}) == (
        {"s": None, "t": NOTHING_NEW},
        {"lineshaft:sessions": scores(t=NOW_MS + 15_000)},
    )


def test_a_renewal_clears_the_suspicion(shard: Shard):
    shard.session("s", over_for_ms=4000)
    shard.session("t", over_for_ms=4000)
    shard.raw.hset("lineshaft:suspects", mapping={"s": NOW_MS - 3000, "t": NOW_MS - 3000})

    changed = shard.observe(shard.broker.renew, {"s": 15})[1]

    assert changed == {
        "lineshaft:sessions": scores(s=NOW_MS + 15_000, t=NOW_MS - 4000),
        "lineshaft:suspects": fields({"t": NOW_MS - 3000}),
    }


@pytest.mark.parametrize("mark", ["crashed", "closed"])
def test_the_mark_of_a_session_that_is_being_emptied_stays(shard: Shard, mark: str):
    shard.claimed("a", session="s")
    shard.raw.hset("lineshaft:suspects", "s", mark)

    assert shard.observe(shard.broker.renew, {"s": 15}) == ({"s": None}, {})


def test_each_session_hears_which_of_its_own_tasks_must_stop(shard: Shard):
    for session, names in {"s": "abc", "t": "d", "u": "e"}.items():
        shard.session(session)
        shard.claimed(*names, session=session)
    shard.raw.sadd("lineshaft:cancelling", "a", "c", "d", "x")

    reply, changed = shard.observe(shard.broker.renew, {"s": 15, "t": 15, "u": 15})

    to_stop = {session: sorted(renewed.to_stop) for session, renewed in reply.items()}
    assert to_stop == {"s": ["a", "c"], "t": ["d"], "u": []}
    assert changed == {}, "the marks stay until the tasks have ended"


def test_each_session_hears_its_own_order_at_each_renewal_until_it_has_gone(shard: Shard):
    for session, order in {"s": "quiet", "t": "stop", "u": ""}.items():
        shard.session(session)
        shard.raw.hset(f"lineshaft:session:{session}", mapping={"host": "mill", **({"order": order} if order else {})})
    shard.claimed("a", session="t")
    shard.raw.sadd("lineshaft:cancelling", "a")
    heard = {"s": Renewed([], "quiet"), "t": Renewed(["a"], "stop"), "u": NOTHING_NEW}

    assert shard.broker.renew({"s": 15, "t": 15, "u": 15}) == heard
    assert shard.broker.renew({"s": 15, "t": 15, "u": 15}) == heard
    shard.broker.close("t")
    assert shard.broker.renew({"s": 15, "t": 15}) == {"s": heard["s"], "t": None}


def test_more_marks_than_one_call_looks_at_are_all_told_in_the_end(shard: Shard):
    shard.session("s")
    shard.claimed(*(f"t{n}" for n in range(700)))
    shard.raw.sadd("lineshaft:cancelling", *(f"t{n}" for n in range(700)))

    told: set[str] = set()
    for _ in range(60):
        answer = shard.broker.renew({"s": 15})["s"].to_stop
        assert len(answer) == 500
        told.update(answer)

    assert len(told) == 700


def test_a_damaged_registry_of_sessions_is_said_and_nothing_is_written(shard: Shard):
    shard.raw.set("lineshaft:sessions", "wrong")

    assert shard.refused(DamagedRecordError, shard.broker.renew, {"s": 15}) == {}


@pytest.mark.parametrize("name", ["cancelling", "owned:s", "suspects", "session:s"])
def test_damage_beside_a_lease_stops_no_renewal(shard: Shard, name: str):
    """Else a key that only tells whom to stop, or whom to suspect, would end every session."""
    shard.session("s", lease_ms=3000)
    shard.session("t", lease_ms=3000)
    shard.raw.sadd("lineshaft:cancelling", "a")
    shard.raw.delete(f"lineshaft:{name}")
    shard.raw.set(f"lineshaft:{name}", "wrong")

    reply, changed = shard.observe(shard.broker.renew, {"s": 15, "t": 15})

    assert reply == {"s": NOTHING_NEW, "t": NOTHING_NEW}
    assert changed == {"lineshaft:sessions": scores(s=NOW_MS + 15_000, t=NOW_MS + 15_000)}


def test_many_sessions_are_renewed_in_one_call(shard: Shard):
    names = [f"s{n}" for n in range(500)]
    for name in names:
        shard.raw.zadd("lineshaft:sessions", {name: NOW_MS})

    assert shard.broker.renew(dict.fromkeys(names, 15)) == dict.fromkeys(names, NOTHING_NEW)
    assert shard.raw.zcount("lineshaft:sessions", NOW_MS + 15_000, NOW_MS + 15_000) == 500
