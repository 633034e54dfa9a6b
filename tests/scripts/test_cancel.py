"""cancel: end a task that has not started; ask one that runs to stop."""

import pytest

from lineshaft.errors import DamagedRecordError

from .keyspace import fields, items, members, string
from .shard import NOW_MS, Shard, bare_outcome


@pytest.mark.parametrize("word", ["pending", "scheduled", "waiting"])
def test_a_task_that_has_not_started_ends_and_leaves_its_entry_to_be_dropped(shard: Shard, word: str):
    shard.ready("a", word=word)
    shard.raw.hset("lineshaft:tries", mapping={"a": 2, "b": 1})
    shard.raw.hset("lineshaft:crashes", mapping={"a": 1, "b": 1})

    assert shard.observe(shard.broker.cancel, "a") == (
        "cancelled",
        {
            "task:a:status": string("cancelled"),
            "task:a:result": string(bare_outcome()),
            "lineshaft:ended:cancelled": items("a"),
            "lineshaft:tries": fields({"b": 1}),
            "lineshaft:crashes": fields({"b": 1}),
            **shard.counted(cancelled=1),
        },
    )
    shard.pass_ms(50)

    assert shard.observe(shard.broker.cancel, "a") == ("cancelled", {})


def test_a_running_task_is_marked_and_its_worker_told(shard: Shard):
    shard.session("s")
    shard.claimed("a", session="s")

    with shard.listening("lineshaft:cancel") as messages:
        assert shard.observe(shard.broker.cancel, "a") == ("cancelling", {"lineshaft:cancelling": members("a")})
        assert shard.observe(shard.broker.cancel, "a") == ("cancelling", {})

    assert messages == [("lineshaft:cancel", "a")] * 2


@pytest.mark.parametrize("word", ["done", "failed", "expired"])
def test_a_task_that_has_ended_stays_as_it_ended(shard: Shard, word: str):
    shard.ended("a", word=word, ended_ms=NOW_MS - 5000)

    assert shard.observe(shard.broker.cancel, "a") == (word, {})


def test_an_unknown_id_is_unknown(shard: Shard):
    assert shard.observe(shard.broker.cancel, "a") == ("unknown", {})


def test_a_foreign_task_can_be_cancelled_by_its_word_alone(shard: Shard):
    shard.raw.set("task:a:status", "pending")
    shard.raw.lpush("task_queue", "a")

    reply, changed = shard.observe(shard.broker.cancel, "a")

    assert reply == "cancelled"
    assert changed["task:a:status"] == string("cancelled")


def test_those_who_wait_hear_of_it(shard: Shard):
    shard.ready("a")
    shard.raw.hset("lineshaft:watched", mapping={"a": "lineshaft:watch:x", "b": "lineshaft:watch:x"})

    with shard.listening("lineshaft:watch:x") as messages:
        changed = shard.observe(shard.broker.cancel, "a")[1]

    assert messages == [("lineshaft:watch:x", f"a cancelled {bare_outcome()}")]
    assert changed["lineshaft:watched"] == fields({"b": "lineshaft:watch:x"})


def test_cancelled_tasks_are_kept_within_their_number(make_shard):
    shard = make_shard(ended_kept=2)
    shard.ended("old", "older", word="cancelled", ended_ms=NOW_MS - 20_000)
    shard.ready("a")

    changed = shard.observe(shard.broker.cancel, "a")[1]

    assert changed["lineshaft:ended:cancelled"] == items("a", "older")
    assert changed["task:old"] is None
    assert changed["task:old:status"] is None
    assert changed["task:old:result"] is None


def test_a_damaged_set_of_marks_is_said_and_a_ready_task_can_still_be_cancelled(shard: Shard):
    shard.session("s")
    shard.claimed("a", session="s")
    shard.ready("b")
    shard.raw.set("lineshaft:cancelling", "wrong")

    assert shard.refused(DamagedRecordError, shard.broker.cancel, "a") == {}
    assert shard.broker.cancel("b") == "cancelled"
