"""reap: when is a session over (invariant 7), and what becomes of its tasks."""

import pytest

from lineshaft.protocol import wire
from lineshaft.protocol.reply import Emptied

from .keyspace import fields, items, members, scores, string
from .shard import LEASE_MS, NOW_MS, Shard, bare_outcome

IDLE = Emptied(None, 0, more=False)
GONE = fields({"host": "mill", "lease_ms": LEASE_MS}, expires=True)


def reap_all(shard: Shard) -> int:
    """Look as a worker does: again at once while the script asks for it; gives how many claims that freed."""
    freed = 0
    while True:
        reply = shard.broker.reap()
        freed += reply.freed
        if not reply.more:
            return freed


class TestLooks:
    def test_a_lease_that_is_over_is_suspect_at_the_first_look_and_reaped_at_a_second_at_least_5_s_later(self, shard: Shard):
        shard.session("s", over_for_ms=1)
        shard.session("t")
        shard.claimed("a")

        assert shard.observe(shard.broker.reap) == (IDLE, {"lineshaft:suspects": fields({"s": NOW_MS})})
        assert shard.observe(shard.broker.reap) == (IDLE, {})

        shard.pass_ms(4999)
        assert shard.observe(shard.broker.reap) == (IDLE, {})

        shard.pass_ms(1)
        reply, changed = shard.observe(shard.broker.reap)
        assert (reply.session, reply.freed) == ("s", 1)
        assert changed["lineshaft:suspects"] is None
        assert changed["lineshaft:sessions"] == scores(t=NOW_MS + LEASE_MS)
        assert changed["task_queue"] == items("a")

        assert shard.observe(shard.broker.reap) == (IDLE, {})

    def test_a_lease_that_holds_is_not_even_suspect(self, shard: Shard):
        shard.session("s")
        shard.pass_ms(LEASE_MS)

        assert shard.observe(shard.broker.reap) == (IDLE, {})

    def test_a_renewal_between_two_looks_starts_all_over(self, shard: Shard):
        """So an outage longer than the lease reaps nobody who comes back."""
        shard.session("s", over_for_ms=60_000)
        shard.broker.reap()
        shard.pass_ms(4000)
        shard.broker.renew({"s": 15})
        shard.pass_ms(16_000)

        assert shard.observe(shard.broker.reap) == (IDLE, {"lineshaft:suspects": fields({"s": NOW_MS + 20_000})})
        assert shard.broker.reap() == IDLE

    def test_a_look_from_before_the_present_end_of_the_lease_does_not_count(self, shard: Shard):
        """Such a mark stays where a renewal came without its write to suspects, after a failover for one."""
        shard.session("s", over_for_ms=1000)
        shard.raw.hset("lineshaft:suspects", "s", NOW_MS - 60_000)

        assert shard.observe(shard.broker.reap) == (IDLE, {"lineshaft:suspects": fields({"s": NOW_MS})})

    def test_a_look_from_the_future_does_not_count(self, shard: Shard):
        shard.session("s", over_for_ms=1000)
        shard.raw.hset("lineshaft:suspects", "s", NOW_MS + 60_000)

        assert shard.observe(shard.broker.reap) == (IDLE, {"lineshaft:suspects": fields({"s": NOW_MS})})

    @pytest.mark.parametrize(("ahead_ms", "over"), [(LEASE_MS, False), (LEASE_MS + 1, True), (3_600_000, True)])
    def test_a_lease_that_ends_more_than_one_lease_ahead_is_over(self, shard: Shard, ahead_ms: int, over: bool):
        """The clock went back: whoever lives renews within seconds, and only the dead keep such a lease."""
        shard.session("s")
        shard.claimed("a")
        shard.raw.zadd("lineshaft:sessions", {"s": NOW_MS + ahead_ms})

        assert shard.observe(shard.broker.reap) == (IDLE, {"lineshaft:suspects": fields({"s": NOW_MS})} if over else {})
        shard.raw.zadd("lineshaft:sessions", {"s": NOW_MS + 5000 + ahead_ms})
        shard.pass_ms(5000)

        assert shard.broker.reap().session == ("s" if over else None)

    def test_after_the_clock_went_back_the_living_renew_and_stay(self, shard: Shard):
        shard.session("s")
        shard.pass_ms(-3_600_000)
        shard.broker.reap()
        shard.pass_ms(5000)
        shard.broker.renew({"s": 15})
        shard.pass_ms(5000)

        assert shard.broker.reap() == IDLE
        assert not shard.raw.exists("lineshaft:suspects")

    def test_after_the_clock_went_forward_the_living_renew_and_stay(self, shard: Shard):
        shard.session("s")
        shard.pass_ms(3_600_000)
        shard.broker.reap()
        shard.broker.renew({"s": 15})
        shard.pass_ms(5000)

        assert shard.broker.reap() == IDLE

    def test_a_session_that_another_lease_was_set_for_has_that_one(self, shard: Shard):
        shard.session("s", lease_ms=60_000)
        assert shard.broker.reap() == IDLE
        assert not shard.raw.exists("lineshaft:suspects")

    def test_the_gap_can_be_set(self, make_shard):
        shard = make_shard(look_gap_s=60)
        shard.session("s", over_for_ms=1)
        shard.broker.reap()
        shard.pass_ms(59_999)
        assert shard.broker.reap() == IDLE
        shard.pass_ms(1)
        assert shard.broker.reap().session == "s"

    def test_a_machine_that_died_with_all_its_workers_is_reaped_within_25_s(self, shard: Shard):
        """Promise 4, with one survivor that looks every 2 s, at the worst moment."""
        for n in range(12):
            shard.session(f"s{n}")
            shard.claimed(f"t{n}", session=f"s{n}")
        shard.pass_ms(LEASE_MS - 1)
        for _ in range(5):
            reap_all(shard)
            shard.pass_ms(2000)

        assert shard.now_ms - NOW_MS <= 25_000
        assert shard.raw.llen("task_queue") == 12

    def test_more_sessions_than_one_look_takes_are_reaped_by_and_by(self, shard: Shard):
        for n in range(250):
            shard.session(f"s{n}", over_for_ms=1000 + n)
        for _ in range(300):
            reap_all(shard)
            shard.pass_ms(5000)

        assert not shard.raw.exists("lineshaft:sessions", "lineshaft:suspects")


class TestDied:
    """A supervisor saw its child die: no look is needed."""

    def test_it_is_reaped_at_once_and_a_repeat_finds_nothing(self, shard: Shard):
        shard.session("s")
        token = shard.claimed("a")
        shard.session("t", over_for_ms=60_000)
        evidence = f'{{"v":1,"kind":"crash","at_ms":{NOW_MS},"session":"s","claim":{token.decode().split(":")[0]}}}'

        assert shard.observe(shard.broker.reap, "s") == (
            Emptied("s", 1, more=False),
            {
                "lineshaft:sessions": scores(t=NOW_MS - 60_000),
                "lineshaft:session:s": GONE,
                "lineshaft:owned:s": None,
                "lineshaft:crashes": fields({"a": 1}),
                "task:a:status": string("pending"),
                "task:a:attempts": items(evidence),
                "task_queue": items("a"),
                "lineshaft:wake:default": items("1"),
                **shard.counted(crashed=1),
            },
        )
        assert shard.observe(shard.broker.reap, "s") == (IDLE, {})

    def test_a_session_that_is_unknown_or_gone_is_nothing_to_reap(self, shard: Shard):
        shard.session("t")
        shard.claimed("a", session="t")

        assert shard.observe(shard.broker.reap, "s") == (IDLE, {})

    def test_it_does_not_wait_for_another_that_is_being_emptied(self, shard: Shard):
        shard.claimed("a", session="t")
        shard.raw.hset("lineshaft:suspects", "t", "crashed")
        shard.session("s")
        shard.claimed("b", session="s")

        assert shard.broker.reap("s") == Emptied("s", 1, more=False)
        assert shard.raw.hgetall("lineshaft:owned:t") == {"a": "7:default"}

    def test_one_that_is_being_emptied_already_is_gone_on_with(self, shard: Shard):
        shard.claimed("a")
        shard.raw.hset("lineshaft:suspects", mapping={"r": "crashed", "s": "crashed", "t": "crashed"})

        assert shard.broker.reap("s") == Emptied("s", 1, more=False)


class TestTasks:
    """What becomes of the tasks of a session that died."""

    def test_they_go_back_first_with_a_crash_counted_and_the_evidence_kept(self, shard: Shard):
        shard.session("s")
        shard.claimed("a", queue="mail", number=9)
        shard.ready("b", queue="mail")
        shard.raw.hset("lineshaft:crashes", "a", 2)
        shard.raw.hset("lineshaft:tries", "a", 1)

        changed = shard.observe(shard.broker.reap, "s")[1]

        assert changed["task_queue:mail"] == items("b", "a")
        assert changed["lineshaft:crashes"] == fields({"a": 3})
        assert "lineshaft:tries" not in changed, "a death costs no try (invariant 8)"
        evidence = wire.decode_attempt(changed["task:a:attempts"].value[0].encode())
        assert (evidence.kind, evidence.at_ms, evidence.session, evidence.claim) == ("crash", NOW_MS, "s", 9)

    @pytest.mark.parametrize(("crashes", "set_aside"), [(1, False), (2, True), (7, True)])
    def test_a_task_that_keeps_killing_its_worker_is_set_aside(self, make_shard, crashes: int, set_aside: bool):
        shard = make_shard(max_crashes=3)
        shard.session("s")
        shard.claimed("a")
        shard.raw.hset("lineshaft:crashes", mapping={"a": crashes, "b": 1})
        shard.raw.hset("lineshaft:tries", "a", 1)
        shard.raw.hset("lineshaft:watched", "a", "x")

        with shard.listening("x") as messages:
            changed = shard.observe(shard.broker.reap, "s")[1]

        if not set_aside:
            assert changed["lineshaft:crashes"] == fields({"a": 2, "b": 1})
            assert messages == []
            return
        outcome = changed["task:a:result"].value
        assert changed["task:a:status"] == string("failed")
        assert changed["lineshaft:ended:failed"] == items("a")
        assert changed["lineshaft:crashes"] == fields({"b": 1})
        assert changed["lineshaft:tries"] is changed["lineshaft:watched"] is None
        assert "task_queue" not in changed
        assert messages == [("x", f"a failed {outcome}")]
        assert wire.decode_attempt(changed["task:a:attempts"].value[-1].encode()).kind == "crash"
        decoded = wire.decode_outcome(outcome.encode())
        assert outcome[wire.ENDED_MS_SLICE] == str(NOW_MS) == str(decoded.ended_ms)
        assert (decoded.tries, decoded.crashes, decoded.error.type) == (1, crashes + 1, "TooManyCrashes")

    @pytest.mark.parametrize("count", ["", "wrong", "1.5", "9223372036854775807"])
    def test_a_count_of_crashes_that_is_no_number_starts_again_at_1(self, make_shard, count: str):
        """Or the task would kill its workers for ever."""
        shard = make_shard(max_crashes=2)
        shard.raw.hset("lineshaft:crashes", "a", count)
        found = []
        for session in ("s", "t"):
            shard.session(session)
            shard.claimed("a", session=session)
            shard.broker.reap(session)
            found.append((shard.raw.get("task:a:status"), shard.raw.hget("lineshaft:crashes", "a")))

        assert found == [("pending", "1"), ("failed", None)]

    def test_one_that_was_asked_to_stop_ends_cancelled_without_a_crash(self, shard: Shard):
        """Invariant 9."""
        shard.session("s")
        shard.claimed("a")
        shard.raw.sadd("lineshaft:cancelling", "a", "b")

        changed = shard.observe(shard.broker.reap, "s")[1]

        assert changed["task:a:status"] == string("cancelled")
        assert changed["task:a:result"] == string(bare_outcome())
        assert changed["lineshaft:cancelling"] == members("b")
        assert changed["lineshaft:ended:cancelled"] == items("a")
        assert not {"lineshaft:crashes", "task:a:attempts", "task_queue"} & set(changed)

    @pytest.mark.parametrize("word", ["done", "failed", "cancelled", "expired", "scheduled", "waiting"])
    def test_where_somebody_else_ended_it_only_the_claim_is_freed(self, shard: Shard, word: str):
        shard.session("s")
        shard.claimed("a", word=word)

        changed = shard.observe(shard.broker.reap, "s")[1]

        assert set(changed) == {"lineshaft:sessions", "lineshaft:session:s", "lineshaft:owned:s", *shard.counted()}

    def test_after_a_clean_close_that_stopped_half_way_nothing_is_counted(self, shard: Shard):
        shard.session("t")
        shard.claimed("a")
        shard.raw.hset("lineshaft:suspects", "s", "closed")

        reply, changed = shard.observe(shard.broker.reap)

        assert reply.session == "s"
        assert changed["task_queue"] == items("a")
        assert changed["lineshaft:suspects"] is None
        assert not {"lineshaft:crashes", "task:a:attempts"} & set(changed)


class TestSlices:
    def test_a_reaper_that_died_between_two_slices_is_gone_on_from(self, shard: Shard):
        names = [f"t{n}" for n in range(1200)]
        shard.session("s")
        shard.claimed(*names)

        reply, changed = shard.observe(shard.broker.reap, "s")

        assert reply == Emptied("s", 500, more=True)
        assert changed["lineshaft:suspects"] == fields({"s": "crashed"})
        assert changed["lineshaft:sessions"] is None, "a session leaves in the same step as its first tasks"
        assert len(changed["task_queue"].value) == 500
        assert "lineshaft:session:s" not in changed

        assert reap_all(shard) == 700, "any look goes on with it first, without a gap"
        assert sorted(shard.raw.lrange("task_queue", 0, -1)) == sorted(names)
        assert set(shard.raw.hgetall("lineshaft:crashes").values()) == {"1"}
        assert not shard.raw.exists("lineshaft:suspects", "lineshaft:owned:s")
        assert shard.raw.ttl("lineshaft:session:s") > 86_000

    def test_one_that_is_being_emptied_comes_before_any_look(self, shard: Shard):
        shard.session("a1", over_for_ms=60_000)
        shard.claimed("a")
        shard.raw.hset("lineshaft:suspects", mapping={"a1": NOW_MS - 50_000, "s": "crashed"})

        assert shard.broker.reap().session == "s"

    def test_it_says_that_another_waits_to_be_emptied(self, shard: Shard):
        shard.claimed("a")
        shard.claimed("b", session="t")
        shard.raw.hset("lineshaft:suspects", mapping={"s": "crashed", "t": "closed"})

        assert shard.broker.reap().more
        shard.broker.reap()
        assert not shard.raw.exists("lineshaft:suspects", "lineshaft:owned:s", "lineshaft:owned:t")


def test_what_ended_long_ago_is_trimmed_on_the_way(make_shard):
    shard = make_shard(ended_kept=1)
    for word in ("failed", "cancelled"):
        shard.ended(f"{word}-1", f"{word}-2", word=word, ended_ms=NOW_MS - 20_000)
    shard.session("s")

    shard.broker.reap("s")

    assert not shard.raw.exists("task:failed-1", "task:cancelled-1")
    assert shard.raw.lrange("lineshaft:ended:failed", 0, -1) == ["failed-2"]


def test_a_look_beside_damaged_sessions_still_ends_one_that_was_being_emptied(shard: Shard):
    shard.raw.hset("lineshaft:suspects", "e", "crashed")
    shard.raw.set("lineshaft:sessions", "wrong")

    assert shard.broker.reap().session == "e"
    assert shard.raw.keys() == ["lineshaft:sessions"]
