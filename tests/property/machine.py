"""Hypothesis drives the real scripts and the model side by side; after each step the whole keyspace must be the model's."""

import json
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lineshaft.settings import Settings
from scripts.keyspace import complaints, row_of, snapshot

from .keyspace_model import Refused, Scores
from .model import ENDED, FLOOR_MS, Bounds, Model, New
from .real import Listener, Real

START_US = 1_700_000_000_000_000
LEASE_MS = 15_000
SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
IDS = ("a", "b", "c", "d", "e")
FOREIGN_IDS = ("f", "g")
NO_IDS = ("not an id", "x" * 65, "é", "", "y" * 300)
SESSIONS = ("s", "t", "u")
QUEUES = ("default", "mail", "low")
CHANNELS = ("watcher:1", "watcher:2")
WRONG = ("wrong", ["wrong"], {"wrong"}, {"wrong": "1"}, Scores(wrong=1))
OWN_NAMES = (
    *("sessions", "suspects", "clock", "tries", "crashes", "cancelling", "watched", "strays", "set_aside", "queues", "paused"),
    *(f"{row}:{session}" for row in ("session", "owned") for session in SESSIONS),
    *(f"{row}:{queue}" for row in ("due", "wake") for queue in QUEUES),
    *(f"ended:{word}" for word in ENDED),
)
RIGHT_KINDS = {
    "sessions": Scores, "suspects": dict, "clock": str, "tries": dict, "crashes": dict, "cancelling": set, "watched": dict,
    "strays": Scores, "set_aside": list, "queues": set, "paused": set, "session": dict, "owned": dict, "due": Scores,
    "wake": list, "ended": list,
}  # fmt: skip

ids = st.sampled_from(IDS)
any_ids = st.sampled_from(IDS + FOREIGN_IDS)
sessions = st.sampled_from(SESSIONS)
queues = st.sampled_from(QUEUES)
several_queues = st.permutations(QUEUES) | st.lists(queues, min_size=1, unique=True)
delays = st.sampled_from([None, 0, 1, 900, 5 * SECOND, MINUTE, DAY])
steps_ms = st.sampled_from([1, 200, SECOND, 4 * SECOND, 5 * SECOND, 11 * SECOND, LEASE_MS + 1, MINUTE + 1, HOUR, DAY, 8 * DAY])
numbers = st.integers(0, 63)


class ShardMachine(RuleBasedStateMachine):
    """See the module. The names of its rules are those of the scripts, or say who else does what."""

    def __init__(self, real: Real, listener: Listener) -> None:
        super().__init__()
        self.real, self.listener = real, listener
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.claims: list[tuple[str, str, str]] = []  # (session, id, token), every one that there ever was
        self.accepted: set[tuple[str, str]] = set()
        self.last_number = 0
        self.taken_by_others: set[str] = set()
        self.popped: list[str] = []
        self.was_damaged = False
        self.nonce = 0

    # The two worlds, side by side.

    @initialize(
        namespace=st.sampled_from(["", "shop", "{s0}"]),
        done_kept=st.sampled_from([0, 1, 2, 100]),
        ended_kept=st.sampled_from([0, 1, 2, 100]),
        kept_s=st.sampled_from([0, 15, 3600, 86_400]),
        max_crashes=st.sampled_from([1, 2, 3]),
        may_damage=st.booleans(),
    )
    def begin(self, namespace: str, done_kept: int, ended_kept: int, kept_s: int, max_crashes: int, may_damage: bool) -> None:
        settings = Settings(
            done_kept=done_kept, done_kept_s=kept_s, ended_kept=ended_kept, ended_kept_s=kept_s, max_crashes=max_crashes
        )
        self.real.begin(namespace, settings)
        self.model = Model(
            f"{namespace}:" if namespace else "",
            START_US,
            done=Bounds(done_kept, kept_s * 1000),
            ended=Bounds(ended_kept, kept_s * 1000),
            gap_ms=5000,
            max_crashes=max_crashes,
        )
        self.listener.heard()
        self.may_damage = may_damage
        self.snapshot: dict[str, Any] = {}
        self.both("open", "s", LEASE_MS, {"lease_ms": LEASE_MS})
        self.both("enqueue", [self.new("a", "default", 0, None), self.new("b", "mail", 0, None)])

    def both(self, name: str, *arguments: Any) -> Any:
        """Make one call in both worlds: replies, messages and keyspaces must be equal. Gives the reply, None for a refusal."""
        self.calls.append((name, arguments))
        self.real.broker.now = str(self.model.now_us)
        self.model.messages.clear()
        before = self.snapshot
        held = self.held()
        expected, got = (outcome_of(world, name, arguments) for world in (self.model, self.real))
        assert got == expected, f"{name}{arguments} answers {got}, not {expected}"
        heard = self.listener.heard()
        assert sorted(heard) == sorted(self.model.messages), f"{name}{arguments} publishes {heard}, not {self.model.messages}"
        self.compare(f"{name}{arguments}")
        self.check_trimmed(before)
        self.check_tokens(held, f"{name}{arguments}")
        return None if got is Refused else got

    def compare(self, what: str) -> None:
        found = {name: tuple(stored) for name, stored in snapshot(self.real.raw).items()}
        counters = self.model.own("stats:")
        self.snapshot = {name: stored for name, stored in found.items() if not name.startswith(counters)}
        expected = self.model.seen()
        different = {
            name: f"{self.snapshot.get(name)}, not {expected.get(name)}"
            for name in sorted(expected.keys() | self.snapshot.keys())
            if self.snapshot.get(name) != expected.get(name)
        }
        assert not different, f"{what} leaves {different}"

    def change(self, what: str) -> None:
        """Another program than ours has changed both worlds."""
        self.compare(what)

    # What holds beyond equality.

    def check_trimmed(self, before: dict[str, Any]) -> None:
        """Invariant 13: only what has ended vanishes, and not within 10 s."""
        for name in before.keys() - self.snapshot.keys():
            if not (name.endswith(":status") and before[name][0] == "string"):
                continue
            assert before[name][1] in ENDED, f"{name} was {before[name][1]} and is gone"
            outcome = before.get(name.removesuffix("status") + "result")
            if outcome and outcome[0] == "string":
                ended_ms = json.loads(outcome[1])["ended_ms"]
                assert abs(self.model.now_ms - ended_ms) >= FLOOR_MS, f"{name} was trimmed too early"

    def held(self) -> set[tuple[str, str]]:
        return {item for session in SESSIONS for item in self.model.owned(session).items()}

    def check_tokens(self, held: set[tuple[str, str]], what: str) -> None:
        """Invariant 3: a claim that was given up is never held again."""
        now_held = self.held()
        again = now_held & self.accepted
        assert not again, f"{what} revives {again}"
        self.accepted |= held - now_held

    @invariant()
    def every_task_is_in_one_place(self) -> None:
        """Invariants 1 and 2, of what only our scripts touched on an undamaged server."""
        if self.was_damaged:
            return
        wrong = [text for task_id in IDS if task_id not in self.taken_by_others for text in self.misplaced(task_id)]
        assert not wrong, wrong

    def misplaced(self, task_id: str) -> list[str]:
        model = self.model
        word = model.word(task_id)
        ready = sum(model.of(model.ready(queue), list).count(task_id) for queue in QUEUES)
        due = sum(task_id in model.of_own(f"due:{queue}", Scores) for queue in QUEUES)
        owners = sum(task_id in model.owned(session) for session in SESSIONS)
        ended = {state: model.of_own(f"ended:{state}", list).count(task_id) for state in ENDED}
        places = {"pending": ready, "scheduled": due, "in-progress": owners, **ended}
        wrong = []
        if word is not None and (places[word] < 1 or (word in ENDED and places[word] > 1)):
            wrong.append(f"{task_id} is {word} and there {places[word]} times")
        if owners != (word == "in-progress"):
            wrong.append(f"{task_id} is {word} and owned {owners} times")
        if word not in ENDED and sum(ended.values()):
            wrong.append(f"{task_id} is {word} and in {ended}")
        if (word is None) != (model.get(model.task(task_id)) is None):
            wrong.append(f"{task_id} is {word} and its record is not with its word")
        return wrong

    def teardown(self) -> None:
        """The independent checks, and whether all comes to an end that nothing outlives."""
        if not hasattr(self, "model"):
            return
        prefix = self.model.prefix
        assert [name for name in self.snapshot if row_of(name, prefix) is None] == []
        if self.was_damaged:
            return
        assert complaints(self.real.raw, self.real.broker.keys, foreign=(*FOREIGN_IDS, *self.taken_by_others)) == []
        self.come_to_an_end()

    def come_to_an_end(self) -> None:
        model = self.model
        model.of_own("paused", set).clear()
        self.real.raw.delete(model.own("paused"))
        for session in SESSIONS:
            while self.both("reap", session)[2]:
                pass
        self.both("reap")
        model.now_us += 30 * DAY * 1000
        self.both("promote", list(QUEUES))
        self.both("open", "last", LEASE_MS, {"lease_ms": LEASE_MS})
        while (claimed := self.both("claim", "last", 100, list(QUEUES), None))[2]:
            self.both("finish", "last", [(task_id, token, self.outcome()) for task_id, token, *_ in claimed[2]])
        self.both("close", "last")
        left = {name.removeprefix(model.own("")) for name in self.snapshot if name.startswith(model.own(""))}
        left = {name for name in left if not name.startswith(("wake:", "ended:", "session:"))}
        mine = {i for name in ("watched", "cancelling") for i in model.of_own(name, dict if name == "watched" else set)}
        stray = {"strays"} if model.of_own("strays", Scores) else set()
        others = mine <= {*FOREIGN_IDS, *self.taken_by_others}
        assert left <= {"clock", "queues", "set_aside", *stray, *({"watched", "cancelling"} if others else ())}, left
        assert not any(self.snapshot.get(model.ready(queue)) for queue in QUEUES)

    # Material.

    def new(self, task_id: str, queue: str, content: int, delay_ms: int | None, *, keep_digest: bool = False) -> New:
        self.nonce += 1
        digest = f"{content:032x}"
        envelope = json.dumps({"v": 1, "digest": digest, "queue": queue, "n": self.nonce}, separators=(",", ":"))
        return New(task_id, queue, digest, envelope, delay_ms, keep_digest)

    def outcome(self, skew_ms: int = 0) -> str:
        self.nonce += 1
        return json.dumps({"v": 1, "ended_ms": self.model.now_ms + skew_ms, "n": self.nonce}, separators=(",", ":"))

    def evidence(self) -> str:
        self.nonce += 1
        return json.dumps({"v": 1, "kind": "error", "at_ms": self.model.now_ms, "n": self.nonce}, separators=(",", ":"))

    def some_claims(self, session: str, picks: list[int]) -> list[tuple[str, str]]:
        """(id, token) pairs: mostly what the session owns, some that are over, some of others."""
        now = list(self.model.owned(session).items())
        ever = [(task_id, token) for _, task_id, token in self.claims]
        found = []
        for pick in picks:
            pool = now if now and pick % 4 else ever
            if pool:
                found.append(pool[(pick // 4) % len(pool)])
        return found

    # The scripts.

    @rule(session=sessions, lease_ms=st.sampled_from([LEASE_MS, LEASE_MS, MINUTE]), named=st.booleans())
    def open(self, session: str, lease_ms: int, named: bool) -> None:
        self.both("open", session, lease_ms, {"host": "mill"} | ({"lease_ms": lease_ms} if named else {}))

    @rule(session=sessions)
    def close(self, session: str) -> None:
        self.both("close", session)

    @rule(batch=st.lists(st.tuples(ids, queues, st.sampled_from([0, 0, 0, 1]), delays, st.booleans()), min_size=1, max_size=5))
    def enqueue(self, batch: list[tuple[str, str, int, int | None, bool]]) -> None:
        self.both("enqueue", [self.new(i, q, content, ms, keep_digest=keep) for i, q, content, ms, keep in batch])

    @rule(session=sessions, slots=st.sampled_from([5, 2, 1, 0]), wanted=several_queues, look=st.booleans())
    def claim(self, session: str, slots: int, wanted: list[str], look: bool) -> None:
        self.claim_tasks(session, slots, wanted, LEASE_MS if look else None)

    @rule()
    def renew_and_claim(self) -> None:
        """What keeps examples going: somebody always comes to work."""
        self.both("renew", {"s": LEASE_MS})
        self.claim_tasks("s", 5, list(QUEUES), None)

    def claim_tasks(self, session: str, slots: int, wanted: list[str], look_ms: int | None) -> None:
        claimed = self.both("claim", session, slots, wanted, look_ms)
        if not isinstance(claimed, tuple) or not claimed[2]:
            return
        number, _, claims, _ = claimed
        assert number > self.last_number, "claim numbers only grow"
        self.last_number = number
        self.claims += [(session, task_id, token) for task_id, token, *_ in claims]

    @rule(session=sessions, picks=st.lists(numbers, max_size=4), skew_ms=st.sampled_from([0, 0, -3000, 3000]))
    def finish(self, session: str, picks: list[int], skew_ms: int) -> None:
        ends = [(task_id, token, self.outcome(skew_ms)) for task_id, token in self.some_claims(session, picks)]
        self.both("finish", session, ends)

    @rule(session=sessions, picks=st.lists(numbers, max_size=4), delay_ms=delays)
    def fail(self, session: str, picks: list[int], delay_ms: int | None) -> None:
        claims = self.some_claims(session, picks)
        self.both("fail", session, [(i, token, self.evidence(), delay_ms, self.outcome()) for i, token in claims])

    @rule(
        session=sessions,
        picks=st.lists(numbers, max_size=4),
        delay_ms=delays,
        note=st.sampled_from(["", '{"type":"UnknownTask"}']),
        kept_ms=st.sampled_from([0, MINUTE, DAY]),
    )
    def release(self, session: str, picks: list[int], delay_ms: int | None, note: str, kept_ms: int) -> None:
        claims = self.some_claims(session, picks)
        self.both("release", session, [(i, token, delay_ms, note, kept_ms) for i, token in claims])

    @rule(who=st.lists(sessions, unique=True, max_size=3), lease_ms=st.sampled_from([LEASE_MS, LEASE_MS, MINUTE]))
    def renew(self, who: list[str], lease_ms: int) -> None:
        self.both("renew", dict.fromkeys(who, lease_ms))

    @rule()
    def reap(self) -> None:
        self.both("reap")

    @rule(session=sessions)
    def reap_died(self, session: str) -> None:
        self.both("reap", session)

    @rule(wanted=several_queues)
    def promote(self, wanted: list[str]) -> None:
        self.both("promote", wanted)

    @rule(task_id=any_ids)
    def cancel(self, task_id: str) -> None:
        self.both("cancel", task_id)

    @rule(task_id=any_ids, other_queue=st.sampled_from(["", "", "", "low"]), stale=st.sampled_from([0, 0, 0, 1, -1]))
    def retry(self, task_id: str, other_queue: str, stale: int) -> None:
        envelope = json.loads(self.model.get(self.model.task(task_id)) or "{}")
        seen = len(self.model.attempts(task_id)) + stale
        self.both("retry", task_id, other_queue or envelope.get("queue", "default"), max(0, seen))

    @rule(channel=st.sampled_from(CHANNELS), watched=st.lists(any_ids, min_size=1, max_size=3))
    def watch(self, channel: str, watched: list[str]) -> None:
        self.both("watch", channel, watched)

    @precondition(lambda self: self.calls)
    @rule(back=numbers)
    def make_an_earlier_call_again(self, back: int) -> None:
        name, arguments = self.calls[-1 - back % len(self.calls)]
        if name == "claim":
            self.claim_tasks(*arguments)
        else:
            self.both(name, *arguments)

    # Time.

    @rule(ms=steps_ms, us=st.integers(0, 999))
    def time_passes(self, ms: int, us: int) -> None:
        self.model.now_us += ms * 1000 + us

    @rule(ms=st.sampled_from([1, SECOND, 9 * SECOND, MINUTE, HOUR]))
    def time_goes_back(self, ms: int) -> None:
        self.model.now_us -= ms * 1000

    @rule()
    def keys_expire(self) -> None:
        for name in list(self.model.expiring):
            self.model.delete(name)
            self.real.raw.delete(name)
        self.change("expiry")

    # Other programs, and people.

    @rule(task_id=st.sampled_from(FOREIGN_IDS))
    def foreign_producer_sets_the_word(self, task_id: str) -> None:
        name = self.model.task(task_id, "status")
        self.model.put(name, "pending")
        self.real.raw.set(name, "pending")
        self.change("a foreign SET")

    @rule(text=st.sampled_from([*FOREIGN_IDS, *FOREIGN_IDS, *IDS, *NO_IDS]))
    def foreign_producer_pushes(self, text: str) -> None:
        name = self.model.ready("default")
        if self.model.fits(name, list):
            self.model.of(name, list).insert(0, text)
            self.real.raw.lpush(name, text)
            self.change("a foreign LPUSH")

    @rule(queue=queues)
    def foreign_consumer_pops(self, queue: str) -> None:
        ready = self.model.of(self.model.ready(queue), list)
        if ready:
            text = ready.pop()
            self.popped.append(text)
            assert self.real.raw.rpop(self.model.ready(queue)) == text
            self.taken_by_others.add(text)
            self.change("a foreign RPOP")

    @precondition(lambda self: self.popped)
    @rule(word=st.sampled_from(["in-progress", "in-progress", "done", "failed", "working"]), pick=numbers)
    def foreign_consumer_sets_the_word(self, word: str, pick: int) -> None:
        task_id = self.popped[pick % len(self.popped)]
        name = self.model.task(task_id, "status")
        if task_id in NO_IDS:
            return
        self.model.put(name, word)
        self.real.raw.set(name, word)
        self.change("a foreign SET of a word")

    @rule(queue=queues, paused=st.booleans())
    def pause(self, queue: str, paused: bool) -> None:
        name = self.model.own("paused")
        if self.model.fits(name, set):
            flags = self.model.of(name, set)
            (flags.add if paused else flags.discard)(queue)
            (self.real.raw.sadd if paused else self.real.raw.srem)(name, queue)
            self.change("a pause")

    @rule(queue=queues)
    def idle_worker_takes_the_wake_up_token(self, queue: str) -> None:
        name = self.model.own(f"wake:{queue}")
        if self.model.fits(name, list):
            self.model.delete(name)
            self.real.raw.delete(name)
            self.change("a wake-up")

    @rule(task_id=ids)
    def failover_brings_a_mark_back(self, task_id: str) -> None:
        name = self.model.own("cancelling")
        if self.model.fits(name, set) and self.model.word(task_id) not in (None, *ENDED):
            self.model.of(name, set).add(task_id)
            self.real.raw.sadd(name, task_id)
            self.change("a failover")

    # Damage.

    @precondition(lambda self: self.may_damage)
    @rule(name=st.sampled_from(OWN_NAMES), wrong=st.integers(0, 4))
    def own_key_is_damaged(self, name: str, wrong: int) -> None:
        self.damage(self.model.own(name), RIGHT_KINDS[name.partition(":")[0]], wrong)

    @precondition(lambda self: self.may_damage)
    @rule(queue=queues, wrong=st.integers(0, 4))
    def ready_list_is_damaged(self, queue: str, wrong: int) -> None:
        self.damage(self.model.ready(queue), list, wrong)

    @precondition(lambda self: self.may_damage)
    @rule(task_id=ids, part=st.sampled_from(["", "status", "result", "attempts", "digest"]), wrong=st.integers(0, 4))
    def record_is_damaged(self, task_id: str, part: str, wrong: int) -> None:
        self.damage(self.model.task(task_id, part), list if part == "attempts" else str, wrong)

    def damage(self, name: str, right: type, wrong: int) -> None:
        value = [value for value in WRONG if type(value) is not right][wrong % 4]
        self.was_damaged = True
        if name == self.model.own("clock"):
            self.last_number = 0
            self.accepted.clear()
        self.model.delete(name)
        self.model.values[name] = value
        self.real.raw.delete(name)
        store(self.real.raw, name, value)
        self.change("damage")

    @precondition(lambda self: self.was_damaged)
    @rule(pick=numbers)
    def damage_is_taken_away(self, pick: int) -> None:
        names = sorted(name for name, value in self.model.values.items() if value in WRONG)
        if names:
            name = names[pick % len(names)]
            self.model.delete(name)
            self.real.raw.delete(name)
            self.change("mending")


def outcome_of(world: Any, name: str, arguments: tuple[Any, ...]) -> Any:
    try:
        return getattr(world, name)(*arguments)
    except Refused:
        return Refused


def store(raw: Any, name: str, value: Any) -> None:
    """Put a plain value under a name."""
    if isinstance(value, str):
        raw.set(name, value)
    elif isinstance(value, list):
        raw.rpush(name, *value)
    elif isinstance(value, set):
        raw.sadd(name, *value)
    elif isinstance(value, Scores):
        raw.zadd(name, value)
    else:
        raw.hset(name, mapping=value)
