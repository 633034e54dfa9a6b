"""order: tell one worker to claim nothing more, or to stop as well."""

import pytest

from lineshaft.errors import DamagedRecordError
from lineshaft.protocol.reply import Renewed

from .keyspace import fields
from .shard import Shard


@pytest.mark.parametrize("order", ["quiet", "stop"])
def test_it_stands_beside_the_lease_of_that_session_alone_and_its_repeat_changes_nothing(shard: Shard, order: str):
    for session in ("s", "t"):
        shard.broker.open(session, 15, {"host": "mill"})

    assert shard.observe(shard.broker.order, "s", order) == (
        order,
        {"lineshaft:session:s": fields({"host": "mill", "order": order})},
    )
    assert shard.observe(shard.broker.order, "s", order) == (order, {})
    assert shard.broker.renew({"s": 15, "t": 15}) == {"s": Renewed([], order), "t": Renewed([])}


def test_stop_overrules_quiet_and_not_the_other_way_round(shard: Shard):
    shard.broker.open("s", 15, {"host": "mill"})

    assert [shard.broker.order("s", order) for order in ("quiet", "stop", "quiet")] == ["quiet", "stop", "stop"]
    assert shard.raw.hget("lineshaft:session:s", "order") == "stop"


def test_a_session_that_is_not_open_is_told_nothing(shard: Shard):
    """One that has gone keeps its record for a day, as it was; one that never was gets none."""
    shard.broker.open("s", 15, {"host": "mill"})
    shard.broker.close("s")

    for session in ("s", "nobody"):
        assert shard.observe(shard.broker.order, session, "stop") == ("gone", {})


def test_what_its_worker_runs_and_what_is_ready_stays_as_it_was(shard: Shard):
    shard.broker.open("s", 15, {"host": "mill"})
    shard.claimed("a", session="s")
    shard.ready("b")

    changed = shard.observe(shard.broker.order, "s", "stop")[1]

    assert list(changed) == ["lineshaft:session:s"]


@pytest.mark.parametrize("name", ["sessions", "session:s"])
def test_damage_where_it_is_kept_is_said_and_nothing_is_written(shard: Shard, name: str):
    shard.broker.open("s", 15, {"host": "mill"})
    shard.raw.delete(f"lineshaft:{name}")
    shard.raw.set(f"lineshaft:{name}", "wrong")

    assert shard.refused(DamagedRecordError, shard.broker.order, "s", "quiet") == {}
