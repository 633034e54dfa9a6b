"""The scripts that are about sessions, in the model: open, renew, order, close, reap."""

import json
from typing import Any

from .endings import LIVE, Endings
from .store import Scores

EMPTIED = ("crashed", "closed")


class SessionModel(Endings):
    """See the module."""

    def open(self, session: str, lease_ms: int, record: dict[str, Any]) -> str:
        sessions = self.need(self.own("sessions"), Scores)
        if self.exists(self.own(f"session:{session}")):
            return "repeat" if session in sessions else "gone"
        self.of_own(f"session:{session}", dict).update(record)
        sessions[session] = self.now_ms + lease_ms
        return "opened"

    def renew(self, leases: dict[str, int]) -> dict[str, tuple[str, set[str]] | None]:
        if leases:
            self.need(self.own("sessions"), Scores)
        sessions = self.of_own("sessions", Scores)
        answers: dict[str, tuple[str, set[str]] | None] = {}
        for session, lease_ms in leases.items():
            answers[session] = None
            if session in sessions:
                self.of_own("suspects", dict).pop(session, None)
                sessions[session] = self.now_ms + lease_ms
                to_stop = self.of_own("cancelling", set) & self.owned(session).keys()
                answers[session] = self.of_own(f"session:{session}", dict).get("order", ""), to_stop
        return answers

    def order(self, session: str, order: str) -> str:
        if session not in self.need(self.own("sessions"), Scores):
            return "gone"
        record = self.need(self.own(f"session:{session}"), dict)
        if record.get("order") != "stop":
            record["order"] = order
        return record["order"]

    def need_keys_of(self, session: str) -> None:
        for name, kind in (("sessions", Scores), ("suspects", dict), (f"owned:{session}", dict)):
            self.need(self.own(name), kind)

    def close(self, session: str) -> int:
        self.need_keys_of(session)
        suspects = self.of_own("suspects", dict)
        if self.of_own("sessions", Scores).pop(session, None) is not None:
            suspects[session] = "closed"
        elif session not in suspects:
            return 0
        total = 0
        while True:  # as the caller does
            freed = self.empty(session, limit=None)
            self.trim("cancelled", self.ended)
            total += freed
            if not freed or not self.owned(session):
                return total
            if session not in suspects:
                return total

    def empty(self, session: str, limit: int | None) -> int:
        """Put back what a session that has gone still owns; gives how many claims that freed."""
        owned, suspects = self.owned(session), self.of_own("suspects", dict)
        counted, freed = suspects.get(session) == "crashed", 0
        for task_id, token in list(owned.items()):
            number, _, queue = token.partition(":")
            if self.word(task_id) not in LIVE:
                self.give_up(session, task_id)
            elif task_id in self.of_own("cancelling", set):
                del owned[task_id]
                self.end(task_id, self.bare_outcome(), "cancelled")
            elif not self.fits(self.ready(queue), list):
                continue
            else:
                del owned[task_id]
                if not (counted and self.crash(session, task_id, int(number), limit)):
                    self.put_back(task_id, queue)
            freed += 1
        if not owned:
            suspects.pop(session, None)
            if self.exists(self.own(f"session:{session}")):
                self.expiring.add(self.own(f"session:{session}"))
        return freed

    def crash(self, session: str, task_id: str, number: int, limit: int | None) -> bool:
        """Count a crash; ends the task, and says so, when it was the last that it may have."""
        crashes = self.of_own("crashes", dict).get(task_id, 0) + 1
        self.of_own("crashes", dict)[task_id] = crashes
        evidence = {"v": 1, "kind": "crash", "at_ms": self.now_ms, "session": session, "claim": number}
        self.attempts(task_id).append(json.dumps(evidence, separators=(",", ":")))
        if limit is None or crashes < limit:
            return False
        tries = self.of_own("tries", dict).get(task_id, 0)
        message = f"its worker process died {crashes} times while running it"
        error = {"type": "TooManyCrashes", "message": message, "traceback": ""}
        self.end(task_id, self.bare_outcome(tries=tries, crashes=crashes, error=error), "failed")
        return True

    def reap(self, died: str = "") -> tuple[str | None, int, bool]:
        if died:
            self.need_keys_of(died)
        suspects = self.need(self.own("suspects"), dict)
        gone = [session for session, mark in suspects.items() if mark in EMPTIED and died in ("", session)]
        if died and not gone and died in self.of_own("sessions", Scores):
            gone = [died]
        session, freed = self.empty_first(gone)
        if not freed and not died:
            found, freed = self.empty_first(self.found_over())
            session = found or session
        self.trim("failed", self.ended)
        self.trim("cancelled", self.ended)
        left = session is not None and bool(self.owned(session))
        return session, freed, freed > 0 and (left or not died)

    def empty_first(self, sessions: list[str]) -> tuple[str | None, int]:
        last = None
        for session in sessions:
            if not self.fits(self.own(f"owned:{session}"), dict):
                continue
            if self.of_own("suspects", dict).get(session) not in EMPTIED:
                self.of_own("sessions", Scores).pop(session, None)
                self.of_own("suspects", dict)[session] = "crashed"
            if freed := self.empty(session, self.max_crashes):
                return session, freed
            if not self.owned(session):
                last = session
        return last, 0

    def found_over(self) -> list[str]:
        """One look at every session: new suspects, and those that were suspects for long enough."""
        sessions, now = self.of_own("sessions", Scores), self.now_ms
        in_order = sessions.in_order()
        before = [session for session in in_order if sessions[session] < now]
        ahead = [session for session in reversed(in_order) if sessions[session] > now and self.is_too_far_ahead(session)]
        found = []
        for session in before + ahead:
            first_ms, lease_end = self.of_own("suspects", dict).get(session), sessions[session]
            if isinstance(first_ms, int) and first_ms <= now and (first_ms > lease_end or lease_end > now):
                if now - first_ms >= self.GAP_MS:
                    found.append(session)
            else:
                self.of_own("suspects", dict)[session] = now
        return found

    def is_too_far_ahead(self, session: str) -> bool:
        lease_ms = self.of_own(f"session:{session}", dict).get("lease_ms")
        return lease_ms is not None and self.of_own("sessions", Scores)[session] > self.now_ms + lease_ms
