"""claim: take the oldest ready tasks of some queues and make them this session's."""

import time

import pytest

from lineshaft.errors import DamagedRecordError
from lineshaft.protocol.reply import Around, Claim, Claimed

from .keyspace import fields, items, string
from .shard import NOW_MS, Shard, envelope_of

NUMBER = NOW_MS * 1000
TOKEN = f"{NUMBER}:default".encode()


def claim_of(task_id: str, number: int = NUMBER, queue: str = "default", tries: int = 0, crashes: int = 0) -> Claim:
    return Claim(task_id, f"{number}:{queue}".encode(), envelope_of(task_id, queue), tries, crashes)


@pytest.fixture
def session(shard: Shard) -> str:
    shard.session("s")
    return "s"


def test_the_oldest_are_taken_with_one_number_and_what_is_left_wakes_another(shard: Shard, session: str):
    shard.ready("a", "b", "c")

    assert shard.observe(shard.broker.claim, session, 2, ["default"]) == (
        Claimed(NUMBER, True, [claim_of("a"), claim_of("b")], None),
        {
            "task_queue": items("c"),
            "task:a:status": string("in-progress"),
            "task:b:status": string("in-progress"),
            "lineshaft:owned:s": fields({"a": TOKEN, "b": TOKEN}),
            "lineshaft:clock": string(str(NUMBER)),
            "lineshaft:wake:default": items("1"),
            **shard.counted(claimed=2),
        },
    )


def test_a_claim_whose_answer_was_lost_leaves_its_tasks_owned_and_its_repeat_takes_others(shard: Shard, session: str):
    """There is no replay: whoever got no answer finds what it owns by comparing, and hands that back."""
    shard.ready("a", "b")
    shard.broker.claim(session, 1, ["default"])
    shard.pass_ms(1000)

    reply, changed = shard.observe(shard.broker.claim, session, 1, ["default"])

    assert reply.claims == [claim_of("b", NUMBER + 1_000_000)]
    assert changed["lineshaft:owned:s"] == fields({"a": TOKEN, "b": f"{NUMBER + 1_000_000}:default"})
    assert "task:a:status" not in changed

    assert shard.observe(shard.broker.claim, session, 1, ["default"]) == (Claimed(0, False, [], None), {})


def test_queues_are_emptied_in_the_order_they_are_given(shard: Shard, session: str):
    shard.ready("a", "b")
    shard.ready("m", "n", queue="mail")

    reply, changed = shard.observe(shard.broker.claim, session, 3, ["mail", "default"])

    assert [claim.task_id for claim in reply.claims] == ["m", "n", "a"]
    assert [claim.queue for claim in reply.claims] == ["mail", "mail", "default"]
    assert {claim.token.partition(b":")[0] for claim in reply.claims} == {str(NUMBER).encode()}
    assert changed["task_queue"] == items("b")
    assert changed["task_queue:mail"] is None


def test_a_queue_that_is_named_twice_is_emptied_once(shard: Shard, session: str):
    shard.ready("a", "b", "c")

    reply, changed = shard.observe(shard.broker.claim, session, 5, ["default", "default"])

    assert [claim.task_id for claim in reply.claims] == ["a", "b", "c"]
    assert changed["task_queue"] is None


def test_a_queue_that_was_not_reached_has_its_token_passed_on(shard: Shard, session: str):
    shard.ready("a")
    shard.ready("m", queue="mail")

    reply, changed = shard.observe(shard.broker.claim, session, 1, ["default", "mail"])

    assert reply.more
    assert changed["lineshaft:wake:mail"] == items("1")
    assert "lineshaft:wake:default" not in changed
    assert "task_queue:mail" not in changed


@pytest.mark.parametrize("waiting", [True, False])
def test_without_a_free_slot_a_claim_only_passes_the_token_on(shard: Shard, session: str, waiting: bool):
    if waiting:
        shard.ready("a")

    reply, changed = shard.observe(shard.broker.claim, session, 0, ["default", "mail"])

    assert reply == Claimed(0, waiting, [], None)
    assert changed == ({"lineshaft:wake:default": items("1")} if waiting else {})


def test_an_empty_queue_answers_with_nothing_and_writes_nothing(shard: Shard, session: str):
    assert shard.observe(shard.broker.claim, session, 10, ["default", "mail"]) == (Claimed(0, False, [], None), {})


def test_a_session_that_has_gone_claims_nothing(shard: Shard):
    shard.ready("a")

    assert shard.observe(shard.broker.claim, "s", 10, ["default"]) == ("lost", {})


def test_a_session_whose_lease_is_over_claims_nothing_until_it_is_renewed(shard: Shard, session: str):
    shard.ready("a")
    shard.pass_ms(15_001)

    assert shard.observe(shard.broker.claim, session, 10, ["default"]) == ("expired", {})

    shard.broker.renew({session: 15})
    assert [claim.task_id for claim in shard.broker.claim(session, 10, ["default"]).claims] == ["a"]


def test_a_lease_holds_to_its_last_millisecond(shard: Shard, session: str):
    shard.ready("a")
    shard.pass_ms(15_000)

    assert [claim.task_id for claim in shard.broker.claim(session, 10, ["default"]).claims] == ["a"]


def test_a_paused_queue_gives_nothing_and_wakes_nobody(shard: Shard, session: str):
    """Invariant 14."""
    shard.ready("a", "b")
    shard.ready("m", queue="mail")
    shard.raw.sadd("lineshaft:paused", "default")

    reply, changed = shard.observe(shard.broker.claim, session, 10, ["default", "mail"])

    assert [claim.task_id for claim in reply.claims] == ["m"]
    assert not reply.more
    assert not {"task_queue", "task:a:status", "lineshaft:wake:default"} & set(changed)
    assert shard.observe(shard.broker.claim, session, 0, ["default"]) == (Claimed(0, False, [], None), {})


@pytest.mark.parametrize(("last", "number"), [(NUMBER - 1, NUMBER), (NUMBER, NUMBER + 1), (NUMBER + 90, NUMBER + 91)])
def test_the_claim_number_is_the_time_unless_that_would_not_grow(shard: Shard, session: str, last: int, number: int):
    """Invariant 4."""
    shard.ready("a")
    shard.raw.set("lineshaft:clock", last)

    reply, changed = shard.observe(shard.broker.claim, session, 10, ["default"])

    assert reply.number == number
    assert reply.claims == [claim_of("a", number)]
    assert changed["lineshaft:clock"] == string(str(number))


def test_numbers_grow_while_the_clock_goes_back(shard: Shard, session: str):
    shard.ready("a", "b", "c")
    numbers = []
    for _ in range(3):
        numbers.append(shard.broker.claim(session, 1, ["default"]).number)
        shard.pass_ms(-2000)

    assert numbers == sorted(set(numbers))


def test_without_a_time_from_a_test_the_number_is_the_servers(make_shard):
    shard = make_shard()
    shard.broker.now_ms = None
    shard.ready("a")
    shard.raw.zadd("lineshaft:sessions", {"s": (time.time() + 60) * 1000})

    seconds, microseconds = shard.raw.time()
    number = shard.broker.claim("s", 1, ["default"]).number

    assert 0 <= number - (seconds * 1_000_000 + microseconds) < 10_000_000


def test_failed_tries_and_crashes_come_with_the_claims(shard: Shard, session: str):
    shard.ready("a", "b", "c")
    shard.raw.hset("lineshaft:tries", "a", 2)
    assert shard.broker.claim(session, 1, ["default"]).claims == [claim_of("a", tries=2)]

    shard.raw.hset("lineshaft:crashes", "c", 3)
    assert shard.broker.claim(session, 2, ["default"]).claims == [
        claim_of("b", NUMBER + 1),
        claim_of("c", NUMBER + 1, crashes=3),
    ]


def test_a_foreign_task_has_no_envelope(shard: Shard, session: str):
    shard.raw.set("task:a:status", "pending")
    shard.raw.lpush("task_queue", "a")

    reply, changed = shard.observe(shard.broker.claim, session, 10, ["default"])

    assert reply.claims == [Claim("a", TOKEN, None, 0, 0)]
    assert changed["task:a:status"] == string("in-progress")


def test_looking_around_says_what_there_is_to_do_and_writes_nothing(shard: Shard, session: str):
    shard.scheduled("a", due_ms=NOW_MS + 700)
    shard.scheduled("m", due_ms=NOW_MS + 300, queue="mail")

    def look(*queues: str) -> Around:
        reply, changed = shard.observe(lambda: shard.broker.claim(session, 10, queues, look_around=True))
        assert changed == {}
        return reply.around

    assert look("default") == Around(700, False, 2)
    assert look("default", "mail") == Around(300, False, 2)

    shard.raw.zadd("lineshaft:strays", {"x": NOW_MS - 900})
    assert look("default", "mail") == Around(100, False, 2)

    shard.raw.zadd("lineshaft:strays", {"x": NOW_MS - 5000})
    assert look("mail") == Around(0, False, 2)


def test_looking_around_finds_sessions_to_look_at(shard: Shard, session: str):
    def to_look_at() -> bool:
        return shard.broker.claim(session, 10, ["default"], look_around=True).around.sessions_to_look_at

    assert not to_look_at()
    shard.session("t", over_for_ms=1)
    assert to_look_at()
    shard.raw.zadd("lineshaft:sessions", {"t": NOW_MS + 60_000})
    assert to_look_at(), "the clock went back"
    shard.raw.zrem("lineshaft:sessions", "t")
    assert not to_look_at()
    shard.raw.hset("lineshaft:suspects", "t", "crashed")
    assert to_look_at(), "one is being emptied"


def test_nothing_is_popped_when_a_later_look_fails(shard: Shard, session: str):
    """Invariant 12: an owned hash of another type raises, and the ids are still where they were."""
    shard.ready("a", "b")
    shard.raw.lpush("task_queue", "not an id")
    shard.raw.set("lineshaft:owned:s", "wrong")

    assert shard.refused(DamagedRecordError, shard.broker.claim, session, 10, ["default"]) == {}


def test_a_full_claim_takes_500_and_no_more(shard: Shard, session: str):
    names = [f"t{n}" for n in range(501)]
    shard.ready(*names)

    reply = shard.broker.claim(session, 10_000, ["default"])

    assert [claim.task_id for claim in reply.claims] == names[:500]
    assert reply.more
    assert shard.raw.hlen("lineshaft:owned:s") == 500
