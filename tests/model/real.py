"""The real scripts behind the model's calls, and the real keyspace as a state of the model.

Ids are t0, t1 and so on, sessions s0, s1. A claim number of the model stands for the one that the script must give,
`max(last + 1, now in us)`. One tick of the model is TICK_MS.
"""

from typing import Any

import redis

from lineshaft.broker.broker import NewTask, Return, Try
from lineshaft.model.outcome import Attempt, Failure
from lineshaft.protocol import reply as replies
from lineshaft.protocol import wire
from lineshaft.protocol.keys import DEFAULT_QUEUE, Keys

from .state import ENDED, Outcome, Server, Session, Task
from .steps import Step

TICK_MS = 61_000
LEASE_S = 5.0
LEASE_MS = 5000
START_MS = 1_700_000_000_000
CHANNEL = "lineshaft:watch:model"
ENVELOPES = {
    content: wire.encode_envelope("demo.echo", DEFAULT_QUEUE, b'["%b"]' % content.encode(), b"{}", START_MS, 0)
    for content in ("own", "other")
}
CONTENTS = {envelope: content for content, envelope in ENVELOPES.items()}
DIGESTS = {envelope[wire.DIGEST_SLICE].decode(): content for content, envelope in ENVELOPES.items()}


class Real:
    """A server, emptied. `stands`: its clock stands still within a tick, so that claim numbers grow by one."""

    def __init__(self, raw: redis.Redis, broker: Any, *, stands: bool) -> None:
        raw.flushall()
        self._raw = raw
        self._broker = broker
        self._stands = stands
        self._keys: Keys = broker.keys
        self._now_ms = START_MS
        self._us = 0
        self._last = 0  # the claim number that stands in Redis
        self._numbers: dict[int, int] = {}  # the model's claim number -> the real one
        self._model_of: dict[int, int] = {}

    def seed(self, start: Server) -> None:
        """Make what the start of a scope has."""
        self.set_time()
        for number in range(len(start.sessions)):
            self.call(("open", number))
        for number, task in enumerate(start.tasks):
            if task.word:
                self.call(("enqueue", number, task.envelope, False, task.word == "scheduled"))
        if start.paused:
            self.call(("pause",))

    def set_time(self) -> None:
        """Give the scripts the time of the next call."""
        self._us += 0 if self._stands else 1
        self._broker.now = str(self._now_ms * 1000 + self._us)

    def number_claims(self, number: int) -> None:
        """The next claim must give its claims this number of the model."""
        self._numbers[number] = max(self._last + 1, int(self._broker.now))
        self._model_of[self._numbers[number]] = number

    # Calls, as the broker takes them and as it answers.

    def call(self, call: tuple[Any, ...]) -> Any:
        """Make a call of the model; gives what the broker answers."""
        name, *arguments = call
        return getattr(self, f"_{name.lower()}")(*arguments)

    def _lpush(self, task: int) -> None:
        self._raw.lpush(self._keys.task_queue, f"t{task}")

    def _rpop(self, task: int) -> None:
        assert self._raw.rpop(self._keys.task_queue) == f"t{task}"

    def _set(self, task: int, word: str) -> None:
        self._raw.set(self._keys.status(f"t{task}"), word)

    def _open(self, session: int) -> str:
        return self._broker.open(f"s{session}", LEASE_S, {"host": "model", "lease_ms": LEASE_MS})

    def _close(self, session: int) -> int:
        return self._broker.close(f"s{session}")

    def _enqueue(self, task: int, content: str, keep: bool, later: bool) -> str:
        delay_ms = TICK_MS if later else None
        return self._broker.enqueue([NewTask(f"t{task}", DEFAULT_QUEUE, ENVELOPES[content], delay_ms, keep)])[0]

    def _claim(self, session: int, slots: int) -> Any:
        answer = self._broker.claim(f"s{session}", slots, [DEFAULT_QUEUE])
        if not isinstance(answer, replies.Claimed):
            return answer
        return answer.number, answer.more, answer.claims

    def _finish(self, session: int, task: int, number: int, outcome: Outcome) -> str:
        return self._broker.finish(f"s{session}", [(f"t{task}", self._token(number), self._outcome(outcome))])[0]

    def _fail(self, session: int, task: int, number: int, outcome: Outcome, again: bool) -> str:
        evidence = wire.encode_attempt(Attempt(v=1, kind="error", session=f"s{session}", claim=self._numbers[number]))
        delay_ms = TICK_MS if again else None
        given = Try(f"t{task}", self._token(number), evidence, delay_ms, self._outcome(outcome))
        return self._broker.fail(f"s{session}", [given])[0]

    def _release(self, session: int, task: int, number: int, later: bool) -> str:
        given = Return(f"t{task}", self._token(number), TICK_MS if later else None)
        return self._broker.release(f"s{session}", [given])[0]

    def _renew(self, session: int) -> Any:
        renewed = self._broker.renew({f"s{session}": LEASE_S})[f"s{session}"]
        return "lost" if renewed is None else (renewed.order, sorted(renewed.to_stop))

    def _order(self, session: int, word: str) -> str:
        return self._broker.order(f"s{session}", word)

    def _reap(self, died: int | None) -> Any:
        answer = self._broker.reap("" if died is None else f"s{died}")
        return answer.session, answer.freed, answer.more

    def _promote(self) -> int:
        return self._broker.promote([DEFAULT_QUEUE]).ready

    def _cancel(self, task: int) -> str:
        return self._broker.cancel(f"t{task}")

    def _retry(self, task: int, seen: int) -> str:
        return self._broker.retry(f"t{task}", DEFAULT_QUEUE, seen)

    def _watch(self, task: int) -> Any:
        (answer,) = self._broker.watch(CHANNEL, [f"t{task}"])
        return answer if isinstance(answer, str) else (answer.status, self._found_outcome(answer.outcome))

    def _pause(self) -> str:
        return self._broker.pause(DEFAULT_QUEUE)

    def _resume(self) -> str:
        return self._broker.resume(DEFAULT_QUEUE)

    def _trim(self) -> None:
        self._broker.finish("", [])
        self._broker.fail("", [])

    def expected(self, step: Step) -> Any:
        """The model's reply as the broker gives it."""
        assert step.call is not None
        name, reply = step.call[0], step.reply
        if name == "close":
            return reply[1]
        if name == "renew" and reply != "lost":
            return reply[0], [f"t{task}" for task in reply[1]]
        if name == "reap":
            _, session, freed, more = reply
            return None if session is None else f"s{session}", freed, more
        if name == "claim" and isinstance(reply, tuple):
            _, number, more, claims = reply
            return self._numbers.get(number, 0), more, [self._expected_claim(*claim) for claim in claims]
        return reply

    def _expected_claim(self, task: int, number: int, content: str, tries: int, crashes: int) -> replies.Claim:
        return replies.Claim(f"t{task}", self._token(number), ENVELOPES[content] if content else None, tries, crashes)

    def _token(self, number: int) -> bytes:
        return f"{self._numbers[number]}:{DEFAULT_QUEUE}".encode()

    def _outcome(self, outcome: Outcome) -> bytes:
        assert outcome.by is not None
        session, number = outcome.by
        ended_ms, started_ms = self._now_ms + outcome.at * TICK_MS, self._numbers[number]  # the claim, to know it again
        if outcome.kind == "done":
            return wire.encode_done(ended_ms, started_ms, f"s{session}", 1, 0, b"1")
        return wire.encode_failed(ended_ms, started_ms, f"s{session}", 1, 0, Failure(outcome.kind, "of the model"))

    # The keyspace, as a state of the model.

    def expected_server(self, model: Server) -> Server:
        """The model's server as `found` would show it."""
        return model._replace(time=0, clock=self._numbers.get(model.clock, 0))

    def found(self, tasks: int, sessions: int) -> Server:
        """What stands in Redis, read in one go."""
        keys, names = self._keys, [f"t{number}" for number in range(tasks)]
        with self._raw.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.mget(keys.status(name), keys.envelope(name), keys.digest(name), keys.result(name))
                pipe.lrange(keys.attempts(name), 0, -1)
            for number in range(sessions):
                pipe.hmget(keys.session(f"s{number}"), "host", "order").hgetall(keys.owned(f"s{number}"))
            pipe.hmget(keys.tries, names).hmget(keys.crashes, names).smismember(keys.cancelling, names)
            pipe.hmget(keys.watched, names).zmscore(keys.due(DEFAULT_QUEUE), names).zmscore(keys.strays, names)
            pipe.zrange(keys.sessions, 0, -1, withscores=True).hgetall(keys.suspects)
            for name in (keys.task_queue, *(keys.ended(word) for word in ENDED)):
                pipe.lrange(name, 0, -1)
            answers = pipe.get(keys.clock).sismember(keys.paused, DEFAULT_QUEUE).execute()
        records, rest = answers[: 2 * tasks], answers[2 * tasks :]
        held, (*beside, leases, marks, ready, done, failed, cancelled, clock, paused) = (
            rest[: 2 * sessions],
            rest[2 * sessions :],
        )
        lease_of = dict(leases)
        self._last = int(clock or 0)
        return Server(
            tuple(self._found_task(*records[2 * n : 2 * n + 2], *(column[n] for column in beside)) for n in range(tasks)),
            tuple(
                self._found_session(*held[2 * n : 2 * n + 2], lease_of.get(f"s{n}"), marks.get(f"s{n}"))
                for n in range(sessions)
            ),
            *(tuple(int(name[1:]) for name in listed) for listed in (ready, done, failed, cancelled)),
            clock=self._last,
            paused=bool(paused),
        )

    def _found_task(self, record: Any, attempts: Any, *beside: Any) -> Task:
        word, content, digest, result = record
        tries, crashes, marked, watched, due, stray = beside
        return Task(
            word or "",
            CONTENTS.get(content.encode(), "?") if content else "",
            DIGESTS.get(digest, "?") if digest else "",
            self._found_outcome(result.encode()) if result else None,
            tuple(self._found_attempt(line.encode()) for line in attempts),
            int(tries or 0),
            int(crashes or 0),
            bool(marked),
            bool(watched),
            self._ticks(due),
            self._ticks(stray),
        )

    def _found_session(self, record: list[Any], owned: dict[str, str], lease: float | None, mark: str | None) -> Session:
        claims = tuple((int(name[1:]), self._model_of[int(token.partition(":")[0])]) for name, token in owned.items())
        emptied = mark in {"crashed", "closed"}
        return Session(
            record[0] is not None,
            None if lease is None else self._ticks(lease - LEASE_MS),
            mark if mark is None or emptied else self._ticks(float(mark)),
            claims,
            record[1] or "",
        )

    def _found_outcome(self, data: bytes | None) -> Outcome | None:
        if not data:
            return None
        outcome = wire.decode_outcome(data)
        at = self._ticks(outcome.ended_ms)
        assert at is not None
        if outcome.session is None:
            return Outcome("crashes" if outcome.error else "bare", None, at)
        number = self._model_of[outcome.started_ms]
        kind = "done" if outcome.error is None else outcome.error.type
        return Outcome(kind, (int(outcome.session[1:]), number), at)

    def _found_attempt(self, data: bytes) -> tuple[Any, ...]:
        attempt = wire.decode_attempt(data)
        if attempt.kind == "retry":
            return ("retry", attempt.was)
        kind = {"error": "try"}.get(attempt.kind, attempt.kind)
        return (kind, int(attempt.session[1:]), self._model_of[attempt.claim])

    def _ticks(self, at_ms: float | None) -> int | None:
        if at_ms is None:
            return None
        ticks, rest = divmod(int(at_ms) - self._now_ms, TICK_MS)
        assert rest == 0, f"{at_ms} is no whole number of ticks from {self._now_ms}"
        return ticks

    # Time, and the replica.

    def pass_ticks(self, ticks: int) -> None:
        self._now_ms += ticks * TICK_MS

    def replicate(self) -> None:
        """The replica is database 1."""
        self._raw.swapdb(0, 1)
        self._raw.flushdb()
        self._raw.swapdb(0, 1)
        for name in self._raw.scan_iter():
            self._raw.copy(name, name, destination_db=1)

    def fail_over(self) -> None:
        self._raw.flushdb()
        self._raw.swapdb(0, 1)
