"""What can happen to a shard: one method per script, and one for each thing that time, people and other programs do.

Each draws what it needs. Most choices are sensible, so that something comes of them; the others are stale or wrong.
"""

import json
from collections.abc import Callable
from typing import Any

import redis
from hypothesis import strategies as st

from .endings import ENDED
from .model import Model, New
from .store import Scores

LEASE_MS = 15_000
SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
FOREIGN_IDS = ("f1", "f2", "f3", "f4", "f5")
NO_IDS = ("not an id", "x" * 65, "é", "", "v" * 300)
SESSIONS = ("s", "t", "u")
QUEUES = ("default", "mail")
CHANNELS = ("watcher:1", "watcher:2")
NOTE = '{"type":"UnknownTask"}'
WRONG = ("wrong", ["wrong"], {"wrong"}, {"wrong": "1"}, Scores(wrong=1))
RIGHT_KINDS = {
    "sessions": Scores, "suspects": dict, "clock": str, "tries": dict, "crashes": dict, "cancelling": set, "watched": dict,
    "strays": Scores, "set_aside": list, "queues": set, "paused": set,
    **{f"session:{session}": dict for session in SESSIONS},
    **{f"owned:{session}": dict for session in SESSIONS},
    **{f"due:{queue}": Scores for queue in QUEUES},
    **{f"wake:{queue}": list for queue in QUEUES},
    **{f"ended:{word}": list for word in ENDED},
}  # fmt: skip
RECORD_KINDS = {"": str, "status": str, "result": str, "attempts": list, "digest": str}

Draw = Callable[..., Any]
numbers = st.integers(0, 63)
picks = st.lists(numbers, min_size=1, max_size=4)
several_queues = st.permutations(QUEUES).map(list) | st.sampled_from([[queue] for queue in QUEUES])
delays = st.sampled_from([0, 1, 900, 5 * SECOND, MINUTE, DAY])
rare_delays = st.sampled_from([None, None, None]) | delays
small_steps = st.sampled_from([1, 200, SECOND, 4 * SECOND, 5 * SECOND, 6 * SECOND, 11 * SECOND])
large_steps = st.sampled_from([LEASE_MS + 1, MINUTE + 1, HOUR, DAY, 8 * DAY])
steps_back = st.sampled_from([1, SECOND, 9 * SECOND, MINUTE, HOUR])
clock_jumps = st.sampled_from([SECOND, 5 * SECOND, LEASE_MS + SECOND, HOUR, -SECOND, -9 * SECOND, -HOUR])
new_tasks = st.lists(
    st.tuples(numbers, st.sampled_from(QUEUES), st.sampled_from([0, 0, 0, 1]), rare_delays, st.booleans()),
    min_size=1,
    max_size=5,
)


class Deeds:
    """See the module. Who runs it has the model, the server, and `both`, which makes one call in both worlds."""

    model: Model
    raw: redis.Redis
    both: Callable[..., Any]
    compare: Callable[[str], None]
    ids: list[str]  # every one that was ever enqueued
    calls: list[tuple[str, tuple[Any, ...]]]
    claims: list[tuple[str, str]]  # every (id, token) that there ever was
    popped: list[str]  # what foreign consumers took
    taken_by_others: set[str]  # ids whose fate is not ours alone
    last_number = 0
    nonce = 0
    was_damaged = False

    # Material.

    def stamp(self, **fields: Any) -> str:
        """JSON that is like no other."""
        self.nonce += 1
        return json.dumps({"v": 1, **fields, "n": self.nonce}, separators=(",", ":"))

    def new(self, task_id: str, queue: str, content: int = 0, delay_ms: int | None = None, keep: bool = False) -> New:
        digest = f"{content:032x}"
        return New(task_id, queue, digest, self.stamp(digest=digest, queue=queue), delay_ms, keep)

    def outcome(self, skew_ms: int = 0) -> str:
        return self.stamp(ended_ms=self.model.now_ms + skew_ms)

    def evidence(self) -> str:
        return self.stamp(kind="error", at_ms=self.model.now_ms)

    def some_id(self, draw: Draw, *wanted: str) -> str:
        """Mostly one that has a word, and one of the wanted words if any has; the newest first."""
        every, pick = [*reversed(self.ids), *FOREIGN_IDS], draw(numbers)
        known = [task_id for task_id in every if self.model.word(task_id)]
        best = [task_id for task_id in known if self.model.word(task_id) in wanted]
        pool = (best or known or every, known or every, best or known or every, every)[pick % 4]
        return pick_from(pool, pick // 4)

    def id_to_enqueue(self, pick: int) -> str:
        """Mostly a new one; else one that is known, be it from the same batch, or whose record is gone."""
        gone = [task_id for task_id in self.ids if not self.model.word(task_id)]
        if pick % 4 == 3:
            return pick_from([*self.ids[::-1], *FOREIGN_IDS], pick // 4)
        if pick % 4 == 2 and gone:
            return pick_from(gone, pick // 4)
        self.ids.append(f"t{len(self.ids)}")
        return self.ids[-1]

    def some_session(self, draw: Draw) -> str:
        """Mostly one that is open."""
        is_open = sorted(self.model.of_own("sessions", Scores))
        pick = draw(numbers)
        return pick_from(is_open if is_open and pick % 8 < 7 else SESSIONS, pick // 8)

    def some_claims(self, draw: Draw) -> tuple[str, list[tuple[str, str]]]:
        """A session, mostly one with work, and (id, token) pairs: mostly what it owns; some are over or another's."""
        pick = draw(numbers)
        if not self.at_work() and pick % 8 < 7:
            self.renew_and_claim(draw)
        session = pick_from((self.at_work() if pick % 8 < 7 else ()) or SESSIONS, pick // 8)
        now = list(self.model.owned(session).items())
        over = [claim for claim in self.claims if claim not in now and claim[0] in dict(now)] or self.claims
        pools = [(now if now and pick % 4 < 3 else over, pick // 4 + n) for n, pick in enumerate(draw(picks))]
        return session, [pick_from(pool, number) for pool, number in pools if pool]

    def at_work(self) -> list[str]:
        return [session for session in SESSIONS if self.model.owned(session)]

    # The scripts.

    def open(self, draw: Draw) -> None:
        record = {"host": "mill"} | ({"lease_ms": LEASE_MS} if draw(st.booleans()) else {})
        self.both("open", draw(st.sampled_from(SESSIONS)), draw(st.sampled_from([LEASE_MS, MINUTE])), record)

    def renew(self, draw: Draw) -> None:
        who = {self.some_session(draw): None for _ in range(draw(st.integers(0, 3)))}
        self.both("renew", dict.fromkeys(who, draw(st.sampled_from([LEASE_MS, MINUTE]))))

    def close(self, draw: Draw) -> None:
        self.both("close", self.some_session(draw))

    def reap(self, draw: Draw) -> None:
        self.both("reap")

    def reap_died(self, draw: Draw) -> None:
        self.both("reap", self.some_session(draw))

    def enqueue(self, draw: Draw) -> None:
        batch = [(self.id_to_enqueue(pick), *rest) for pick, *rest in draw(new_tasks)]
        self.both("enqueue", [self.new(*task) for task in batch])

    def claim(self, draw: Draw) -> None:
        session, look_ms = self.some_session(draw), LEASE_MS if draw(st.booleans()) else None
        self.claim_tasks(session, draw(st.sampled_from([5, 5, 2, 1, 0])), draw(several_queues), look_ms)

    def renew_and_claim(self, draw: Draw) -> None:
        """What keeps examples going: somebody always comes to work, and finds some."""
        if not any(self.model.of(self.model.ready(queue), list) for queue in QUEUES):
            self.enqueue(draw)
        session = self.some_session(draw)
        self.both("open", session, LEASE_MS, {"lease_ms": LEASE_MS})
        self.both("renew", {session: LEASE_MS})
        self.claim_tasks(session, draw(st.sampled_from([1, 2, 5])), list(QUEUES), None)

    def claim_tasks(self, session: str, slots: int, wanted: list[str], look_ms: int | None) -> None:
        claimed = self.both("claim", session, slots, wanted, look_ms)
        if isinstance(claimed, tuple) and claimed[2]:
            assert claimed[0] > self.last_number, "claim numbers only grow"
            self.last_number = claimed[0]
            self.claims += [(task_id, token) for task_id, token, *_ in claimed[2]]

    def finish(self, draw: Draw) -> None:
        session, claims = self.some_claims(draw)
        skew_ms = draw(st.sampled_from([0, 0, -3000, 3000]))
        self.both("finish", session, [(task_id, token, self.outcome(skew_ms)) for task_id, token in claims])

    def fail(self, draw: Draw) -> None:
        session, claims = self.some_claims(draw)
        delay_ms = draw(rare_delays)
        self.both("fail", session, [(i, token, self.evidence(), delay_ms, self.outcome()) for i, token in claims])

    def release(self, draw: Draw) -> None:
        session, claims = self.some_claims(draw)
        how = draw(rare_delays), draw(st.sampled_from(["", NOTE])), draw(st.sampled_from([0, MINUTE, DAY]))
        self.both("release", session, [(task_id, token, *how) for task_id, token in claims])

    def nobody_knows_a_task(self, draw: Draw) -> None:
        """Workers claim it and hand it back with the same note, again and again."""
        kept_ms = draw(st.sampled_from([3 * SECOND, DAY]))
        for _ in range(3):
            self.renew_and_claim(draw)
            for session in self.at_work():
                held = self.model.owned(session).items()
                self.both("release", session, [(task_id, token, None, NOTE, kept_ms) for task_id, token in held])
            self.model.now_us += 2 * SECOND * 1000

    def promote(self, draw: Draw) -> None:
        self.both("promote", draw(several_queues))

    def cancel(self, draw: Draw) -> None:
        self.both("cancel", self.some_id(draw, "in-progress"))

    def retry(self, draw: Draw) -> None:
        task_id = self.some_id(draw, *ENDED)
        envelope = json.loads(self.model.get(self.model.task(task_id)) or "{}")
        seen = len(self.model.attempts(task_id)) + draw(st.sampled_from([0, 0, 0, 0, 1, -1]))
        self.both("retry", task_id, envelope.get("queue", "default"), max(0, seen))

    def watch(self, draw: Draw) -> None:
        self.both("watch", draw(st.sampled_from(CHANNELS)), [self.some_id(draw) for _ in range(draw(st.integers(1, 3)))])

    def an_earlier_call_comes_again(self, draw: Draw) -> None:
        name, arguments = self.calls[-1 - draw(numbers) % len(self.calls)]
        if name == "claim":
            self.claim_tasks(*arguments)
        else:
            self.both(name, *arguments)

    # Time.

    def time_passes(self, draw: Draw) -> None:
        self.model.now_us += draw(small_steps) * 1000 + draw(st.sampled_from([0, 1, 999]))

    def much_time_passes(self, draw: Draw) -> None:
        self.model.now_us += draw(large_steps) * 1000

    def time_goes_back(self, draw: Draw) -> None:
        self.model.now_us -= draw(steps_back) * 1000

    def looks_while_the_clock_jumps(self, draw: Draw) -> None:
        for ms in draw(st.lists(clock_jumps, min_size=2, max_size=4)):
            self.model.now_us += ms * 1000
            self.both("reap")

    def a_key_expires(self, draw: Draw) -> None:
        if names := sorted(self.model.expiring):
            self.remove(pick_from(names, draw(numbers)))

    # People.

    def pause(self, draw: Draw) -> None:
        queue, is_again = draw(st.sampled_from(QUEUES)), draw(st.sampled_from([False, False, False, True]))
        is_paused = queue in self.model.of_own("paused", set)
        self.both("pause" if is_paused == is_again else "resume", queue)

    def order(self, draw: Draw) -> None:
        self.both("order", self.some_session(draw), draw(st.sampled_from(["quiet", "stop"])))

    def an_idle_worker_wakes(self, draw: Draw) -> None:
        name = self.model.own(f"wake:{draw(st.sampled_from(QUEUES))}")
        if self.model.fits(name, list):
            self.remove(name)

    def memory_fills_up_or_is_free_again(self, draw: Draw) -> None:
        self.model.is_full = not self.model.is_full

    # Other programs.

    def a_producer_sets_the_word(self, draw: Draw) -> None:
        self.set_word(draw(st.sampled_from(FOREIGN_IDS)), "pending")

    def a_producer_pushes(self, draw: Draw) -> None:
        name = self.model.ready(draw(st.sampled_from(["default", "default", "mail"])))
        strays = sorted(self.model.of_own("strays", Scores))
        text = draw(st.sampled_from([*FOREIGN_IDS * 2, *strays * 3, *self.ids[-3:], *NO_IDS]))
        if self.model.fits(name, list):
            self.model.of(name, list).insert(0, text)
            self.raw.lpush(name, text)
            self.compare("a foreign LPUSH")

    def a_producer_sends(self, draw: Draw) -> None:
        """SET and LPUSH, in either order."""
        steps = [self.a_producer_sets_the_word, self.a_producer_pushes]
        for step in draw(st.permutations(steps)):
            step(draw)

    def a_producer_is_slow_to_set_the_word(self, draw: Draw) -> None:
        """It pushes an id twice before that, and workers meet it each time."""
        name, text = self.model.ready("default"), draw(st.sampled_from(FOREIGN_IDS))
        for _ in range(2):
            if self.model.fits(name, list):
                self.model.of(name, list).append(text)
                self.raw.rpush(name, text)
                self.compare("a foreign RPUSH")
            self.model.now_us += 300_000
            self.renew_and_claim(draw)

    def a_consumer_pops(self, draw: Draw) -> None:
        name = self.model.ready(draw(st.sampled_from(QUEUES)))
        if ready := self.model.of(name, list):
            text = ready.pop()
            assert self.raw.rpop(name) == text
            self.popped.append(text)
            self.taken_by_others.add(text)
            self.compare("a foreign RPOP")

    def a_consumer_sets_the_word(self, draw: Draw) -> None:
        if takeable := [text for text in self.popped if text not in NO_IDS]:
            word = draw(st.sampled_from(["in-progress", "in-progress", "done", "failed", "working"]))
            self.set_word(pick_from(takeable, draw(numbers)), word)

    def a_consumer_of_a_second_entry_sets_the_word(self, draw: Draw) -> None:
        """The id had been pushed twice: we run one entry, and it took the other."""
        if owned := sorted(task_id for session in SESSIONS for task_id in self.model.owned(session)):
            task_id = pick_from(owned, draw(numbers))
            self.taken_by_others.add(task_id)
            self.set_word(task_id, draw(st.sampled_from(["done", "failed", "working", "pending"])))

    def set_word(self, task_id: str, word: str) -> None:
        self.model.put(self.model.task(task_id, "status"), word)
        self.raw.set(self.model.task(task_id, "status"), word)
        self.compare("a foreign SET")

    def a_failover_brings_a_mark_back(self, draw: Draw) -> None:
        name, task_id = self.model.own("cancelling"), pick_from(self.ids, draw(numbers))
        if self.model.fits(name, set) and self.model.word(task_id) not in (None, *ENDED):
            self.model.of(name, set).add(task_id)
            self.raw.sadd(name, task_id)
            self.compare("a failover")

    # Damage.

    def a_key_is_damaged(self, draw: Draw) -> None:
        name = draw(st.sampled_from(sorted(RIGHT_KINDS)))
        self.damage(draw, self.model.own(name), RIGHT_KINDS[name])

    def a_ready_list_is_damaged(self, draw: Draw) -> None:
        self.damage(draw, self.model.ready(draw(st.sampled_from(QUEUES))), list)

    def a_record_is_damaged(self, draw: Draw) -> None:
        part = draw(st.sampled_from(sorted(RECORD_KINDS)))
        self.damage(draw, self.model.task(self.some_id(draw), part), RECORD_KINDS[part])

    def sessions_die_beside_damage(self, draw: Draw) -> None:
        """Of a ready list or of somebody's claims: the others' tasks must come back all the same."""
        for _ in range(2):
            self.renew_and_claim(draw)
        owned = f"owned:{draw(st.sampled_from(SESSIONS))}"
        names = {self.model.ready(draw(st.sampled_from(QUEUES))): list, self.model.own(owned): dict}
        name = draw(st.sampled_from(sorted(names)))
        self.damage(draw, name, names[name])
        for session in draw(st.lists(st.sampled_from(SESSIONS), max_size=2)):
            self.both("reap", session)
        for ms in (MINUTE, 6 * SECOND, SECOND):
            self.model.now_us += (LEASE_MS + ms) * 1000
            self.both("reap")

    def damage(self, draw: Draw, name: str, right: type) -> None:
        value = draw(st.sampled_from([value for value in WRONG if type(value) is not right]))
        if name == self.model.own("clock"):
            self.last_number = 0
        self.was_damaged = True
        self.remove(name)
        self.model.values[name] = type(value)(value)  # a copy
        store(self.raw, name, value)
        self.compare("damage")

    def damage_is_taken_away(self, draw: Draw) -> None:
        names = sorted(name for name, value in self.model.values.items() if value in WRONG)
        if names:
            self.remove(pick_from(names, draw(numbers)))

    def remove(self, name: str) -> None:
        self.model.delete(name)
        self.raw.delete(name)
        self.compare("a key that is taken away")


def pick_from(pool: Any, number: int) -> Any:
    return pool[number % len(pool)]


def store(raw: redis.Redis, name: str, value: Any) -> None:
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
