"""Hypothesis drives the real scripts and the model side by side; after each step the whole keyspace must be the model's."""

import json
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from key_schema import row_of
from lineshaft.settings import Settings
from scripts.keyspace import complaints

from .deeds import FOREIGN_IDS, LEASE_MS, QUEUES, SESSIONS, Deeds
from .endings import ENDED, FLOOR_MS, Bounds
from .model import Model
from .real import Listener, Real
from .store import Full, Refused, Scores

START_US = 1_700_000_000_000_000
LONG_AFTER_US = 30 * 86_400 * 1_000_000
# How often each deed is chosen. One rule draws them all: as rules of their own, most would be switched off in most examples.
USUAL = {
    "renew_and_claim": 6, "claim": 3, "finish": 6, "fail": 6, "release": 4, "nobody_knows_a_task": 1, "enqueue": 6,
    "promote": 4, "cancel": 4, "retry": 4, "watch": 4, "open": 2, "renew": 2, "close": 2, "reap": 4, "reap_died": 2,
    "an_earlier_call_comes_again": 4,
    "time_passes": 6, "much_time_passes": 3, "time_goes_back": 1, "looks_while_the_clock_jumps": 3,
    "a_key_expires": 1, "pause": 1, "order": 1, "an_idle_worker_wakes": 2,
}  # fmt: skip
FOREIGN = {
    "a_producer_sends": 6, "a_producer_sets_the_word": 3, "a_producer_pushes": 5,
    "a_producer_is_slow_to_set_the_word": 2, "a_consumer_pops": 3,
    "a_consumer_sets_the_word": 4, "a_consumer_of_a_second_entry_sets_the_word": 5, "a_failover_brings_a_mark_back": 2,
}  # fmt: skip
DAMAGE = {
    "a_key_is_damaged": 4, "a_ready_list_is_damaged": 2, "a_record_is_damaged": 3, "damage_is_taken_away": 6,
    "sessions_die_beside_damage": 3,
}  # fmt: skip
# Rows of the schema in which nothing of ours is left once all has ended, and nobody is at work.
PASSING = {
    "task_queue", "task_queue:<queue>", "lineshaft:sessions", "lineshaft:suspects", "lineshaft:owned:<s>", "lineshaft:tries",
    "lineshaft:crashes", "lineshaft:cancelling", "lineshaft:watched", "lineshaft:due:<queue>",
}  # fmt: skip


def weighted(weights: dict[str, int]) -> st.SearchStrategy[str]:
    return st.sampled_from([name for name, weight in weights.items() for _ in range(weight)])


DEEDS = {
    "alone": weighted(USUAL),
    "with others": weighted(USUAL | FOREIGN),
    "short of memory": weighted(USUAL | {"memory_fills_up_or_is_free_again": 6}),
    "damaged": weighted(USUAL | FOREIGN | DAMAGE),
}


class ShardMachine(Deeds, RuleBasedStateMachine):
    """See the module."""

    def __init__(self, real: Real, listener: Listener, deeds: str) -> None:
        super().__init__()
        self.deeds = DEEDS[deeds]
        self.real, self.listener, self.raw = real, listener, real.raw
        self.ids, self.calls, self.claims, self.popped, self.taken_by_others = ["a", "b"], [], [], [], set()
        self.given_up: set[tuple[str, str]] = set()  # claims
        self.snapshot: dict[str, Any] = {}

    @initialize(
        namespace=st.sampled_from(["", "shop", "{s0}"]),
        done_kept=st.sampled_from([100, 2, 1, 0]),
        ended_kept=st.sampled_from([100, 2, 1, 0]),
        kept_s=st.sampled_from([86_400, 3600, 15, 0]),
        max_crashes=st.sampled_from([3, 2, 1]),
    )
    def begin(self, namespace: str, done_kept: int, ended_kept: int, kept_s: int, max_crashes: int) -> None:
        kept_ms = kept_s * 1000
        settings = {"done_kept": done_kept, "done_kept_s": kept_s, "ended_kept": ended_kept, "ended_kept_s": kept_s}
        self.real.begin(namespace, Settings(**settings, max_crashes=max_crashes))
        self.model = Model(namespace and f"{namespace}:", Bounds(done_kept, kept_ms), Bounds(ended_kept, kept_ms), max_crashes)
        self.model.now_us = START_US
        self.listener.heard()
        self.both("open", "s", LEASE_MS, {"lease_ms": LEASE_MS})
        self.both("enqueue", [self.new("a", "default"), self.new("b", "mail")])

    @rule(data=st.data())
    def something_happens(self, data: st.DataObject) -> None:
        getattr(self, data.draw(self.deeds))(data.draw)

    # The two worlds, side by side.

    def both(self, name: str, *arguments: Any) -> Any:
        """Make one call in both worlds: replies, messages and keyspaces must be equal. Gives the reply, None for a refusal."""
        what = f"{name}{arguments} at {self.model.now_ms}"
        self.calls.append((name, arguments))
        self.real.broker.now = str(self.model.now_us)
        self.model.messages.clear()
        before, held = self.snapshot, self.held()
        expected = reply_of(self.model, name, arguments)
        with self.real.memory(is_full=self.model.is_full):
            got = reply_of(self.real, name, arguments)
        if self.model.is_full and name == "watch":
            self.take_over_watchers(before)
        assert got == expected, f"{what} answers {got}, not {expected}"
        heard = self.listener.heard()
        assert sorted(heard) == sorted(self.model.messages), f"{what} publishes {heard}, not {self.model.messages}"
        self.compare(what)
        assert not is_refusal(got) or self.snapshot == before, f"{what} is refused, and had written"
        self.check_trimmed(before, what)
        self.check_tokens(held, what)
        return None if is_refusal(got) else got

    def take_over_watchers(self, before: dict[str, Any]) -> None:
        """Without memory a watcher may be registered or not; it asks again by itself."""
        name = self.model.own("watched")
        watched, (_, earlier, _) = self.model.of(name, dict), before.get(name, ("", {}, False))
        found = self.raw.hgetall(name)
        assert all(channels in (watched.get(task_id), earlier.get(task_id)) for task_id, channels in found.items())
        assert earlier.keys() & watched.keys() <= found.keys()
        self.model.values[name] = found

    def compare(self, what: str) -> None:
        """The server's keyspace, but for the counters, is the model's."""
        counters = self.model.own("stats:")
        found = {name: stored for name, stored in self.real.keyspace().items() if not name.startswith(counters)}
        self.snapshot, expected = found, self.model.seen()
        different = {
            name: f"{found.get(name)}, not {expected.get(name)}"
            for name in sorted(expected.keys() | found.keys())
            if found.get(name) != expected.get(name)
        }
        assert not different, f"{what} leaves {different}"

    # What holds beyond equality.

    def check_trimmed(self, before: dict[str, Any], what: str) -> None:
        """Invariant 13: only what has ended vanishes, and not within 10 s."""
        for name in before.keys() - self.snapshot.keys():
            if not (name.endswith(":status") and before[name][0] == "string"):
                continue
            assert before[name][1] in ENDED, f"{what}: {name} was {before[name][1]} and is gone"
            outcome = before.get(name.removesuffix("status") + "result")
            if outcome and outcome[0] == "string":
                since_ms = self.model.now_ms - json.loads(outcome[1])["ended_ms"]
                assert abs(since_ms) >= FLOOR_MS, f"{what}: {name} is gone {since_ms} ms after its end"

    def held(self) -> set[tuple[str, str]]:
        return {item for session in SESSIONS for item in self.model.owned(session).items()}

    def check_tokens(self, held: set[tuple[str, str]], what: str) -> None:
        """Invariant 3: a claim that was given up is never held again."""
        if not self.was_damaged:
            assert not (again := self.held() & self.given_up), f"{what} revives {again}"
            self.given_up |= held - self.held()

    @invariant()
    def every_task_is_in_one_place(self) -> None:
        """Invariants 1 and 2, of what only our scripts touched on a server that nobody damaged."""
        if not self.was_damaged:
            wrong = [text for task_id in self.ids if task_id not in self.taken_by_others for text in self.misplaced(task_id)]
            assert not wrong, wrong

    def misplaced(self, task_id: str) -> list[str]:
        model = self.model
        word = model.word(task_id)
        ended = {state: model.of_own(f"ended:{state}", list).count(task_id) for state in ENDED}
        owners = sum(task_id in model.owned(session) for session in SESSIONS)
        places = {
            "pending": sum(model.of(model.ready(queue), list).count(task_id) for queue in QUEUES),
            "scheduled": sum(task_id in model.of_own(f"due:{queue}", Scores) for queue in QUEUES),
            "in-progress": owners,
            **ended,
        }
        wrong = {
            "is not where its word says": word is not None and not places[word],
            "is owned, and it should not be": owners != (word == "in-progress"),
            "has ended in another way too": sum(ended.values()) != (word in ENDED),
            "has no word or no record": (word is None) != (model.get(model.task(task_id)) is None),
        }
        return [f"{task_id}, {word}, {text}: {places}" for text, is_so in wrong.items() if is_so]

    def teardown(self) -> None:
        """The independent checks, and whether all comes to an end that nothing outlives."""
        if not hasattr(self, "model"):
            return
        assert [name for name in self.snapshot if row_of(name, self.model.prefix) is None] == []
        if not self.was_damaged:
            assert complaints(self.raw, self.real.broker.keys, foreign=(*FOREIGN_IDS, *self.taken_by_others)) == []
            self.come_to_an_end()

    def come_to_an_end(self) -> None:
        """Reap all, run all; then nothing is left but what has ended, and what other programs' tasks leave behind."""
        model = self.model
        self.remove(model.own("paused"))
        for session in SESSIONS:
            self.both("reap", session)
        model.now_us += LONG_AFTER_US
        self.both("promote", list(QUEUES))
        self.both("open", "last", LEASE_MS, {"lease_ms": LEASE_MS})
        while (claimed := self.both("claim", "last", 100, list(QUEUES), None))[2]:
            self.both("finish", "last", [(task_id, token, self.outcome()) for task_id, token, *_ in claimed[2]])
        self.both("close", "last")
        others = self.taken_by_others.union(FOREIGN_IDS)
        passing = {name: kept[1] for name, kept in self.snapshot.items() if row_of(name, model.prefix) in PASSING}
        left = {name: set(members) - others for name, members in passing.items()}
        assert not any(left.values()), left


def is_refusal(reply: Any) -> bool:
    return reply in (Refused, Full)


def reply_of(world: Any, name: str, arguments: tuple[Any, ...]) -> Any:
    try:
        return getattr(world, name)(*arguments)
    except Refused as error:
        return type(error)
