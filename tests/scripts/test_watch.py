"""watch: answer how tasks ended, or promise to tell a channel when they do."""

import pytest

from lineshaft.errors import DamagedRecordError
from lineshaft.protocol import reply
from lineshaft.protocol.reply import Ended

from .keyspace import fields
from .shard import NOW_MS, Shard, done_outcome

CHANNEL = "lineshaft:watch:x"


@pytest.mark.parametrize("word", ["pending", "in-progress", "scheduled", "waiting", "a word of somebody else's"])
def test_a_task_that_lives_is_watched_and_a_repeat_registers_nobody_twice(shard: Shard, word: str):
    shard.record("a", word)

    assert shard.observe(shard.broker.watch, CHANNEL, ["a"]) == (
        ["watching"],
        {"lineshaft:watched": fields({"a": CHANNEL})},
    )
    assert shard.observe(shard.broker.watch, CHANNEL, ["a"]) == (["watching"], {})


@pytest.mark.parametrize("word", ["done", "failed", "cancelled", "expired"])
def test_a_task_that_has_ended_is_told_at_once(shard: Shard, word: str):
    shard.ended("a", word=word, ended_ms=NOW_MS)

    assert shard.observe(shard.broker.watch, CHANNEL, ["a"]) == ([Ended(word, done_outcome())], {})


def test_a_word_that_a_foreign_consumer_set_ends_the_wait_without_an_outcome(shard: Shard):
    shard.record("a", "done")

    assert shard.broker.watch(CHANNEL, ["a"]) == [Ended("done", None)]


def test_an_absent_record_is_gone_and_registers_nothing(shard: Shard):
    """Nothing would ever end it, and the hash would grow."""
    assert shard.observe(shard.broker.watch, CHANNEL, ["a"]) == (["gone"], {})


def test_a_foreign_task_and_one_whose_word_is_missing_are_watched(shard: Shard):
    shard.raw.set("task:a:status", "pending")
    shard.raw.set("task:b", "an envelope")

    assert shard.broker.watch(CHANNEL, ["a", "b"]) == ["watching", "watching"]


def test_each_of_several_is_answered_in_turn(shard: Shard):
    shard.record("a", "pending")
    shard.ended("b", word="done", ended_ms=NOW_MS)

    assert shard.observe(shard.broker.watch, CHANNEL, ["c", "a", "b", "a"]) == (
        ["gone", "watching", Ended("done", done_outcome()), "watching"],
        {"lineshaft:watched": fields({"a": CHANNEL})},
    )


def test_several_clients_watch_one_task(shard: Shard):
    shard.record("a", "pending")
    for client in ("xy", "x", "y", "x", "xy"):
        shard.broker.watch(f"lineshaft:watch:{client}", ["a"])

    channels = shard.raw.hget("lineshaft:watched", "a").split(" ")

    assert channels == ["lineshaft:watch:xy", "lineshaft:watch:x", "lineshaft:watch:y"]


def test_of_too_many_clients_the_oldest_are_let_go(shard: Shard):
    """They ask again by themselves."""
    shard.record("a", "pending")
    for n in range(400):
        shard.broker.watch(f"lineshaft:watch:{n}", ["a"])

    kept = shard.raw.hget("lineshaft:watched", "a")

    assert 3900 < len(kept) <= 4096
    assert kept.split(" ") == [f"lineshaft:watch:{n}" for n in range(400 - len(kept.split(" ")), 400)]


def test_one_channel_longer_than_the_room_is_still_registered(shard: Shard):
    shard.record("a", "pending")
    shard.broker.watch("x", ["a"])

    shard.broker.watch("y" * 5000, ["a"])

    assert shard.raw.hget("lineshaft:watched", "a") == "y" * 5000


@pytest.mark.parametrize("value", [b'"small"', b'"%b"' % (b"x" * 9000)])
def test_the_message_at_the_end_can_be_read(shard: Shard, value: bytes):
    shard.session("s")
    shard.ready("a")
    outcome = done_outcome(value)
    shard.broker.watch(CHANNEL, ["a"])
    token = shard.broker.claim("s", 1, ["default"]).claims[0].token

    with shard.listening(CHANNEL) as messages:
        shard.broker.finish("s", [("a", token, outcome)])

    assert [reply.ended_message(message.encode()) for _, message in messages] == [
        ("a", Ended("done", outcome if len(outcome) <= 8192 else None))
    ]
    assert not shard.raw.exists("lineshaft:watched")


def test_a_damaged_registry_of_watchers_is_said_and_ends_are_still_told(shard: Shard):
    shard.record("a", "pending")
    shard.ended("b", word="done", ended_ms=NOW_MS)
    shard.raw.set("lineshaft:watched", "wrong")

    assert shard.refused(DamagedRecordError, shard.broker.watch, CHANNEL, ["a"]) == {}
    assert shard.broker.watch(CHANNEL, ["b"]) == [Ended("done", done_outcome())]


def test_a_watch_that_is_refused_has_written_nothing(shard: Shard):
    shard.ended("a", word="done", ended_ms=NOW_MS)
    shard.ready("b")
    shard.raw.sadd("lineshaft:cancelling", "a")
    shard.raw.set("lineshaft:watched", "wrong")

    assert shard.refused(DamagedRecordError, shard.broker.watch, CHANNEL, ["a", "b"]) == {}
