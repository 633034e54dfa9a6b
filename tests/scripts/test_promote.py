"""promote: make due tasks ready, and look again at ids that were pushed before they had a word."""

import pytest

from lineshaft.protocol.reply import Promoted

from .keyspace import items, scores, string
from .shard import NOW_MS, Shard, bare_outcome

NOTHING = Promoted(0, None, more=False)
STATS = f"lineshaft:stats:{NOW_MS // 60_000}"


class TestDue:
    def test_what_is_due_becomes_ready_in_its_order_and_a_repeat_finds_nothing(self, shard: Shard):
        shard.ready("z")
        shard.scheduled("c", due_ms=NOW_MS)
        shard.scheduled("a", due_ms=NOW_MS - 2000)
        shard.scheduled("b", due_ms=NOW_MS - 1000)
        shard.scheduled("d", due_ms=NOW_MS + 1)

        assert shard.observe(shard.broker.promote, ["default"]) == (
            Promoted(3, 1, more=False),
            {
                "lineshaft:due:default": scores(d=NOW_MS + 1),
                **{f"task:{name}:status": string("pending") for name in "abc"},
                "task_queue": items("c", "b", "a", "z"),
                "lineshaft:wake:default": items("1"),
                **shard.counted(promoted=3),
            },
        )
        assert shard.observe(shard.broker.promote, ["default"]) == (Promoted(0, 1, more=False), {})

    def test_only_the_queues_that_are_asked_for_are_looked_at(self, shard: Shard):
        shard.scheduled("a", due_ms=NOW_MS)
        shard.scheduled("m", due_ms=NOW_MS, queue="mail")

        reply, changed = shard.observe(shard.broker.promote, ["mail"])

        assert reply == Promoted(1, None, more=False)
        assert changed["task_queue:mail"] == items("m")
        assert not {"task_queue", "task:a:status", "lineshaft:due:default"} & set(changed)

    def test_the_next_due_time_is_that_of_the_soonest_queue(self, shard: Shard):
        shard.scheduled("a", due_ms=NOW_MS + 900)
        shard.scheduled("m", due_ms=NOW_MS + 400, queue="mail")

        assert shard.broker.promote(["default", "mail"]).next_due_ms == 400
        assert shard.broker.promote(["default"]).next_due_ms == 900

    def test_nothing_due_is_nothing(self, shard: Shard):
        assert shard.observe(shard.broker.promote, ["default", "mail"]) == (NOTHING, {})

    @pytest.mark.parametrize("word", ["pending", "in-progress", "done", "cancelled", "failed", "waiting", "Scheduled"])
    def test_only_a_word_that_is_exactly_scheduled_becomes_ready(self, shard: Shard, word: str):
        """A cancelled one, and one that was retried by hand, left its entry behind."""
        shard.scheduled("a", "b", due_ms=NOW_MS)
        shard.raw.set("task:a:status", word)

        reply, changed = shard.observe(shard.broker.promote, ["default"])

        assert reply.ready == 1
        assert changed["task_queue"] == items("b")
        assert changed["lineshaft:due:default"] is None
        assert "task:a:status" not in changed

    def test_an_entry_without_a_record_is_dropped(self, shard: Shard):
        shard.raw.zadd("lineshaft:due:default", {"a": NOW_MS})

        assert shard.observe(shard.broker.promote, ["default"]) == (NOTHING, {"lineshaft:due:default": None})

    def test_one_that_was_asked_to_stop_ends_cancelled(self, shard: Shard):
        """Invariant 9."""
        shard.scheduled("a", "b", due_ms=NOW_MS)
        shard.raw.sadd("lineshaft:cancelling", "a")
        shard.raw.hset("lineshaft:tries", "a", 1)
        shard.raw.hset("lineshaft:watched", "a", "x")

        with shard.listening("x") as messages:
            reply, changed = shard.observe(shard.broker.promote, ["default"])

        assert reply.ready == 1
        assert changed["task:a:status"] == string("cancelled")
        assert changed["task:a:result"] == string(bare_outcome())
        assert changed["lineshaft:ended:cancelled"] == items("a")
        assert changed["lineshaft:cancelling"] is changed["lineshaft:tries"] is changed["lineshaft:watched"] is None
        assert changed["task_queue"] == items("b")
        assert messages == [("x", f"a cancelled {bare_outcome()}")]

    def test_at_most_500_become_ready_in_one_call(self, shard: Shard):
        names = [f"t{n:04d}" for n in range(700)]
        shard.scheduled(*names, due_ms=NOW_MS)
        shard.scheduled("m", due_ms=NOW_MS, queue="mail")

        assert shard.broker.promote(["default", "mail"]) == Promoted(500, 0, more=True)
        assert shard.raw.llen("task_queue") == 500
        assert shard.broker.promote(["default", "mail"]) == Promoted(201, None, more=False)
        assert shard.raw.lrange("task_queue", 0, -1) == names[::-1]

    def test_what_is_dropped_counts_towards_the_500(self, shard: Shard):
        shard.scheduled(*(f"t{n}" for n in range(600)), due_ms=NOW_MS - 1)
        for n in range(600):
            shard.raw.set(f"task:t{n}:status", "cancelled")
        shard.scheduled("a", due_ms=NOW_MS)

        assert shard.broker.promote(["default"]) == Promoted(0, 0, more=True)
        assert shard.broker.promote(["default"]) == Promoted(1, None, more=False)

    @pytest.mark.parametrize("key", ["task_queue:mail", "lineshaft:due:mail"])
    def test_a_damaged_queue_waits_and_the_others_go_on(self, shard: Shard, key: str):
        shard.scheduled("a", due_ms=NOW_MS)
        shard.scheduled("m", due_ms=NOW_MS, queue="mail")
        shard.raw.delete(key)
        shard.raw.set(key, "wrong")

        reply, changed = shard.observe(shard.broker.promote, ["mail", "default"])

        assert reply.ready == 1
        assert changed["task_queue"] == items("a")
        assert not {"task:m:status", "task_queue:mail", "lineshaft:due:mail"} & set(changed)

    @pytest.mark.parametrize("name", ["cancelling", "suspects", "strays", "ended:cancelled", "wake:default"])
    def test_damage_beside_the_tasks_stops_no_promotion(self, shard: Shard, name: str):
        shard.scheduled("a", due_ms=NOW_MS)
        shard.raw.set(f"lineshaft:{name}", "wrong")

        reply, changed = shard.observe(shard.broker.promote, ["default"])

        assert reply.ready == 1
        assert changed["task_queue"] == items("a")
        assert f"lineshaft:{name}" not in changed

    def test_cancelled_tasks_are_kept_within_their_number(self, make_shard):
        shard = make_shard(ended_kept=1)
        shard.ended("a", "b", word="cancelled", ended_ms=NOW_MS - 20_000)

        changed = shard.observe(shard.broker.promote, ["default"])[1]

        assert changed["lineshaft:ended:cancelled"] == items("b")
        assert {name for name in changed if changed[name] is None} == {"task:a", "task:a:status", "task:a:result"}


class TestStrays:
    def stray(self, shard: Shard, since_ms: int, word: str | None = None, name: str = "a") -> None:
        shard.raw.zadd("lineshaft:strays", {name: NOW_MS - since_ms})
        if word is not None:
            shard.raw.set(f"task:{name}:status", word)

    def test_a_stray_that_got_its_word_becomes_ready_first(self, shard: Shard):
        self.stray(shard, 1000, "pending")
        self.stray(shard, 1000, name="b")
        shard.ready("z")

        assert shard.observe(shard.broker.promote, ["default"]) == (
            Promoted(1, 1000, more=False),
            {
                "lineshaft:strays": scores(b=NOW_MS - 1000),
                "task_queue": items("z", "a"),
                "lineshaft:wake:default": items("1"),
                **shard.counted(promoted=1),
            },
        )
        assert shard.observe(shard.broker.promote, ["default"]) == (Promoted(0, 1000, more=False), {})

    def test_a_stray_is_looked_at_again_after_1_s_and_not_before(self, shard: Shard):
        self.stray(shard, 999, "pending")

        assert shard.observe(shard.broker.promote, ["default"]) == (Promoted(0, 1, more=False), {})

    def test_an_old_stray_puts_off_no_look_at_a_new_one(self, shard: Shard):
        self.stray(shard, 30_000, name="old")
        self.stray(shard, 600)

        assert shard.broker.promote(["default"]).next_due_ms == 400

    @pytest.mark.parametrize(("since_ms", "stays"), [(59_000, True), (60_000, True), (60_001, False)])
    def test_a_stray_without_a_word_is_dropped_with_a_count_after_60_s(self, shard: Shard, since_ms: int, stays: bool):
        self.stray(shard, since_ms)

        reply, changed = shard.observe(shard.broker.promote, ["default"])

        assert reply == Promoted(0, 1000 if stays else None, more=False)
        assert changed == ({} if stays else {"lineshaft:strays": None, **shard.counted(dropped=1)})

    @pytest.mark.parametrize("word", ["in-progress", "done", "cancelled", "scheduled"])
    def test_a_stray_that_got_another_word_is_dropped(self, shard: Shard, word: str):
        """A foreign consumer took it, or it was cancelled."""
        self.stray(shard, 1000, word)

        assert shard.observe(shard.broker.promote, ["default"]) == (
            NOTHING,
            {"lineshaft:strays": None, **shard.counted(dropped=1)},
        )

    def test_it_comes_back_whatever_queues_are_asked_for(self, shard: Shard):
        """Strays are of the default queue, and so is the ready list they go to."""
        self.stray(shard, 1000, "pending")

        assert shard.observe(shard.broker.promote, ["mail"])[1]["task_queue"] == items("a")

    def test_old_strays_do_not_hide_a_new_one_that_got_its_word(self, shard: Shard):
        for n in range(1500):
            self.stray(shard, 5000, name=f"t{n}")
        self.stray(shard, 1000, "pending")

        assert shard.broker.promote(["default"]).ready == 1
        assert shard.raw.zcard("lineshaft:strays") == 1500

    def test_a_flood_of_strays_is_gone_after_its_time(self, shard: Shard):
        for n in range(1200):
            self.stray(shard, 61_000, name=f"t{n}")
        for _ in range(3):
            shard.broker.promote(["default"])

        assert shard.raw.exists("lineshaft:strays") == 0
        assert shard.raw.hget(STATS, "dropped") == "1200"

    def test_a_flood_of_strays_that_got_their_words_is_not_put_off(self, shard: Shard):
        """The contract gives them 2 s, however many there are."""
        with shard.seeded_at_once():
            for n in range(3500):
                self.stray(shard, 1000, "pending", name=f"t{n}")

        while shard.broker.promote(["default"]).more:
            pass

        assert shard.raw.llen("task_queue") == 3500

    def test_a_flood_of_strays_without_words_is_not_looked_at_without_end(self, shard: Shard):
        with shard.seeded_at_once():
            for n in range(3500):
                self.stray(shard, 1000, name=f"t{n}")

        assert shard.observe(shard.broker.promote, ["default"]) == (Promoted(0, 1000, more=False), {})

    def test_the_whole_way_of_an_id_that_was_pushed_before_its_word(self, shard: Shard):
        shard.session("s")
        shard.raw.lpush("task_queue", "a")
        assert shard.broker.claim("s", 10, ["default"]).claims == []

        shard.raw.set("task:a:status", "pending")
        shard.pass_ms(1000)
        assert shard.broker.promote(["default"]).ready == 1
        assert [claim.task_id for claim in shard.broker.claim("s", 10, ["default"]).claims] == ["a"]
        assert not shard.raw.exists("lineshaft:strays")

    def test_a_damaged_ready_list_keeps_the_strays(self, shard: Shard):
        self.stray(shard, 1000, "pending")
        shard.raw.set("task_queue", "wrong")

        assert shard.observe(shard.broker.promote, ["default"])[1] == {}
