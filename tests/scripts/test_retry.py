"""retry: run an ended task again, by hand."""

import pytest

from lineshaft.protocol import wire

from .keyspace import fields, items, members, scores, string
from .shard import DAY_MS, NOW_MS, Shard

ENDED = ["done", "failed", "cancelled", "expired"]


def mark_of(word: str, at_ms: int = NOW_MS) -> str:
    return f'{{"v":1,"kind":"retry","at_ms":{at_ms},"was":"{word}"}}'


@pytest.mark.parametrize("word", ENDED)
def test_an_ended_task_becomes_ready_as_if_new_and_its_repeat_changes_nothing(shard: Shard, word: str):
    shard.ended("a", "b", word=word, ended_ms=NOW_MS - 5000)
    shard.ready("z", queue="mail")
    shard.raw.rpush("task:a:attempts", "evidence")
    for name in ("tries", "crashes"):
        shard.raw.hset(f"lineshaft:{name}", mapping={"a": 3, "b": 1})
    shard.raw.sadd("lineshaft:cancelling", "a", "b")

    assert shard.observe(shard.broker.retry, "a", "mail", 1) == (
        "pending",
        {
            "task:a:status": string("pending"),
            "task:a:result": None,
            "task:a:attempts": items("evidence", mark_of(word)),
            "task_queue:mail": items("a", "z"),
            f"lineshaft:ended:{word}": items("b"),
            "lineshaft:tries": fields({"b": 1}),
            "lineshaft:crashes": fields({"b": 1}),
            "lineshaft:cancelling": members("b"),
            "lineshaft:wake:mail": items("1"),
            **shard.counted(retried_by_hand=1),
        },
    )
    shard.pass_ms(2000)

    assert shard.observe(shard.broker.retry, "a", "mail", 1) == ("pending", {})


def test_the_mark_it_leaves_can_be_read(shard: Shard):
    shard.ended("a", word="failed", ended_ms=NOW_MS - 5000)

    shard.broker.retry("a", "default", 0)

    mark = wire.decode_attempt(shard.raw.lindex("task:a:attempts", 0).encode())
    assert (mark.kind, mark.at_ms, mark.was) == ("retry", NOW_MS, "failed")


@pytest.mark.parametrize("word", ENDED)
def test_a_late_repeat_starts_no_second_run_of_one_that_has_ended_again(shard: Shard, word: str):
    """The attempts that the caller saw tell this retry from the next."""
    shard.ended("a", word="failed", ended_ms=NOW_MS - 5000)
    shard.broker.retry("a", "default", 0)
    shard.raw.delete("task_queue")
    shard.ended("a", word=word, ended_ms=NOW_MS)

    assert shard.observe(shard.broker.retry, "a", "default", 0) == ("pending", {})
    assert shard.broker.retry("a", "default", 1) == "pending"
    assert shard.raw.lrange("task_queue", 0, -1) == ["a"]


@pytest.mark.parametrize(("attempts", "seen"), [(0, 1), (1, 0), (3, 2), (3, 5)])
def test_one_that_ran_since_the_caller_looked_is_stale(shard: Shard, attempts: int, seen: int):
    shard.ended("a", word="failed", ended_ms=NOW_MS - 5000)
    if attempts:
        shard.raw.rpush("task:a:attempts", *range(attempts))

    assert shard.observe(shard.broker.retry, "a", "default", seen) == ("stale", {})


@pytest.mark.parametrize("word", ["pending", "in-progress", "scheduled", "waiting"])
def test_one_that_has_not_ended_stays_as_it_is(shard: Shard, word: str):
    shard.record("a", word)

    assert shard.observe(shard.broker.retry, "a", "default", 0) == (word, {})


@pytest.mark.parametrize("missing", [["task:a"], ["task:a:status"], ["task:a", "task:a:status"]])
def test_without_a_record_there_is_nothing_to_run(shard: Shard, missing: list[str]):
    shard.ended("a", word="failed", ended_ms=NOW_MS - 5000)
    shard.raw.delete(*missing)

    assert shard.observe(shard.broker.retry, "a", "default", 0) == ("unknown", {})


def test_the_entries_that_a_cancel_left_behind_do_not_run_it_twice(shard: Shard):
    shard.ready("a", "b")
    shard.scheduled("c", due_ms=NOW_MS + 9000)
    for name in "ac":
        shard.broker.cancel(name)
        assert shard.broker.retry(name, "default", 0) == "pending"

    assert shard.raw.lrange("task_queue", 0, -1) == ["c", "a", "b"]
    assert shard.raw.zcard("lineshaft:due:default") == 0


def test_it_goes_to_the_left_end_behind_those_who_wait(shard: Shard):
    shard.ready("z")
    shard.ended("a", word="done", ended_ms=NOW_MS - 5000)

    shard.broker.retry("a", "default", 0)

    assert shard.raw.lrange("task_queue", 0, -1) == ["a", "z"]


def test_a_queue_that_nobody_knew_is_registered(shard: Shard):
    shard.ended("a", word="done", ended_ms=NOW_MS - 5000)

    assert shard.observe(shard.broker.retry, "a", "mail", 0)[1]["lineshaft:queues"] == members("mail")


def test_the_next_run_ends_as_any_other(shard: Shard):
    shard.session("s")
    shard.ended("a", word="failed", ended_ms=NOW_MS - 5000)
    shard.raw.hset("lineshaft:tries", "a", 3)
    shard.broker.retry("a", "default", 0)

    claim = shard.broker.claim("s", 1, ["default"]).claims[0]

    assert (claim.task_id, claim.failed_tries, claim.crashes) == ("a", 0, 0)


@pytest.mark.parametrize("key", ["task_queue:mail", "task:a:attempts", "lineshaft:ended:failed"])
def test_a_damaged_key_on_its_way_is_said_and_nothing_is_written(shard: Shard, key: str):
    shard.ended("a", word="failed", ended_ms=NOW_MS - 5000)
    shard.raw.delete(key)
    shard.raw.set(key, "wrong")

    assert shard.observe(shard.broker.retry, "a", "mail", 0) == ("damaged", {})


@pytest.mark.parametrize("name", ["tries", "crashes", "cancelling", "due:default", "queues", "wake:default", "suspects"])
def test_damage_beside_a_task_stops_no_retry(shard: Shard, name: str):
    shard.ended("a", word="failed", ended_ms=NOW_MS - 5000)
    shard.raw.set(f"lineshaft:{name}", "wrong")

    reply, changed = shard.observe(shard.broker.retry, "a", "default", 0)

    assert reply == "pending"
    assert changed["task_queue"] == items("a")
    assert f"lineshaft:{name}" not in changed


def test_a_task_with_the_longest_list_of_attempts_is_retried_once_too(shard: Shard):
    """The list is cut to 1,000, so its length stops growing; a late repeat must still be told from a new call."""
    shard.ended("a", word="failed", ended_ms=NOW_MS - 5000)
    shard.raw.rpush("task:a:attempts", *range(1000))
    assert shard.broker.retry("a", "default", 1000) == "pending"
    shard.raw.delete("task_queue")
    shard.ended("a", word="failed", ended_ms=NOW_MS)

    reply, changed = shard.observe(shard.broker.retry, "a", "default", 1000)

    assert reply in {"pending", "stale"}
    assert changed == {}


def test_a_digest_and_the_due_sets_of_other_tasks_stay(shard: Shard):
    shard.ended("a", word="done", ended_ms=NOW_MS - 5000)
    shard.scheduled("b", due_ms=NOW_MS + 1)
    shard.raw.set("task:a:digest", "d" * 32, px=DAY_MS)

    changed = shard.observe(shard.broker.retry, "a", "default", 0)[1]

    assert not {"task:a:digest", "lineshaft:due:default", "task:a"} & set(changed)
    assert scores(b=NOW_MS + 1).value == dict(shard.raw.zrange("lineshaft:due:default", 0, -1, withscores=True))
