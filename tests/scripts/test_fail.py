"""fail: end a batch of tries that failed: due again later, or failed for good."""

import pytest

from lineshaft.broker.broker import Try
from lineshaft.errors import DamagedRecordError
from lineshaft.model.outcome import Attempt, Failure
from lineshaft.protocol import wire

from .keyspace import Changes, fields, items, members, scores, string
from .shard import DAY_MS, NOW_MS, Shard

FAILURE = Failure("ValueError", "no such picture")
OUTCOME = wire.encode_failed(NOW_MS, NOW_MS - 5, "s", 3, 0, FAILURE)


def evidence_of(number: int = 7) -> bytes:
    return wire.encode_attempt(Attempt(v=1, kind="error", at_ms=NOW_MS, claim=number, error=FAILURE))


def again(task_id: str, token: bytes, delay_ms: int = 4000) -> Try:
    return Try(task_id, token, evidence_of(), delay_ms, OUTCOME)


def last(task_id: str, token: bytes) -> Try:
    return Try(task_id, token, evidence_of(), None, OUTCOME)


def test_a_try_with_tries_left_is_due_again_and_its_repeat_is_recognised(shard: Shard):
    token = shard.claimed("a", "b", queue="mail")

    assert shard.observe(shard.broker.fail, "s", [again("a", token)]) == (
        ["scheduled"],
        {
            "task:a:status": string("scheduled"),
            "task:a:attempts": items(evidence_of()),
            "lineshaft:owned:s": fields({"b": token}),
            "lineshaft:due:mail": scores(a=NOW_MS + 4000),
            "lineshaft:tries": fields({"a": 1}),
            "lineshaft:wake:mail": items("1"),
            **shard.counted(retried=1),
        },
    )
    shard.pass_ms(2000)

    assert shard.observe(shard.broker.fail, "s", [again("a", token)]) == (["repeat"], {})


def test_the_last_try_ends_failed_and_its_repeat_is_recognised(shard: Shard):
    token = shard.claimed("a", "b")
    shard.raw.hset("lineshaft:tries", mapping={"a": 2, "b": 1})
    shard.raw.hset("lineshaft:crashes", "a", 1)
    shard.raw.rpush("task:a:attempts", "first", "second")

    assert shard.observe(shard.broker.fail, "s", [last("a", token)]) == (
        ["failed"],
        {
            "task:a:status": string("failed"),
            "task:a:result": string(OUTCOME),
            "task:a:attempts": items("first", "second", evidence_of()),
            "lineshaft:owned:s": fields({"b": token}),
            "lineshaft:ended:failed": items("a"),
            "lineshaft:tries": fields({"b": 1}),
            "lineshaft:crashes": None,
            **shard.counted(failed=1),
        },
    )
    shard.pass_ms(2000)

    assert shard.observe(shard.broker.fail, "s", [last("a", token)]) == (["repeat"], {})


def test_where_the_evidence_cannot_be_kept_the_outcome_tells_a_repeat(shard: Shard):
    token = shard.claimed("a")
    shard.raw.set("task:a:attempts", "wrong")

    assert shard.broker.fail("s", [last("a", token)]) == ["failed"]
    assert shard.observe(shard.broker.fail, "s", [last("a", token)]) == (["repeat"], {})


@pytest.mark.parametrize("try_of", [again, last])
def test_a_task_that_was_asked_to_stop_ends_cancelled(shard: Shard, try_of):
    """Invariant 9: it is never put back, and it did not fail either."""
    token = shard.claimed("a")
    shard.raw.sadd("lineshaft:cancelling", "a", "b")

    reply, changed = shard.observe(shard.broker.fail, "s", [try_of("a", token)])

    assert reply == ["cancelled"]
    assert changed == {
        "task:a:status": string("cancelled"),
        "task:a:result": string(OUTCOME),
        "task:a:attempts": items(evidence_of()),
        "lineshaft:owned:s": None,
        "lineshaft:cancelling": members("b"),
        "lineshaft:ended:cancelled": items("a"),
        **shard.counted(cancelled=1),
    }
    assert shard.observe(shard.broker.fail, "s", [try_of("a", token)]) == (["repeat"], {})


@pytest.mark.parametrize("try_of", [again, last])
@pytest.mark.parametrize("held", ["8:default", None])
def test_a_run_that_lost_its_claim_changes_nothing(shard: Shard, try_of, held: str | None):
    """Invariant 3."""
    shard.claimed("a")
    shard.raw.delete("lineshaft:owned:s")
    if held:
        shard.raw.hset("lineshaft:owned:s", "a", held)

    assert shard.observe(shard.broker.fail, "s", [try_of("a", b"7:default")]) == (["lost"], {})


def test_a_late_repeat_does_not_touch_the_next_run(shard: Shard):
    """The reply was lost, the task was promoted and claimed again, and only then the call is repeated."""
    token = shard.claimed("a")
    shard.broker.fail("s", [again("a", token, delay_ms=0)])
    shard.broker.promote(["default"])
    shard.session("t")
    shard.broker.claim("t", 1, ["default"])

    assert shard.observe(shard.broker.fail, "s", [again("a", token, delay_ms=0)]) == (["repeat"], {})


@pytest.mark.parametrize("word", ["done", "failed", "cancelled", "expired", "scheduled", "waiting"])
@pytest.mark.parametrize("try_of", [again, last])
def test_where_somebody_else_ended_the_task_only_the_claim_is_given_up(shard: Shard, word: str, try_of):
    token = shard.claimed("a", word=word)

    assert shard.observe(shard.broker.fail, "s", [try_of("a", token)]) == (["freed"], {"lineshaft:owned:s": None})
    assert shard.observe(shard.broker.fail, "s", [try_of("a", token)]) == (["lost"], {})


def test_a_word_set_back_to_pending_while_it_ran_is_no_obstacle(shard: Shard):
    """A foreign producer that pushes before it sets the word may do so."""
    token = shard.claimed("a", word="pending")

    assert shard.broker.fail("s", [again("a", token)]) == ["scheduled"]


def test_each_of_a_batch_is_judged_by_itself(shard: Shard):
    token = shard.claimed("a", "b", "c", "d")
    shard.raw.sadd("lineshaft:cancelling", "c")
    shard.raw.set("task:d:status", "done")

    batch = [again("a", token), last("b", token), again("c", token), again("d", token), again("x", token)]

    assert shard.broker.fail("s", batch) == ["scheduled", "failed", "cancelled", "freed", "lost"]


def test_tries_add_up(shard: Shard):
    for number in (7, 8, 9):
        token = shard.claimed("a", number=number)
        attempt = Try("a", token, evidence_of(number), 0, OUTCOME)
        assert shard.broker.fail("s", [attempt]) == ["scheduled"]

    assert shard.raw.hgetall("lineshaft:tries") == {"a": "3"}
    assert shard.raw.lrange("task:a:attempts", 0, -1) == [evidence_of(number).decode() for number in (7, 8, 9)]


def test_a_failure_costs_no_crash(shard: Shard):
    token = shard.claimed("a")
    shard.raw.hset("lineshaft:crashes", "a", 4)

    assert "lineshaft:crashes" not in shard.observe(shard.broker.fail, "s", [again("a", token)])[1]


def test_watchers_hear_of_an_end_and_not_of_a_try(shard: Shard):
    token = shard.claimed("a", "b")
    shard.raw.hset("lineshaft:watched", mapping={"a": "x", "b": "x"})

    with shard.listening("x") as messages:
        shard.broker.fail("s", [again("a", token), last("b", token)])

    assert messages == [("x", f"b failed {OUTCOME.decode()}")]
    assert shard.raw.hgetall("lineshaft:watched") == {"a": "x"}


def test_the_newest_1000_attempts_are_kept(shard: Shard):
    token = shard.claimed("a")
    shard.raw.rpush("task:a:attempts", *range(1000))

    shard.broker.fail("s", [again("a", token)])

    assert shard.raw.llen("task:a:attempts") == 1000
    assert shard.raw.lrange("task:a:attempts", -2, -1) == ["999", evidence_of().decode()]


def trimmed(changed: Changes) -> set[str]:
    return {name for name, stored in changed.items() if stored is None}


def test_failed_and_cancelled_tasks_are_kept_within_their_bounds(make_shard):
    shard = make_shard(ended_kept=1, ended_kept_s=7 * DAY_MS / 1000)
    shard.ended("a", "b", word="failed", ended_ms=NOW_MS - 20_000)
    shard.ended("c", word="cancelled", ended_ms=NOW_MS - 8 * DAY_MS)
    shard.ended("d", "e", word="done", ended_ms=NOW_MS - 20_000)

    reply, changed = shard.observe(shard.broker.fail, "s", [])

    assert reply == []
    assert trimmed(changed) == {
        *(f"task:{name}{part}" for name in "ac" for part in ("", ":status", ":result")),
        "lineshaft:ended:cancelled",
    }


def test_a_damaged_hash_of_claims_is_said_and_nothing_is_written(shard: Shard):
    token = shard.claimed("a")
    shard.raw.delete("lineshaft:owned:s")
    shard.raw.set("lineshaft:owned:s", "wrong")

    assert shard.refused(DamagedRecordError, shard.broker.fail, "s", [again("a", token)]) == {}


@pytest.mark.parametrize("name", ["due:mail", "tries"])
def test_a_try_that_cannot_be_made_due_stays_claimed_and_holds_up_no_other(shard: Shard, name: str):
    token, other = shard.claimed("a", queue="mail"), shard.claimed("b")
    shard.raw.set(f"lineshaft:{name}", "wrong")

    reply, changed = shard.observe(shard.broker.fail, "s", [again("a", token), last("b", other)])

    assert reply == ["damaged", "failed"]
    assert not [key for key in changed if key.startswith("task:a")]
    assert changed["lineshaft:owned:s"] == fields({"a": token})


def test_a_count_of_tries_that_is_no_number_loses_no_task(shard: Shard):
    """Invariant 12: the hash is of the right type and its value is not, which HINCRBY only says when it writes."""
    token = shard.claimed("a")
    shard.raw.hset("lineshaft:tries", "a", "wrong")

    reply = shard.broker.fail("s", [again("a", token)])

    assert reply == ["scheduled"]
    assert shard.raw.zscore("lineshaft:due:default", "a") == NOW_MS + 4000
    assert shard.raw.hget("lineshaft:tries", "a") == "1", "or it would be tried for ever"


@pytest.mark.parametrize("name", ["lineshaft:cancelling", "lineshaft:suspects", "lineshaft:wake:default", "task:a:attempts"])
def test_damage_beside_a_task_stops_no_try(shard: Shard, name: str):
    token = shard.claimed("a")
    shard.raw.set(name, "wrong")

    reply, changed = shard.observe(shard.broker.fail, "s", [again("a", token)])

    assert reply == ["scheduled"]
    assert changed["lineshaft:due:default"] == scores(a=NOW_MS + 4000)
    assert name not in changed


@pytest.mark.parametrize("name", ["watched", "crashes", "tries", "cancelling", "ended:failed", "due:default"])
def test_damage_beside_a_task_stops_no_end(shard: Shard, name: str):
    token = shard.claimed("a")
    shard.raw.set(f"lineshaft:{name}", "wrong")

    reply, changed = shard.observe(shard.broker.fail, "s", [last("a", token)])

    assert reply == ["failed"]
    assert changed["task:a:result"] == string(OUTCOME)
