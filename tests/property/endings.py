"""What several scripts do, in the model: end tasks, put them back, keep what has ended within its bounds."""

import json
from typing import Any, NamedTuple

from .store import Scores, Store

ENDED = ("done", "failed", "cancelled", "expired")
LIVE = ("pending", "in-progress")
FLOOR_MS = 10_000


class Bounds(NamedTuple):
    """How much of what has ended is kept."""

    most: int
    kept_ms: int


class Endings(Store):
    """A shard, and what its scripts share."""

    GAP_MS = 5000  # between the two looks that reap

    def __init__(self, prefix: str, done: Bounds, ended: Bounds, max_crashes: int) -> None:
        super().__init__(prefix)
        self.now_us = 0
        self.done, self.ended, self.max_crashes = done, ended, max_crashes
        self.is_full = False
        self.messages: list[tuple[str, str]] = []

    @property
    def now_ms(self) -> int:
        return self.now_us // 1000

    def word(self, task_id: str) -> str | None:
        return self.get(self.task(task_id, "status"))

    def owned(self, session: str) -> dict[str, str]:
        return self.of(self.own(f"owned:{session}"), dict)

    def attempts(self, task_id: str) -> list[str]:
        return self.of(self.task(task_id, "attempts"), list)

    def of_own(self, name: str, kind: type) -> Any:
        return self.of(self.own(name), kind)

    # What several scripts do.

    def wake(self, queue: str) -> None:
        tokens = self.of_own(f"wake:{queue}", list)
        if not tokens:
            tokens.append("1")

    def make_due(self, task_id: str, queue: str, due_ms: int) -> None:
        self.put(self.task(task_id, "status"), "scheduled")
        due = self.of_own(f"due:{queue}", Scores)
        due[task_id] = due_ms
        if due.in_order()[0] == task_id:
            self.wake(queue)

    def put_back(self, task_id: str, queue: str) -> None:
        self.put(self.task(task_id, "status"), "pending")
        self.of(self.ready(queue), list).append(task_id)
        self.wake(queue)

    def forget(self, task_id: str) -> None:
        for name in ("tries", "crashes", "watched"):
            self.of_own(name, dict).pop(task_id, None)
        self.of_own("cancelling", set).discard(task_id)

    def give_up(self, session: str, task_id: str) -> None:
        """Free a claim on a task that somebody else has ended or taken."""
        self.owned(session).pop(task_id)
        if self.word(task_id) in ENDED:
            self.forget(task_id)

    def end(self, task_id: str, outcome: str, word: str) -> None:
        self.put(self.task(task_id, "result"), outcome)
        self.put(self.task(task_id, "status"), word)
        channels = self.of_own("watched", dict).get(task_id, "")
        self.messages += [(channel, f"{task_id} {word} {outcome}") for channel in channels.split()]
        self.forget(task_id)
        self.of_own(f"ended:{word}", list).insert(0, task_id)

    def bare_outcome(self, **rest: Any) -> str:
        return json.dumps({"v": 1, "ended_ms": self.now_ms, **rest}, separators=(",", ":"))

    def ended_at(self, task_id: str) -> int:
        return json.loads(self.get(self.task(task_id, "result")) or "{}").get("ended_ms", 0)

    def trim(self, word: str, bounds: Bounds) -> None:
        """Drop the oldest ended records beyond the number or, where the number is kept, beyond the age."""
        history = self.of_own(f"ended:{word}", list)
        beyond, oldest_kept = len(history) - bounds.most, self.now_ms - bounds.kept_ms
        looked_at = list(reversed(history))[: beyond if beyond > 0 else None]
        if not history or (beyond <= 0 and self.ended_at(history[-1]) >= oldest_kept):
            return
        gone = []
        for passed, task_id in enumerate(looked_at):
            if self.word(task_id) == word:
                ended_at = self.ended_at(task_id)
                if not (passed < beyond or ended_at < oldest_kept) or abs(self.now_ms - ended_at) < FLOOR_MS:
                    break
                gone.append(task_id)
            history.pop()
        for task_id in gone:
            for part in ("", "status", "result", "attempts"):
                self.delete(self.task(task_id, part))
