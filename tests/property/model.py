"""What every script must do, in plain Python: the model that the real scripts are held against.

It shares no code with the product. Each method takes what a call of the script is given, changes the store as that call
must, and gives the reply; it raises Refused, before it changes anything, where the call must raise. Times are ms unless
their names say us.
"""

import json
import re
from typing import Any, NamedTuple

from .endings import ENDED, LIVE
from .session_model import SessionModel
from .store import Full, Scores

STRAY_LOOK_MS = 1000
STRAY_KEPT_MS = 60_000


class New(NamedTuple):
    """A task to enqueue; same `content` is same work, whatever else the envelope says."""

    task_id: str
    queue: str
    content: str
    envelope: str
    delay_ms: int | None = None
    keep_digest: bool = False


class Model(SessionModel):
    """One shard, with every script."""

    def enqueue(self, tasks: list[New]) -> list[str]:
        words, taken = [], {}
        known = {new.task_id: self.known_content(new.task_id) for new in tasks}
        fits = {new.queue: self.takes_tasks(new.queue) for new in tasks}
        for new in tasks:
            content = taken.get(new.task_id, known[new.task_id])
            if new.task_id not in taken and not fits[new.queue]:
                words.append("damaged")
            elif content is None:
                words.append("created")
                taken[new.task_id] = new.content
            else:
                words.append("same" if content == new.content else "conflict")
        created = [new for new, word in zip(tasks, words, strict=True) if word == "created"]
        if created and self.is_full:
            raise Full
        for new in created:
            self.accept(new)
        for new in created:  # what is due later comes after what is ready
            if new.delay_ms is not None:
                self.make_due(new.task_id, new.queue, self.now_ms + new.delay_ms)
        return words

    def accept(self, new: New) -> None:
        self.put(self.task(new.task_id), new.envelope)
        self.of_own("queues", set).add(new.queue)
        if new.keep_digest:
            self.put(self.task(new.task_id, "digest"), new.content, expires=True)
        if new.delay_ms is None:
            self.put(self.task(new.task_id, "status"), "pending")
            self.of(self.ready(new.queue), list).insert(0, new.task_id)
            self.wake(new.queue)

    def takes_tasks(self, queue: str) -> bool:
        return self.fits(self.ready(queue), list) and self.fits(self.own(f"due:{queue}"), Scores)

    def known_content(self, task_id: str) -> str | None:
        """What an id stands for: None when it is free, "" when it is another's or cannot be told."""
        if envelope := self.get(self.task(task_id)):
            return json.loads(envelope)["digest"]
        if self.exists(self.task(task_id)) or self.exists(self.task(task_id, "status")):
            return ""
        if digest := self.get(self.task(task_id, "digest")):
            return digest
        return "" if self.exists(self.task(task_id, "digest")) else None

    def claim(self, session: str, slots: int, queues: list[str], look_ms: int | None) -> Any:
        """The reply is "lost", "expired", or (number, more, [(id, token, envelope, tries, crashes)], around)."""
        sessions = self.need(self.own("sessions"), Scores)
        if session not in sessions:
            return "lost"
        if sessions[session] < self.now_ms:
            return "expired"
        self.need(self.own(f"owned:{session}"), dict)
        open_queues = [queue for queue in queues if queue not in self.of_own("paused", set)]
        queue_of, passed, aside, strays = self.look_for_ready(slots, open_queues)
        number = max(int(self.get(self.own("clock")) or 0) + 1, self.now_us) if queue_of else 0
        for queue, amount in passed.items():
            del self.of(self.ready(queue), list)[-amount:]
        claims = [self.take(session, task_id, f"{number}:{queue}") for task_id, queue in queue_of.items()]
        if claims:
            self.put(self.own("clock"), str(number))
        for task_id in strays:
            self.of_own("strays", Scores).setdefault(task_id, self.now_ms)
        for text in aside:
            self.of_own("set_aside", list).insert(0, text)
        left = [
            queue
            for queue in open_queues
            if (len(claims) == slots or queue in passed) and self.exists(self.ready(queue))
        ]  # fmt: skip
        for queue in left:
            self.wake(queue)
        return number, bool(left), claims, None if look_ms is None else self.around(queues, look_ms)

    def look_for_ready(self, slots: int, queues: list[str]) -> tuple[dict[str, str], dict[str, int], list[str], list[str]]:
        """Which ids a claim takes and from where, how many entries it passes, what it sets aside, and what is a stray."""
        queue_of: dict[str, str] = {}
        passed: dict[str, int] = {}
        aside, strays = [], []
        for queue in queues:
            free = slots - len(queue_of)
            listed = self.of(self.ready(queue), list)[-free:] if free else []
            for text in reversed(listed):
                if not re.fullmatch(r"[0-9A-Za-z_-]{1,64}", text):
                    aside.append(text[:256])
                elif self.word(text) == "pending" and text not in queue_of:
                    queue_of[text] = queue
                elif self.word(text) is None and queue == "default":
                    strays.append(text)
            if listed:
                passed[queue] = len(listed)
        return queue_of, passed, aside, strays

    def take(self, session: str, task_id: str, token: str) -> tuple[str, str, str | None, int, int]:
        self.owned(session)[task_id] = token
        self.put(self.task(task_id, "status"), "in-progress")
        damaged = "damaged" if self.exists(self.task(task_id)) else None
        envelope = self.get(self.task(task_id)) or damaged
        return task_id, token, envelope, *(self.of_own(name, dict).get(task_id, 0) for name in ("tries", "crashes"))

    def around(self, queues: list[str], look_ms: int) -> tuple[int | None, bool, int]:
        ends = self.of_own("sessions", Scores).values()
        to_look_at = min(ends) < self.now_ms or max(ends) > self.now_ms + look_ms or self.exists(self.own("suspects"))
        return self.next_due(queues, 0), to_look_at, len(self.of_own("queues", set))

    def next_due(self, queues: list[str], strays_again_ms: int) -> int | None:
        strays = self.of_own("strays", Scores).values()
        new = [since + STRAY_LOOK_MS for since in strays if since > self.now_ms - STRAY_LOOK_MS]
        soonest = [min(new)] if new else [self.now_ms + strays_again_ms] if strays else []
        soonest += [due for queue in queues for due in self.of_own(f"due:{queue}", Scores).values()]
        return max(0, min(soonest) - self.now_ms) if soonest else None

    def finish(self, session: str, ends: list[tuple[str, str, str]]) -> list[str]:
        owned = self.need(self.own(f"owned:{session}"), dict) if ends else {}
        stored = {task_id: self.get(self.task(task_id, "result")) for task_id, _, _ in ends}
        words = []
        for task_id, token, outcome in ends:
            if owned.get(task_id) == token:
                del owned[task_id]
                self.end(task_id, outcome, "done")
                words.append("done")
            else:
                words.append("repeat" if stored[task_id] == outcome else "lost")
        self.trim("done", self.done)
        return words

    def fail(self, session: str, tries: list[tuple[str, str, str, int | None, str]]) -> list[str]:
        if tries:
            self.need(self.own(f"owned:{session}"), dict)
        words = [self.fail_one(session, *item) for item in tries]
        self.trim("failed", self.ended)
        self.trim("cancelled", self.ended)
        return words

    def fail_one(self, session: str, task_id: str, token: str, evidence: str, delay_ms: int | None, outcome: str) -> str:
        owned, queue = self.owned(session), token.partition(":")[2]
        if owned.get(task_id) != token:
            known = self.get(self.task(task_id, "result")) == outcome or self.attempts(task_id)[-1:] == [evidence]
            return "repeat" if known else "lost"
        if self.word(task_id) not in LIVE:
            self.give_up(session, task_id)
            return "freed"
        asked_to_stop = task_id in self.of_own("cancelling", set)
        if asked_to_stop or delay_ms is None:
            del owned[task_id]
            self.attempts(task_id).append(evidence)
            word = "cancelled" if asked_to_stop else "failed"
            self.end(task_id, outcome, word)
            return word
        if not self.fits(self.own(f"due:{queue}"), Scores) or not self.fits(self.own("tries"), dict):
            return "damaged"
        del owned[task_id]
        counts = self.of_own("tries", dict)
        counts[task_id] = counts.get(task_id, 0) + 1
        self.attempts(task_id).append(evidence)
        self.make_due(task_id, queue, self.now_ms + delay_ms)
        return "scheduled"

    def release(self, session: str, returns: list[tuple[str, str, int | None, str, int]]) -> list[str]:
        if returns:
            self.need(self.own(f"owned:{session}"), dict)
        words = [self.release_one(session, *item) for item in returns]
        self.trim("cancelled", self.ended)
        return words

    def release_one(self, session: str, task_id: str, token: str, delay_ms: int | None, note: str, kept_ms: int) -> str:
        owned, queue, word = self.owned(session), token.partition(":")[2], self.word(task_id)
        if owned.get(task_id) != token:
            return {"cancelled": "cancelled", "pending": "released", "scheduled": "released"}.get(word, "lost")
        if word not in LIVE:
            self.give_up(session, task_id)
            return "freed"
        if task_id in self.of_own("cancelling", set):
            del owned[task_id]
            self.end(task_id, self.bare_outcome(), "cancelled")
            return "cancelled"
        if not self.takes_tasks(queue):
            return "damaged"
        last = json.loads((self.attempts(task_id) or ["{}"])[-1])
        noted_ms = last["at_ms"] if note and last.get("kind") == "unknown" else None
        if noted_ms is not None and self.now_ms - noted_ms > kept_ms:
            return "overdue"
        del owned[task_id]
        if note and noted_ms is None:
            evidence = {"v": 1, "kind": "unknown", "at_ms": self.now_ms, "error": json.loads(note)}
            self.attempts(task_id).append(json.dumps(evidence, separators=(",", ":")))
        if delay_ms is None:
            self.put_back(task_id, queue)
        else:
            self.make_due(task_id, queue, self.now_ms + delay_ms)
        return "released"

    def promote(self, queues: list[str]) -> tuple[int, int | None, bool]:
        ready = self.promote_strays() + sum(self.promote_queue(queue) for queue in queues)
        self.trim("cancelled", self.ended)
        return ready, self.next_due(queues, STRAY_LOOK_MS), False

    def promote_strays(self) -> int:
        if not self.fits(self.ready("default"), list):
            return 0
        strays, ready = self.of_own("strays", Scores), 0
        for task_id in strays.upto(self.now_ms - STRAY_LOOK_MS):
            word = self.word(task_id)
            if word or strays[task_id] < self.now_ms - STRAY_KEPT_MS:
                del strays[task_id]
            if word == "pending":
                self.of(self.ready("default"), list).append(task_id)
                ready += 1
        if ready:
            self.wake("default")
        return ready

    def promote_queue(self, queue: str) -> int:
        if not self.takes_tasks(queue):
            return 0
        due, ready = self.of_own(f"due:{queue}", Scores), 0
        for task_id in due.upto(self.now_ms):
            del due[task_id]
            if self.word(task_id) != "scheduled":
                continue
            if task_id in self.of_own("cancelling", set):
                self.end(task_id, self.bare_outcome(), "cancelled")
                continue
            self.put(self.task(task_id, "status"), "pending")
            self.of(self.ready(queue), list).insert(0, task_id)
            ready += 1
        if ready:
            self.wake(queue)
        return ready

    def cancel(self, task_id: str) -> str:
        word = self.word(task_id)
        if word == "in-progress":
            self.need(self.own("cancelling"), set).add(task_id)
            self.messages.append((self.own("cancel"), task_id))
            return "cancelling"
        if word in ("pending", "scheduled", "waiting"):
            self.end(task_id, self.bare_outcome(), "cancelled")
            self.trim("cancelled", self.ended)
            return "cancelled"
        return word or "unknown"

    def retry(self, task_id: str, queue: str, seen: int) -> str:
        word = self.word(task_id)
        if word is None or not self.exists(self.task(task_id)):
            return "unknown"
        lists = (self.task(task_id, "attempts"), self.ready(queue), self.own(f"ended:{word}"))
        if not all(self.fits(name, list) for name in lists):
            return "damaged"
        attempts, ready = self.attempts(task_id), self.of(self.ready(queue), list)
        if len(attempts) == seen + 1 and json.loads(attempts[-1])["kind"] == "retry":
            return "pending"
        if word not in ENDED:
            return word
        if len(attempts) != seen:
            return "stale"
        history = self.of_own(f"ended:{word}", list)
        if task_id in history:
            history.remove(task_id)
        if task_id in ready:
            del ready[len(ready) - 1 - ready[::-1].index(task_id)]
        self.of_own(f"due:{queue}", Scores).pop(task_id, None)
        self.delete(self.task(task_id, "result"))
        self.of_own("tries", dict).pop(task_id, None)
        self.of_own("crashes", dict).pop(task_id, None)
        self.of_own("cancelling", set).discard(task_id)
        evidence = {"v": 1, "kind": "retry", "at_ms": self.now_ms, "was": word}
        attempts.append(json.dumps(evidence, separators=(",", ":")))
        self.put(self.task(task_id, "status"), "pending")
        ready.insert(0, task_id)
        self.of_own("queues", set).add(queue)
        self.wake(queue)
        return "pending"

    def pause(self, queue: str) -> str:
        self.need(self.own("paused"), set).add(queue)
        return "paused"

    def resume(self, queue: str) -> str:
        self.need(self.own("paused"), set).discard(queue)
        if self.exists(self.ready(queue)):
            self.wake(queue)
        return "resumed"

    def watch(self, channel: str, task_ids: list[str]) -> list[Any]:
        """The reply holds (word, outcome), "gone" or "watching" for each."""
        answers: list[Any] = []
        told = [task_id for task_id in task_ids if self.word(task_id) in ENDED]
        for task_id in task_ids:
            word = self.word(task_id)
            if word in ENDED:
                answers.append((word, self.get(self.task(task_id, "result"))))
            elif word is None and self.get(self.task(task_id)) is None:
                answers.append("gone")
            else:
                channels = self.need(self.own("watched"), dict)
                known = channels.get(task_id, "").split()
                channels[task_id] = " ".join(known if channel in known else [*known, channel])
                answers.append("watching")
        for task_id in told:
            self.of_own("watched", dict).pop(task_id, None)
            self.of_own("cancelling", set).discard(task_id)
        return answers
