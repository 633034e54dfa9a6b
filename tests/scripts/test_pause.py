"""pause: nobody claims from a queue any more, until it is resumed."""

import pytest

from lineshaft.broker.broker import NewTask

from .keyspace import members
from .shard import NOW_MS, Shard, envelope_of


@pytest.mark.parametrize("queue", ["default", "mail"])
def test_the_flag_is_set_and_its_repeat_changes_nothing(shard: Shard, queue: str):
    shard.ready("a", queue=queue)

    assert shard.observe(shard.broker.pause, queue) == ("paused", {"lineshaft:paused": members(queue)})
    assert shard.observe(shard.broker.pause, queue) == ("paused", {})


@pytest.mark.parametrize("queue", ["default", "mail"])
def test_no_claim_after_it_takes_a_task_of_that_queue_whoever_claims(shard: Shard, queue: str):
    """Invariant 14: it holds for every session at once, those that have claimed from the queue before too."""
    for session in ("s", "t"):
        shard.session(session)
    shard.ready("a", "b", "c", queue=queue)
    shard.ready("other", queue="other")
    assert [claim.task_id for claim in shard.broker.claim("s", 1, [queue]).claims] == ["a"]

    shard.broker.pause(queue)

    claimed = {session: shard.broker.claim(session, 10, [queue, "other"]).claims for session in ("s", "t")}
    assert [claim.task_id for claims in claimed.values() for claim in claims] == ["other"]
    assert shard.raw.lrange(shard.keys.ready(queue), 0, -1) == ["c", "b"]


def test_tasks_are_still_accepted_and_still_become_due(shard: Shard):
    shard.broker.pause("mail")
    shard.scheduled("later", due_ms=NOW_MS - 10, queue="mail")

    assert shard.broker.enqueue([NewTask("new", "mail", envelope_of("new", "mail"))]) == ["created"]
    assert shard.broker.promote(["mail"]).ready == 1
    assert shard.raw.lrange("task_queue:mail", 0, -1) == ["later", "new"]
