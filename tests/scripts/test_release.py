"""release: hand claimed tasks back uncounted, to be run first, or after a delay."""

import pytest

from lineshaft.broker.broker import Return
from lineshaft.errors import DamagedRecordError

from .keyspace import fields, items, members, scores, string
from .shard import NOW_MS, Shard, bare_outcome

NOTE = b'{"type":"UnknownTaskError","message":"no task of that name"}'
KEPT_NOTE = f'{{"v":1,"kind":"unknown","at_ms":{NOW_MS},"error":{NOTE.decode()}}}'
DAY_MS = 86_400_000


def test_a_task_goes_back_to_the_right_end_and_its_repeat_changes_nothing(shard: Shard):
    """It was not to blame, so it costs neither a try nor a crash nor its place (invariant 8)."""
    token = shard.claimed("a", "b", queue="mail")
    shard.ready("c", "d", queue="mail")
    shard.raw.hset("lineshaft:tries", "a", 1)
    shard.raw.hset("lineshaft:crashes", "a", 1)

    assert shard.observe(shard.broker.release, "s", [Return("a", token)]) == (
        ["released"],
        {
            "task:a:status": string("pending"),
            "task_queue:mail": items("d", "c", "a"),
            "lineshaft:owned:s": fields({"b": token}),
            "lineshaft:wake:mail": items("1"),
            **shard.counted(released=1),
        },
    )
    shard.pass_ms(2000)

    assert shard.observe(shard.broker.release, "s", [Return("a", token)]) == (["released"], {})


def test_with_a_delay_it_is_due_later_and_the_note_says_why(shard: Shard):
    token = shard.claimed("a", "b")

    assert shard.observe(shard.broker.release, "s", [Return("a", token, 5000, NOTE, DAY_MS)]) == (
        ["released"],
        {
            "task:a:status": string("scheduled"),
            "task:a:attempts": items(KEPT_NOTE),
            "lineshaft:due:default": scores(a=NOW_MS + 5000),
            "lineshaft:owned:s": fields({"b": token}),
            "lineshaft:wake:default": items("1"),
            **shard.counted(released=1),
        },
    )
    shard.pass_ms(2000)

    assert shard.observe(shard.broker.release, "s", [Return("a", token, 5000, NOTE, DAY_MS)]) == (["released"], {})


def test_the_same_note_is_kept_once_however_often_the_task_is_put_back(shard: Shard):
    for number in (7, 8, 9):
        token = shard.claimed("a", number=number)
        assert shard.broker.release("s", [Return("a", token, 0, NOTE, DAY_MS)]) == ["released"]

    assert shard.raw.lrange("task:a:attempts", 0, -1) == [KEPT_NOTE]


def test_a_note_that_has_stood_for_too_long_is_answered_and_nothing_changed(shard: Shard):
    """The worker then fails the task: nobody who knows it has come for a day."""
    token = shard.claimed("a")
    shard.raw.rpush("task:a:attempts", KEPT_NOTE)
    shard.pass_ms(DAY_MS)
    assert shard.broker.release("s", [Return("a", token, 5000, NOTE, DAY_MS)]) == ["released"]
    token = shard.claimed("a", number=8)
    shard.pass_ms(1)

    assert shard.observe(shard.broker.release, "s", [Return("a", token, 5000, NOTE, DAY_MS)]) == (["overdue"], {})


def test_a_release_without_a_note_does_not_care_how_long_one_has_stood(shard: Shard):
    token = shard.claimed("a")
    shard.raw.rpush("task:a:attempts", KEPT_NOTE)
    shard.pass_ms(2 * DAY_MS)

    assert shard.broker.release("s", [Return("a", token)]) == ["released"]
    assert shard.raw.lrange("task:a:attempts", 0, -1) == [KEPT_NOTE]


def test_a_new_note_is_kept_beside_an_older_one(shard: Shard):
    token = shard.claimed("a")
    shard.raw.rpush("task:a:attempts", KEPT_NOTE, "failed once")

    shard.broker.release("s", [Return("a", token, 0, NOTE, DAY_MS)])

    assert shard.raw.lrange("task:a:attempts", 0, -1) == [KEPT_NOTE, "failed once", KEPT_NOTE]


@pytest.mark.parametrize("delay_ms", [None, 5000])
def test_a_task_that_was_asked_to_stop_ends_cancelled(shard: Shard, delay_ms: int | None):
    """Invariant 9."""
    token = shard.claimed("a")
    shard.raw.sadd("lineshaft:cancelling", "a", "b")
    returns = [Return("a", token, delay_ms, NOTE)]

    assert shard.observe(shard.broker.release, "s", returns) == (
        ["cancelled"],
        {
            "task:a:status": string("cancelled"),
            "task:a:result": string(bare_outcome()),
            "lineshaft:owned:s": None,
            "lineshaft:cancelling": members("b"),
            "lineshaft:ended:cancelled": items("a"),
            **shard.counted(cancelled=1),
        },
    )
    assert shard.observe(shard.broker.release, "s", returns) == (["cancelled"], {})


@pytest.mark.parametrize("held", ["8:default", None])
def test_a_run_that_lost_its_claim_changes_nothing(shard: Shard, held: str | None):
    """Invariant 3."""
    shard.claimed("a")
    shard.raw.delete("lineshaft:owned:s")
    if held:
        shard.raw.hset("lineshaft:owned:s", "a", held)

    assert shard.observe(shard.broker.release, "s", [Return("a", b"7:default", None, NOTE)]) == (["lost"], {})


def test_a_claim_that_another_session_holds_stays_with_it(shard: Shard):
    token = shard.claimed("a", session="t")

    assert shard.observe(shard.broker.release, "s", [Return("a", token)]) == (["lost"], {})


@pytest.mark.parametrize("word", ["done", "failed", "cancelled", "expired", "scheduled", "waiting"])
def test_where_somebody_else_ended_the_task_only_the_claim_is_given_up(shard: Shard, word: str):
    token = shard.claimed("a", word=word)
    returns = [Return("a", token, 5000, NOTE, DAY_MS)]

    assert shard.observe(shard.broker.release, "s", returns) == (["freed"], {"lineshaft:owned:s": None})
    assert shard.observe(shard.broker.release, "s", returns)[1] == {}


def test_each_of_a_batch_is_judged_by_itself(shard: Shard):
    token = shard.claimed("a", "b", "c")
    shard.raw.sadd("lineshaft:cancelling", "b")
    shard.raw.set("task:c:status", "done")

    batch = [Return("a", token), Return("b", token), Return("c", token), Return("x", token)]

    assert shard.broker.release("s", batch) == ["released", "cancelled", "freed", "lost"]


def test_it_needs_no_session(shard: Shard):
    """A worker whose session is over, or was never renewed, can still hand back what it owns."""
    shard.session("s", over_for_ms=60_000)
    token = shard.claimed("a")

    assert shard.broker.release("s", [Return("a", token)]) == ["released"]


def test_watchers_hear_of_a_cancelled_one_only(shard: Shard):
    token = shard.claimed("a", "b")
    shard.raw.sadd("lineshaft:cancelling", "b")
    shard.raw.hset("lineshaft:watched", mapping={"a": "x", "b": "x"})

    with shard.listening("x") as messages:
        shard.broker.release("s", [Return("a", token), Return("b", token)])

    assert messages == [("x", f"b cancelled {bare_outcome()}")]


def test_cancelled_tasks_are_kept_within_their_number(make_shard):
    shard = make_shard(ended_kept=1)
    shard.ended("a", "b", word="cancelled", ended_ms=NOW_MS - 20_000)

    changed = shard.observe(shard.broker.release, "s", [])[1]

    assert changed["lineshaft:ended:cancelled"] == items("b")
    assert {name for name in changed if changed[name] is None} == {"task:a", "task:a:status", "task:a:result"}


def test_a_damaged_hash_of_claims_is_said_and_nothing_is_written(shard: Shard):
    token = shard.claimed("a")
    shard.raw.delete("lineshaft:owned:s")
    shard.raw.set("lineshaft:owned:s", "wrong")

    assert shard.refused(DamagedRecordError, shard.broker.release, "s", [Return("a", token)]) == {}


@pytest.mark.parametrize("key", ["task_queue:mail", "lineshaft:due:mail"])
@pytest.mark.parametrize("delay_ms", [None, 0])
def test_a_task_of_a_damaged_queue_stays_claimed_and_holds_up_no_other(shard: Shard, key: str, delay_ms: int | None):
    token, other = shard.claimed("a", queue="mail"), shard.claimed("b")
    shard.raw.set(key, "wrong")

    reply, changed = shard.observe(
        shard.broker.release, "s", [Return("a", token, delay_ms, NOTE), Return("b", other, delay_ms)]
    )

    assert reply == ["damaged", "released"]
    assert not [name for name in changed if name.startswith("task:a")]
    assert changed["lineshaft:owned:s"] == fields({"a": token})


@pytest.mark.parametrize("name", ["lineshaft:cancelling", "lineshaft:suspects", "lineshaft:wake:default", "task:a:attempts"])
def test_damage_beside_a_task_stops_no_release(shard: Shard, name: str):
    token = shard.claimed("a")
    shard.raw.set(name, "wrong")

    reply, changed = shard.observe(shard.broker.release, "s", [Return("a", token, None, NOTE)])

    assert reply == ["released"]
    assert changed["task_queue"] == items("a")
    assert name not in changed


def test_a_full_batch_goes_back_in_one_call(shard: Shard):
    names = [f"t{n}" for n in range(500)]
    token = shard.claimed(*names)
    batch = [Return(name, token) for name in names]

    assert shard.broker.release("s", batch) == ["released"] * 500
    assert shard.raw.llen("task_queue") == 500
    assert shard.broker.release("s", batch) == ["released"] * 500
    assert shard.raw.llen("task_queue") == 500
