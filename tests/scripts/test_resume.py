"""resume: a queue that was paused may be claimed from again."""

import pytest

from .keyspace import items, members
from .shard import Shard


@pytest.mark.parametrize("queue", ["default", "mail"])
def test_the_flag_goes_a_worker_is_woken_and_its_repeat_changes_nothing(shard: Shard, queue: str):
    shard.ready("a", queue=queue)
    shard.raw.sadd("lineshaft:paused", queue, "other")

    assert shard.observe(shard.broker.resume, queue) == (
        "resumed",
        {"lineshaft:paused": members("other"), f"lineshaft:wake:{queue}": items("1")},
    )
    assert shard.observe(shard.broker.resume, queue) == ("resumed", {})


def test_nobody_is_woken_where_nothing_is_ready(shard: Shard):
    shard.raw.sadd("lineshaft:paused", "mail")

    assert shard.observe(shard.broker.resume, "mail") == ("resumed", {"lineshaft:paused": None})


def test_what_waited_meanwhile_is_claimed_the_oldest_first(shard: Shard):
    shard.session("s")
    shard.ready("a", "b", queue="mail")
    shard.broker.pause("mail")
    assert shard.broker.claim("s", 10, ["mail"]).claims == []

    shard.broker.resume("mail")

    assert [claim.task_id for claim in shard.broker.claim("s", 10, ["mail"]).claims] == ["a", "b"]
