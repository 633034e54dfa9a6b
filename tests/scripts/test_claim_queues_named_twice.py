"""A claim that names a queue twice looks at it twice, and takes from its list only what it looked at."""

from .keyspace import items
from .shard import Shard


def test_what_was_passed_over_the_first_time_is_not_counted_the_second_time(shard: Shard):
    """Two slots are left after the first look; the second look sees the same two cancelled entries, and no more."""
    shard.session("s")
    shard.ready("a", "b", word="cancelled")
    shard.ready("c", "d")

    reply, changed = shard.observe(shard.broker.claim, "s", 2, ["default", "default"])

    assert reply.claims == []
    assert reply.more
    assert changed["task_queue"] == items("d", "c")
