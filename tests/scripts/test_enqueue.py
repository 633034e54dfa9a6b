"""enqueue: accept a batch of tasks, each once."""

import pytest

from lineshaft.broker.broker import NewTask
from lineshaft.protocol import wire

from .keyspace import Stored, fields, items, members, scores, string
from .shard import NOW_MS, Shard, digest_of, envelope_of


def new(task_id: str, queue: str = "default", **options: object) -> NewTask:
    return NewTask(task_id, queue, envelope_of(task_id, queue), **options)


def other_content(task_id: str, **options: object) -> NewTask:
    return NewTask(task_id, "default", envelope_of("something-else"), **options)


def test_a_batch_is_accepted_whole_and_its_repeat_makes_nothing(shard: Shard):
    batch = [
        new("a"),
        new("b"),
        new("c", "mail"),
        new("d", delay_ms=5000),
        new("e", "mail", delay_ms=0),
        new("f", keep_digest=True),
    ]

    assert shard.observe(shard.broker.enqueue, batch) == (
        ["created"] * 6,
        {
            "task_queue": items("f", "b", "a"),
            "task_queue:mail": items("c"),
            "lineshaft:due:default": scores(d=NOW_MS + 5000),
            "lineshaft:due:mail": scores(e=NOW_MS),
            "lineshaft:queues": members("default", "mail"),
            "lineshaft:wake:default": items("1"),
            "lineshaft:wake:mail": items("1"),
            **{f"task:{task.task_id}": string(task.envelope) for task in batch},
            **{f"task:{name}:status": string("pending") for name in "abcf"},
            **{f"task:{name}:status": string("scheduled") for name in "de"},
            "task:f:digest": string(digest_of(batch[5].envelope), expires=True),
            **shard.counted(enqueued=6),
        },
    )
    shard.pass_ms(3000)

    assert shard.observe(shard.broker.enqueue, batch) == (["same"] * 6, {})


def test_an_empty_batch_is_no_error(shard: Shard):
    assert shard.observe(shard.broker.enqueue, []) == ([], {})


@pytest.mark.parametrize("word", ["pending", "in-progress", "scheduled", "done", "failed", "cancelled"])
def test_an_id_in_use_is_the_same_task_or_a_conflict_by_its_digest(shard: Shard, word: str):
    """Invariant 11, whatever has become of the task."""
    shard.record("a", word)

    assert shard.observe(shard.broker.enqueue, [new("a")]) == (["same"], {})
    assert shard.observe(shard.broker.enqueue, [other_content("a")]) == (["conflict"], {})


def test_only_what_is_new_in_a_batch_is_written(shard: Shard):
    shard.ready("a", "b")

    reply, changed = shard.observe(shard.broker.enqueue, [new("a"), other_content("b", delay_ms=9, keep_digest=True), new("c")])

    assert reply == ["same", "conflict", "created"]
    assert changed == {
        "task_queue": items("c", "b", "a"),
        "task:c": string(envelope_of("c")),
        "task:c:status": string("pending"),
        "lineshaft:wake:default": items("1"),
        **shard.counted(enqueued=1),
    }


def test_an_id_that_stands_twice_in_a_batch_is_one_task(shard: Shard):
    batch = [new("a"), new("a"), other_content("a"), new("b")]

    reply, changed = shard.observe(shard.broker.enqueue, batch)

    assert reply == ["created", "same", "conflict", "created"]
    assert changed["task:a"] == string(envelope_of("a"))
    assert changed["task_queue"] == items("b", "a")
    assert shard.observe(shard.broker.enqueue, batch) == (["same", "same", "conflict", "same"], {})


def test_an_id_that_was_known_before_and_stands_twice_is_judged_by_what_is_stored(shard: Shard):
    shard.ready("a")

    assert shard.observe(shard.broker.enqueue, [other_content("a"), other_content("a"), new("a")]) == (
        ["conflict", "conflict", "same"],
        {},
    )


def test_a_foreign_task_keeps_its_id(shard: Shard):
    """It has a word and no envelope, so nobody can say that it is the same."""
    shard.raw.set("task:a:status", "pending")

    assert shard.observe(shard.broker.enqueue, [new("a", keep_digest=True)]) == (["conflict"], {})


def test_a_digest_outlives_the_record_and_then_ends_by_itself(shard: Shard):
    shard.broker.enqueue([new("a", keep_digest=True)])
    shard.raw.delete("task:a", "task:a:status", "task_queue")

    assert shard.observe(shard.broker.enqueue, [new("a", keep_digest=True)]) == (["same"], {})
    assert shard.observe(shard.broker.enqueue, [other_content("a")]) == (["conflict"], {})

    assert 86_000_000 < shard.raw.pttl("task:a:digest") <= 86_400_000
    shard.raw.delete("task:a:digest")
    assert shard.broker.enqueue([other_content("a")]) == ["created"]


def test_how_long_a_digest_is_kept_can_be_set(make_shard):
    shard = make_shard(digest_kept_s=60)

    shard.broker.enqueue([new("a", keep_digest=True)])

    assert 50_000 < shard.raw.pttl("task:a:digest") <= 60_000


def test_the_digest_does_not_depend_on_when_the_task_was_enqueued(shard: Shard):
    shard.ready("a")
    later = wire.encode_envelope("demo.echo", "default", b'["a"]', b"{}", NOW_MS + 60_000, 0)

    assert shard.observe(shard.broker.enqueue, [NewTask("a", "default", later)]) == (["same"], {})


def test_a_sooner_task_wakes_a_worker_and_a_later_one_does_not(shard: Shard):
    """Its timer is set for the next due task; it must hear of a sooner one only."""
    shard.scheduled("a", due_ms=NOW_MS + 5000)

    assert "lineshaft:wake:default" not in shard.observe(shard.broker.enqueue, [new("b", delay_ms=6000)])[1]
    assert shard.observe(shard.broker.enqueue, [new("c", delay_ms=4000)])[1]["lineshaft:wake:default"] == items("1")


def test_wake_up_tokens_do_not_pile_up(shard: Shard):
    for name in "abc":
        shard.broker.enqueue([new(name)])

    assert shard.raw.lrange("lineshaft:wake:default", 0, -1) == ["1"]


@pytest.mark.parametrize("key", ["task_queue:mail", "lineshaft:due:mail"])
def test_a_damaged_queue_refuses_its_own_tasks_only(shard: Shard, key: str):
    shard.raw.set(key, "wrong")

    reply, changed = shard.observe(shard.broker.enqueue, [new("a"), new("b", "mail"), new("c")])

    assert reply == ["created", "damaged", "created"]
    assert not {"task:b", "task:b:status", key} & set(changed)
    assert changed["task_queue"] == items("c", "a")
    assert shard.observe(shard.broker.enqueue, [new("b", "mail")]) == (["damaged"], {})


@pytest.mark.parametrize("damaged", ["task:a", "task:a:status", "task:a:digest"])
def test_a_record_of_another_type_is_a_conflict_and_stays_as_it_is(shard: Shard, damaged: str):
    shard.raw.rpush(damaged, "wrong")

    reply, changed = shard.observe(shard.broker.enqueue, [new("a", keep_digest=True), new("b")])

    assert reply == ["conflict", "created"]
    assert not {"task:a", "task:a:status", "task:a:digest"} & set(changed)


@pytest.mark.parametrize(
    ("key", "stored"),
    [
        ("lineshaft:queues", string("wrong")),
        ("lineshaft:wake:default", string("wrong")),
        (f"lineshaft:stats:{NOW_MS // 60_000}", string("wrong")),
    ],
)
def test_what_is_kept_beside_the_tasks_never_stops_an_enqueue(shard: Shard, key: str, stored: Stored):
    shard.raw.set(key, stored.value)

    reply, changed = shard.observe(shard.broker.enqueue, [new("a")])

    assert reply == ["created"]
    assert key not in changed
    assert changed["task_queue"] == items("a")


def test_a_full_batch_goes_in_one_call(shard: Shard):
    batch = [new(f"t{n:03d}", keep_digest=True, delay_ms=None if n % 2 else n) for n in range(500)]

    assert shard.broker.enqueue(batch) == ["created"] * 500
    assert shard.broker.enqueue(batch) == ["same"] * 500
    assert shard.raw.llen("task_queue") == shard.raw.zcard("lineshaft:due:default") == 250


def test_counters_of_a_minute_add_up_and_end_after_a_day(shard: Shard):
    shard.broker.enqueue([new("a"), new("b")])
    shard.broker.enqueue([new("c")])
    name = f"lineshaft:stats:{NOW_MS // 60_000}"

    assert shard.observe(lambda: None)[1] == {}
    assert fields(shard.raw.hgetall(name)) == fields({"enqueued": 3})
    assert 80_000 < shard.raw.ttl(name) <= 86_400
