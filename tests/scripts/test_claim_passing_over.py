"""claim: what it meets in a list and does not take."""

from collections.abc import Callable

import pytest

from lineshaft.protocol.reply import Claimed

from .keyspace import Stored, fields, items, scores, string
from .shard import NOW_MS, Shard

TOKEN = f"{NOW_MS * 1000}:default"


@pytest.fixture
def session(shard: Shard) -> str:
    shard.session("s")
    return "s"


def taken(reply: Claimed) -> list[str]:
    return [claim.task_id for claim in reply.claims]


@pytest.mark.parametrize(
    "word",
    ["cancelled", "in-progress", "done", "failed", "expired", "scheduled", "waiting", "PENDING", "pending ", ""],
)
def test_only_a_word_that_is_exactly_pending_is_taken(shard: Shard, session: str, word: str):
    """Invariant 5: cancelled ones, and those that a foreign consumer took, are dropped from the list and nowhere else."""
    shard.ready("a", word=word)
    shard.ready("b")

    reply, changed = shard.observe(shard.broker.claim, session, 10, ["default"])

    assert taken(reply) == ["b"]
    assert not reply.more
    assert changed == {
        "task_queue": None,
        "task:b:status": string("in-progress"),
        "lineshaft:owned:s": fields({"b": TOKEN}),
        "lineshaft:clock": string(str(NOW_MS * 1000)),
        **shard.counted(claimed=1, dropped=1),
    }


def test_a_claim_that_only_dropped_says_whether_more_waits(shard: Shard, session: str):
    shard.ready("a", "b", word="cancelled")
    shard.ready("c")

    reply, changed = shard.observe(shard.broker.claim, session, 2, ["default"])

    assert reply == Claimed(0, True, [], None)
    assert changed == {
        "task_queue": items("c"),
        "lineshaft:wake:default": items("1"),
        **shard.counted(dropped=2),
    }
    assert taken(shard.broker.claim(session, 2, ["default"])) == ["c"]


@pytest.mark.parametrize(
    ("default", "mail"),
    [(["a", "a"], []), (["a", "a", "a"], []), (["a"], ["a"])],
)
def test_an_id_that_was_pushed_twice_is_taken_once(shard: Shard, session: str, default: list[str], mail: list[str]):
    shard.record("a", "pending")
    shard.raw.lpush("task_queue", *default)
    if mail:
        shard.raw.lpush("task_queue:mail", *mail)

    reply, changed = shard.observe(shard.broker.claim, session, 10, ["default", "mail"])

    assert taken(reply) == ["a"]
    assert changed["lineshaft:owned:s"] == fields({"a": TOKEN})
    assert changed["task_queue"] is None
    assert shard.raw.hget(f"lineshaft:stats:{NOW_MS // 60_000}", "dropped") == str(len(default) + len(mail) - 1)


def test_the_second_entry_of_an_id_is_dropped_by_a_later_claim_too(shard: Shard, session: str):
    shard.record("a", "pending")
    shard.raw.lpush("task_queue", "a", "a")
    assert taken(shard.broker.claim(session, 1, ["default"])) == ["a"]

    reply, changed = shard.observe(shard.broker.claim, session, 1, ["default"])

    assert taken(reply) == []
    assert set(changed) == {"task_queue", *shard.counted()}


def test_an_id_without_a_word_is_kept_for_its_producer_to_name_it(shard: Shard, session: str):
    """A foreign producer may push before it sets the word."""
    shard.raw.lpush("task_queue", "a", "b")
    shard.raw.set("task:b:status", "pending")

    reply, changed = shard.observe(shard.broker.claim, session, 10, ["default"])

    assert taken(reply) == ["b"]
    assert changed["lineshaft:strays"] == scores(a=NOW_MS)
    assert changed["task_queue"] is None
    assert changed[f"lineshaft:stats:{NOW_MS // 60_000}"] == fields({"claimed": 1, "strayed": 1}, expires=True)


def test_a_stray_that_is_pushed_again_keeps_the_time_it_was_first_seen(shard: Shard, session: str):
    shard.raw.zadd("lineshaft:strays", {"a": NOW_MS - 900})
    shard.raw.lpush("task_queue", "a")

    assert "lineshaft:strays" not in shard.observe(shard.broker.claim, session, 10, ["default"])[1]


def test_only_the_default_queue_keeps_strays(shard: Shard, session: str):
    """The contract with foreign producers is about `task_queue` alone."""
    shard.raw.lpush("task_queue:mail", "a")

    reply, changed = shard.observe(shard.broker.claim, session, 10, ["mail"])

    assert taken(reply) == []
    assert changed == {"task_queue:mail": None, **shard.counted(dropped=1)}


@pytest.mark.strange_keys("words for ids that cannot be ones")
@pytest.mark.parametrize(
    "pushed",
    ["not an id", "a:b", "", "a\nb", "a\x00b", "é", "x" * 65, '{"id":"a"}', "a\n", "task:a:status", "%w"],
)
def test_what_cannot_be_an_id_is_set_aside_and_stops_nobody(shard: Shard, session: str, pushed: str):
    shard.ready("a")
    shard.raw.rpush("task_queue", pushed)
    shard.raw.set(f"task:{pushed}:status", "pending")

    reply, changed = shard.observe(shard.broker.claim, session, 10, ["default"])

    assert taken(reply) == ["a"]
    assert changed["lineshaft:set_aside"] == items(pushed)
    assert changed[f"lineshaft:stats:{NOW_MS // 60_000}"] == fields({"claimed": 1, "set_aside": 1}, expires=True)
    assert f"task:{pushed}:status" not in changed


@pytest.mark.parametrize("task_id", ["a", "A-z_0", "-", "_", "x" * 64, "0190f4c2-7d3a-7abc-8def-0123456789ab"])
def test_whatever_fits_the_alphabet_is_an_id(shard: Shard, session: str, task_id: str):
    shard.ready(task_id)

    assert taken(shard.broker.claim(session, 10, ["default"])) == [task_id]


def test_what_is_set_aside_is_bounded_in_length_and_in_number(shard: Shard, session: str):
    shard.raw.lpush("lineshaft:set_aside", *(f"old {n}" for n in range(1000)))
    shard.raw.lpush("task_queue", "y" * 100_000)

    shard.broker.claim(session, 10, ["default"])

    kept = shard.raw.lrange("lineshaft:set_aside", 0, -1)
    assert len(kept) == 1000
    assert kept[0] == "y" * 256
    assert kept[-1] == "old 1"


@pytest.mark.parametrize("paused", [True, False])
def test_nothing_is_dropped_from_a_queue_that_is_not_claimed_from(shard: Shard, session: str, paused: bool):
    shard.ready("a", word="cancelled")
    if paused:
        shard.raw.sadd("lineshaft:paused", "default")

    assert shard.observe(shard.broker.claim, session, 10, ["default"] if paused else ["mail"])[1] == {}


def wrong(shard: Shard, *names: str) -> None:
    for name in names:
        shard.raw.set(name, "wrong")


@pytest.mark.parametrize(
    "names",
    [
        ["task_queue:mail"],
        ["lineshaft:paused"],
        ["lineshaft:clock"],
        ["lineshaft:tries", "lineshaft:crashes"],
        ["lineshaft:wake:default"],
        ["lineshaft:strays", "lineshaft:set_aside", f"lineshaft:stats:{NOW_MS // 60_000}"],
        ["lineshaft:due:default", "lineshaft:due:mail", "lineshaft:queues"],
        ["lineshaft:suspects"],
    ],
    ids=lambda names: names[0],
)
def test_damage_beside_the_tasks_stops_no_claim(shard: Shard, session: str, names: list[str]):
    shard.ready("a", "b")
    shard.raw.rpush("task_queue", "not an id", "stray")
    wrong(shard, *names)

    reply, changed = shard.observe(lambda: shard.broker.claim(session, 4, ["mail", "default"], look_around=True))

    assert taken(reply) == ["a", "b"]
    assert not reply.more, "or the worker would ask again at once, without end"
    assert changed["lineshaft:owned:s"] == fields({"a": TOKEN, "b": TOKEN})
    assert not (set(names) - {"lineshaft:clock"}) & set(changed)


@pytest.mark.parametrize(
    ("damage", "seen"),
    [(lambda raw: raw.delete("task:a"), None), (lambda raw: raw.rpush("task:a", "wrong"), b"damaged")],
    ids=["missing: a foreign task", "of another type: a damaged one"],
)
def test_an_envelope_that_cannot_be_read_keeps_no_task_from_being_claimed(
    shard: Shard, session: str, damage: Callable, seen: bytes | None
):
    shard.ready("a", "b")
    shard.raw.delete("task:a")
    damage(shard.raw)

    reply = shard.broker.claim(session, 10, ["default"])

    assert [claim.envelope is None for claim in reply.claims] == [seen is None, False]
    assert reply.claims[0].envelope == seen


def test_a_word_of_another_type_is_no_word(shard: Shard, session: str):
    shard.ready("a", "b")
    shard.raw.delete("task:a:status")
    shard.raw.rpush("task:a:status", "pending")

    reply, changed = shard.observe(shard.broker.claim, session, 10, ["default"])

    assert taken(reply) == ["b"]
    assert changed["lineshaft:strays"] == Stored("zset", {"a": NOW_MS})
