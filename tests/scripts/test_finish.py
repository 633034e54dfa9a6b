"""finish: end a batch of claimed tasks with their results."""

import pytest

from lineshaft.errors import DamagedRecordError

from .keyspace import Stored, fields, items, members, string
from .shard import DAY_MS, NOW_MS, Shard, done_outcome

A, B = done_outcome(b'"a"'), done_outcome(b'"b"')


def test_a_batch_ends_done_and_its_repeat_is_recognised(shard: Shard):
    shard.session("s")
    token = shard.claimed("a", "b", "c")
    batch = [("a", token, A), ("b", token, B)]

    assert shard.observe(shard.broker.finish, "s", batch) == (
        ["done", "done"],
        {
            "task:a:status": string("done"),
            "task:b:status": string("done"),
            "task:a:result": string(A),
            "task:b:result": string(B),
            "lineshaft:owned:s": fields({"c": token}),
            "lineshaft:ended:done": items("b", "a"),
            **shard.counted(done=2),
        },
    )
    shard.pass_ms(2000)

    assert shard.observe(shard.broker.finish, "s", batch) == (["repeat", "repeat"], {})


@pytest.mark.parametrize(
    ("held", "sent"),
    [("8:default", b"7:default"), ("7:default", b"8:default"), ("7:mail", b"7:default"), (None, b"7:default")],
)
def test_a_run_that_lost_its_claim_changes_nothing(shard: Shard, held: str | None, sent: bytes):
    """Invariant 3: the token must be equal, to the letter."""
    shard.session("s")
    shard.claimed("a")
    shard.raw.delete("lineshaft:owned:s")
    if held:
        shard.raw.hset("lineshaft:owned:s", "a", held)

    assert shard.observe(shard.broker.finish, "s", [("a", sent, A)]) == (["lost"], {})


def test_a_claim_of_another_session_is_not_this_runs_to_end(shard: Shard):
    token = shard.claimed("a", session="t")

    assert shard.observe(shard.broker.finish, "s", [("a", token, A)]) == (["lost"], {})


def test_one_that_lost_its_claim_does_not_hold_up_the_others(shard: Shard):
    token = shard.claimed("a", "b", "c")

    reply, changed = shard.observe(
        shard.broker.finish, "s", [("a", token, A), ("b", b"1:default", A), ("unknown", token, A), ("c", token, B)]
    )

    assert reply == ["done", "lost", "lost", "done"]
    assert changed["lineshaft:ended:done"] == items("c", "a")
    assert "task:b:status" not in changed
    assert "task:unknown:status" not in changed


def test_each_token_is_accepted_once_even_within_a_batch(shard: Shard):
    token = shard.claimed("a")

    reply, changed = shard.observe(shard.broker.finish, "s", [("a", token, A), ("a", token, B)])

    assert reply[0] == "done"
    assert reply[1] == "lost"
    assert changed["task:a:result"] == string(A)
    assert changed["lineshaft:ended:done"] == items("a")


def test_a_stored_outcome_is_not_replaced_by_another(shard: Shard):
    token = shard.claimed("a")
    shard.broker.finish("s", [("a", token, A)])

    assert shard.observe(shard.broker.finish, "s", [("a", token, B)]) == (["lost"], {})


@pytest.mark.parametrize("lease_over_for_ms", [None, 60_000])
def test_a_run_that_still_owns_its_claim_may_end_late(shard: Shard, lease_over_for_ms: int | None):
    """It looks at the token only: a session that is over but not reaped, and even one whose record is gone."""
    if lease_over_for_ms:
        shard.session("s", over_for_ms=lease_over_for_ms)
    token = shard.claimed("a")

    assert shard.broker.finish("s", [("a", token, A)]) == ["done"]


def test_everything_beside_an_ended_task_is_cleared_and_only_that(shard: Shard):
    """Invariant 15."""
    token = shard.claimed("a", "b")
    for name in ("tries", "crashes"):
        shard.raw.hset(f"lineshaft:{name}", mapping={"a": 2, "b": 1})
    shard.raw.sadd("lineshaft:cancelling", "a", "b")
    shard.raw.hset("lineshaft:watched", mapping={"a": "x", "b": "y"})
    shard.raw.rpush("task:a:attempts", "evidence")

    changed = shard.observe(shard.broker.finish, "s", [("a", token, A)])[1]

    assert changed["lineshaft:tries"] == changed["lineshaft:crashes"] == fields({"b": 1})
    assert changed["lineshaft:cancelling"] == members("b")
    assert changed["lineshaft:watched"] == fields({"b": "y"})
    assert "task:a:attempts" not in changed, "evidence stays as long as the record"


def test_every_watcher_hears_with_an_outcome_only_where_it_is_small(shard: Shard):
    large = done_outcome(b'"%b"' % (b"x" * 9000))
    token = shard.claimed("a", "b", "c")
    shard.raw.hset("lineshaft:watched", mapping={"a": "x y", "b": "x", "d": "x"})

    with shard.listening("x", "y") as messages:
        shard.broker.finish("s", [("a", token, A), ("b", token, large), ("c", token, A)])

    assert sorted(messages) == [("x", f"a done {A.decode()}"), ("x", "b done "), ("y", f"a done {A.decode()}")]


def test_a_repeat_tells_nobody_again(shard: Shard):
    token = shard.claimed("a")
    shard.broker.finish("s", [("a", token, A)])
    shard.raw.hset("lineshaft:watched", "a", "x")

    with shard.listening("x") as messages:
        assert shard.broker.finish("s", [("a", token, A)]) == ["repeat"]

    assert messages == []


class TestHistory:
    """What has ended is kept within its bounds (invariant 13)."""

    def test_the_oldest_beyond_the_number_go_with_all_they_have(self, make_shard):
        shard = make_shard(done_kept=2)
        shard.ended("a", "b", "c", word="done", ended_ms=NOW_MS - 20_000)
        shard.raw.rpush("task:a:attempts", "evidence")
        shard.raw.set("task:a:digest", "d" * 32, px=DAY_MS)
        token = shard.claimed("d")

        changed = shard.observe(shard.broker.finish, "s", [("d", token, A)])[1]

        assert changed["lineshaft:ended:done"] == items("d", "c")
        gone = {name for name, stored in changed.items() if stored is None}
        assert gone == {
            *(f"task:{name}{part}" for name in "ab" for part in ("", ":status", ":result")),
            "task:a:attempts",
            "lineshaft:owned:s",
        }

    def test_the_oldest_beyond_the_age_go_while_the_number_is_small(self, make_shard):
        shard = make_shard(done_kept_s=60)
        shard.ended("a", "b", word="done", ended_ms=NOW_MS - 60_001)
        shard.ended("c", word="done", ended_ms=NOW_MS - 60_000)

        changed = shard.observe(shard.broker.finish, "s", [])[1]

        assert changed["lineshaft:ended:done"] == items("c")
        assert changed["task:a"] is changed["task:b"] is None
        assert "task:c" not in changed

    @pytest.mark.parametrize(("age_ms", "stays"), [(9_999, True), (10_001, False)])
    def test_what_ended_a_moment_ago_stays_whatever_the_bound(self, make_shard, age_ms: int, stays: bool):
        """So a repeat after a lost reply, and who waits for the end, still find the outcome."""
        shard = make_shard(done_kept=0, done_kept_s=0)
        shard.ended("a", "b", word="done", ended_ms=NOW_MS - age_ms)

        changed = shard.observe(shard.broker.finish, "s", [])[1]

        assert (changed == {}) is stays
        assert shard.raw.llen("lineshaft:ended:done") == (2 if stays else 0)

    def test_an_end_from_the_future_holds_up_no_others(self, make_shard):
        """The clock went back: that end will not be older than the bound for as long as it went."""
        shard = make_shard(done_kept=1)
        shard.ended("a", word="done", ended_ms=NOW_MS + 3_600_000)
        shard.ended("b", "c", word="done", ended_ms=NOW_MS - 20_000)

        shard.broker.finish("s", [])

        assert shard.raw.lrange("lineshaft:ended:done", 0, -1) == ["c"]

    def test_a_young_end_does_not_shield_the_older_ones_behind_it(self, make_shard):
        shard = make_shard(done_kept=0)
        shard.ended("a", word="done", ended_ms=NOW_MS - 20_000)
        shard.ended("b", word="done", ended_ms=NOW_MS - 5_000)

        shard.broker.finish("s", [])

        assert shard.raw.lrange("lineshaft:ended:done", 0, -1) == ["b"]

    def test_at_most_500_go_in_one_call(self, make_shard):
        shard = make_shard(done_kept=10)
        shard.ended(*(f"t{n}" for n in range(1200)), word="done", ended_ms=NOW_MS - 20_000)
        lengths = []
        for _ in range(4):
            shard.broker.finish("s", [])
            lengths.append(shard.raw.llen("lineshaft:ended:done"))

        assert lengths == [700, 200, 10, 10]
        assert len(shard.raw.keys("task:*:result")) == 10
        assert shard.raw.lindex("lineshaft:ended:done", -1) == "t1190"

    @pytest.mark.parametrize("word", ["pending", "in-progress", "scheduled", "failed"])
    def test_a_task_that_lives_again_only_leaves_the_list(self, make_shard, word: str):
        shard = make_shard(done_kept=0)
        shard.ended("a", "b", word="done", ended_ms=NOW_MS - 20_000)
        shard.raw.set("task:a:status", word)

        changed = shard.observe(shard.broker.finish, "s", [])[1]

        assert changed["lineshaft:ended:done"] is None
        assert changed["task:b"] is None
        assert not any(name.startswith("task:a") for name in changed)

    def test_an_end_without_a_record_leaves_the_list(self, make_shard):
        shard = make_shard(done_kept=0)
        shard.ended("a", "b", word="done", ended_ms=NOW_MS - 20_000)
        shard.raw.delete("task:a", "task:a:status", "task:a:result")

        shard.broker.finish("s", [])

        assert shard.raw.dbsize() == 0

    def test_other_states_are_not_trimmed_by_it(self, make_shard):
        shard = make_shard(done_kept=0, ended_kept=0)
        shard.ended("a", word="failed", ended_ms=NOW_MS - 20_000)

        assert shard.observe(shard.broker.finish, "s", []) == ([], {})


def test_a_damaged_hash_of_claims_is_said_and_nothing_is_written(shard: Shard):
    token = shard.claimed("a")
    shard.raw.delete("lineshaft:owned:s")
    shard.raw.set("lineshaft:owned:s", "wrong")

    assert shard.refused(DamagedRecordError, shard.broker.finish, "s", [("a", token, A)]) == {}


@pytest.mark.parametrize("name", ["tries", "crashes", "cancelling", "watched", "ended:done", "suspects"])
def test_damage_beside_a_task_stops_no_end(shard: Shard, name: str):
    token = shard.claimed("a", "b")
    shard.raw.set(f"lineshaft:{name}", "wrong")

    reply, changed = shard.observe(shard.broker.finish, "s", [("a", token, A)])

    assert reply == ["done"]
    assert changed["task:a:status"] == string("done")
    assert f"lineshaft:{name}" not in changed


def test_a_result_or_a_word_of_another_type_is_written_over(shard: Shard):
    token = shard.claimed("a")
    shard.raw.rpush("task:a:result", "wrong")
    shard.raw.delete("task:a:status")
    shard.raw.rpush("task:a:status", "wrong")

    reply, changed = shard.observe(shard.broker.finish, "s", [("a", token, A)])

    assert reply == ["done"]
    assert changed["task:a:result"] == Stored("string", A.decode())
    assert changed["task:a:status"] == string("done")


def test_a_full_batch_ends_in_one_call(shard: Shard):
    names = [f"t{n}" for n in range(500)]
    token = shard.claimed(*names)
    batch = [(name, token, done_outcome(b'"%b"' % name.encode())) for name in names]

    assert shard.broker.finish("s", batch) == ["done"] * 500
    assert shard.broker.finish("s", batch) == ["repeat"] * 500
