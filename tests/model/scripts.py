"""The Lua scripts as pure functions of the server, each in the order of its file's looks and writes.

`call` is (script, arguments...); `run` gives the server after it and the reply. Replies are those of protocol/reply.py, as
tuples. `rules.flaw` names one rule that is left out; see flaws.py.
"""

from collections.abc import Callable
from typing import Any

from .flaws import Flaw
from .state import ENDED, LIVE, Outcome, Rules, Server, Task, token_of, with_session, with_task

Answer = tuple[Server, Any]


def run(server: Server, call: tuple[Any, ...], rules: Rules) -> Answer:
    """Run one call."""
    return SCRIPTS[call[0]](server, rules, *call[1:])


# shared/history.lua


def forget(server: Server, task: int, rules: Rules) -> Server:
    cancelling = rules.flaw == Flaw.MARK_OUTLIVES and server.tasks[task].cancelling
    return with_task(server, task, tries=0, crashes=0, watched=False, cancelling=cancelling)


def forget_if_ended(server: Server, task: int, rules: Rules) -> Server:
    return forget(server, task, rules) if server.tasks[task].word in ENDED else server


def end_task(server: Server, task: int, outcome: Outcome, word: str, rules: Rules) -> Server:
    server = with_task(server, task, result=outcome, word=word)
    server = forget(server, task, rules)
    return server._replace(**{word: (task, *getattr(server, word))})


def end_by_script(server: Server, task: int, word: str, rules: Rules, kind: str = "bare") -> Server:
    return end_task(server, task, Outcome(kind, None, 0), word, rules)


def trim_history(server: Server, word: str, rules: Rules) -> Server:
    """Retention is by number here; an age of its own would only be a second way to be beyond the bound."""
    listed = getattr(server, word)
    beyond = len(listed) - rules.kept
    if beyond <= 0:
        return server
    passed = 0
    found = server.tasks
    for task in reversed(listed[-beyond:]):
        record = found[task]
        if record.word == word or rules.flaw == Flaw.TRIM_LIVE:
            if record.word == word and record.result is not None and record.result.at == 0:
                break
            server = with_task(server, task, word="", envelope="", result=None, attempts=())
        passed += 1
    return server._replace(**{word: listed[: len(listed) - passed]})


# shared/put_back.lua


def is_live(word: str, rules: Rules) -> bool:
    return word in LIVE or rules.flaw == Flaw.DONE_TO_PENDING


def keep_attempt(server: Server, task: int, evidence: tuple[Any, ...]) -> Server:
    return with_task(server, task, attempts=(*server.tasks[task].attempts, evidence))


def make_ready(server: Server, task: int) -> Server:
    return with_task(server, task, word="pending")._replace(ready=(*server.ready, task))


def own(server: Server, session: int, task: int, number: int) -> Server:
    """HSET: a field that is there keeps its place."""
    owned = {**dict(server.sessions[session].owned), task: number}
    return with_session(server, session, owned=tuple(owned.items()))


def disown(server: Server, session: int, *tasks: int) -> Server:
    kept = tuple(claim for claim in server.sessions[session].owned if claim[0] not in tasks)
    return with_session(server, session, owned=kept)


# shared/empty.lua


def crash(server: Server, session: int, task: int, number: int, rules: Rules) -> tuple[Server, bool]:
    """Counts the crash, and says whether the task has now crashed too often."""
    crashes = server.tasks[task].crashes + 1
    server = with_task(server, task, crashes=crashes)
    server = keep_attempt(server, task, ("crash", session, number))
    if crashes < rules.max_crashes:
        return server, False
    return end_by_script(server, task, "failed", rules, "crashes"), True


def empty_session(server: Server, session: int, rules: Rules) -> tuple[Server, int, bool]:
    """Puts back a slice; gives how many claims it freed and whether some are left."""
    counted = server.sessions[session].mark == "crashed"
    claims = server.sessions[session].owned[: rules.slice]
    for task, number in claims:
        if not is_live(server.tasks[task].word, rules):
            server = forget_if_ended(server, task, rules)
        elif server.tasks[task].cancelling:
            server = end_by_script(server, task, "cancelled", rules)
        else:
            ended = False
            if counted:
                server, ended = crash(server, session, task, number, rules)
            if not ended:
                server = make_ready(server, task)
    if counted or rules.flaw != Flaw.KEEPS_CLAIM:
        server = disown(server, session, *(task for task, _ in claims))
    left = bool(server.sessions[session].owned)
    if not left:
        server = with_session(server, session, mark=None)
    return server, len(claims), left


# One function per script.


def open_(server: Server, rules: Rules, session: int) -> Answer:
    lease = server.sessions[session].lease
    if server.sessions[session].known and not (rules.flaw == Flaw.LATE_OPEN and lease is None):
        return server, "gone" if lease is None else "repeat"
    return with_session(server, session, known=True, lease=0), "opened"


def close(server: Server, rules: Rules, session: int) -> Answer:
    if server.sessions[session].lease is not None:
        server = with_session(server, session, lease=None, mark="closed")
    elif server.sessions[session].mark is None:
        return server, ("closed", 0)
    server, freed, left = empty_session(server, session, rules._replace(max_crashes=99))
    server = trim_history(server, "cancelled", rules)
    return server, ("more" if left and freed > 0 else "closed", freed)


def enqueue(server: Server, rules: Rules, task: int, content: str, *, keep: bool, later: bool) -> Answer:
    found = Task() if rules.flaw == Flaw.ENQUEUE_BLIND else server.tasks[task]
    if found.envelope:
        return server, "same" if found.envelope == content else "conflict"
    if found.word:
        return server, "conflict"
    if found.digest and found.digest != content:
        return server, "conflict"
    if found.digest:
        return server, "same"
    server = with_task(server, task, envelope=content, word="scheduled" if later else "pending")
    if keep:
        server = with_task(server, task, digest=content)
    if later:
        return with_task(server, task, due=1), "created"
    return server._replace(ready=(task, *server.ready)), "created"


def claim(server: Server, rules: Rules, session: int, slots: int) -> Answer:
    lease = server.sessions[session].lease
    if rules.flaw != Flaw.NO_LEASE and lease is None:
        return server, "lost"
    if rules.flaw != Flaw.NO_LEASE and lease < 0:
        return server, "expired"
    listed = () if server.paused else server.ready[-slots:]
    taken: list[int] = []
    strays: list[int] = []
    for task in reversed(listed):
        word = server.tasks[task].word
        if (word == "pending" or rules.flaw == Flaw.NO_WORD) and task not in taken:
            taken.append(task)
        elif not word:
            strays.append(task)
    if not listed:
        return server, ("claimed", 0, False, ())
    server = server._replace(ready=server.ready[: len(server.ready) - len(listed)])
    number, claims = 0, []
    if taken:
        number = max(server.clock + 1, server.time + 1)
        if rules.flaw == Flaw.SAME_NUMBER:
            number = 1
        server = server._replace(clock=number, time=number)
    for task in taken:
        found = server.tasks[task]
        claims.append((task, number, found.envelope, found.tries, found.crashes))
        server = with_task(own(server, session, task, number), task, word="in-progress")
    for task in strays:
        if server.tasks[task].stray is None:
            server = with_task(server, task, stray=0)
    return server, ("claimed", number, bool(server.ready), tuple(claims))


def finish(server: Server, rules: Rules, session: int, task: int, number: int, outcome: Outcome) -> Answer:
    if token_of(server, session, task) == number or rules.flaw == Flaw.NO_TOKEN:
        server = disown(server, session, task)
        server, answer = end_task(server, task, outcome, "done", rules), "done"
    else:
        answer = "repeat" if server.tasks[task].result == outcome else "lost"
    return trim_history(server, "done", rules), answer


def fail(server: Server, rules: Rules, session: int, task: int, number: int, outcome: Outcome, *, again: bool) -> Answer:
    server, answer = _fail(server, rules, session, task, number, outcome, again=again)
    return trim_history(trim_history(server, "failed", rules), "cancelled", rules), answer


def _fail(server: Server, rules: Rules, session: int, task: int, number: int, outcome: Outcome, *, again: bool) -> Answer:
    found, evidence = server.tasks[task], ("try", session, number)
    if token_of(server, session, task) != number:
        last = found.attempts[-1] if found.attempts else None
        known = (found.result == outcome or last == evidence) and rules.flaw != Flaw.NO_REPEAT
        return server, "repeat" if known else "lost"
    server = disown(server, session, task)
    if not is_live(found.word, rules):
        return forget_if_ended(server, task, rules), "freed"
    cancelling = found.cancelling and rules.flaw != Flaw.FAIL_IGNORES_MARK
    if cancelling or not again:
        word = "cancelled" if cancelling else "failed"
        return end_task(keep_attempt(server, task, evidence), task, outcome, word, rules), word
    server = with_task(server, task, tries=found.tries + 1)
    server = keep_attempt(server, task, evidence)
    return with_task(server, task, word="scheduled", due=1), "scheduled"


def release(server: Server, rules: Rules, session: int, task: int, number: int, *, later: bool) -> Answer:
    server, answer = _release(server, rules, session, task, number, later=later)
    return trim_history(server, "cancelled", rules), answer


def _release(server: Server, rules: Rules, session: int, task: int, number: int, *, later: bool) -> Answer:
    word = server.tasks[task].word
    if token_of(server, session, task) != number:
        if word == "cancelled":
            return server, word
        return server, "released" if word in {"pending", "scheduled"} else "lost"
    server = disown(server, session, task)
    if not is_live(word, rules):
        return forget_if_ended(server, task, rules), "freed"
    if server.tasks[task].cancelling:
        return end_by_script(server, task, "cancelled", rules), "cancelled"
    if rules.flaw == Flaw.RELEASE_COUNTS:
        server = with_task(server, task, tries=server.tasks[task].tries + 1)
    if later:
        return with_task(server, task, word="scheduled", due=1), "released"
    return make_ready(server, task), "released"


def renew(server: Server, rules: Rules, session: int) -> Answer:
    found = server.sessions[session]
    if found.lease is None and not (rules.flaw == Flaw.RENEW_REVIVES and found.known):
        return server, "lost"
    mark = found.mark if rules.flaw == Flaw.OLD_LOOK else None
    to_stop = tuple(task for task, _ in sorted(found.owned) if server.tasks[task].cancelling)
    return with_session(server, session, lease=0, mark=mark), (found.order, to_stop)


def order(server: Server, rules: Rules, session: int, word: str) -> Answer:
    found = server.sessions[session]
    if found.lease is None:
        return server, "gone"
    stands = "stop" if found.order == "stop" else word
    return with_session(server, session, order=stands), stands


def reap(server: Server, rules: Rules, died: int | None) -> Answer:
    gone = [n for n, s in enumerate(server.sessions) if s.mark in {"crashed", "closed"} and died in {None, n}]
    if not gone and died is not None and server.sessions[died].lease is not None:
        gone = [died]
    server, session, freed, left = _empty_first(server, gone, rules)
    if freed == 0 and died is None:
        emptied = session
        server, found = _found_over(server, rules)
        server, session, freed, left = _empty_first(server, found, rules)
        session = emptied if session is None else session
    server = trim_history(trim_history(server, "failed", rules), "cancelled", rules)
    more = freed > 0 and (left or died is None)
    return server, ("idle" if session is None else "reaped", session, freed, more)


def _found_over(server: Server, rules: Rules) -> tuple[Server, list[int]]:
    leases = sorted((s.lease, n) for n, s in enumerate(server.sessions) if s.lease is not None)
    over = [n for lease, n in leases if lease < 0] + [n for lease, n in reversed(leases) if lease > 0]
    found = []
    for session in over:
        server, again = _look(server, session, rules)
        if again:
            found.append(session)
    return server, found


def _look(server: Server, session: int, rules: Rules) -> tuple[Server, bool]:
    lease, first = server.sessions[session].lease, server.sessions[session].mark
    later_than_lease = isinstance(first, int) and (first > lease or lease > 0 or rules.flaw == Flaw.OLD_LOOK)
    if rules.flaw == Flaw.FIRST_LOOK:
        return server, True
    if later_than_lease and first <= 0:
        return server, first < 0
    return with_session(server, session, mark=0), False


def _empty_first(server: Server, sessions: list[int], rules: Rules) -> tuple[Server, int | None, int, bool]:
    last = None
    for session in sessions:
        if server.sessions[session].mark not in {"crashed", "closed"}:
            lease = server.sessions[session].lease if rules.flaw == Flaw.LEFT_IN_SESSIONS else None
            server = with_session(server, session, lease=lease, mark="crashed")
        server, freed, left = empty_session(server, session, rules)
        if freed > 0:
            return server, session, freed, left
        if not left:
            last = session
    return server, last, 0, False


def promote(server: Server, rules: Rules) -> Answer:
    strays = sorted((task.stray, n) for n, task in enumerate(server.tasks) if task.stray is not None and task.stray < 0)
    due = sorted((task.due, n) for n, task in enumerate(server.tasks) if task.due is not None and task.due <= 0)
    promoted = 0
    for _, task in strays:
        server = with_task(server, task, stray=None)
        if server.tasks[task].word == "pending":
            server = server._replace(ready=(*server.ready, task))
            promoted += 1
    for _, task in due:
        server = with_task(server, task, due=None)
        found = server.tasks[task]
        if found.word == "scheduled" and found.cancelling:
            server = end_by_script(server, task, "cancelled", rules)
        elif found.word == "scheduled" or rules.flaw == Flaw.PROMOTE_NO_WORD:
            server = with_task(server, task, word="pending")._replace(ready=(task, *server.ready))
            promoted += 1
    return trim_history(server, "cancelled", rules), promoted


def cancel(server: Server, rules: Rules, task: int) -> Answer:
    word = server.tasks[task].word
    if not word:
        return server, "unknown"
    if word == "in-progress":
        return with_task(server, task, cancelling=True), "cancelling"
    if word in {"pending", "scheduled"}:
        return trim_history(end_by_script(server, task, "cancelled", rules), "cancelled", rules), "cancelled"
    return server, word


def retry(server: Server, rules: Rules, task: int, seen: int) -> Answer:
    found = server.tasks[task]
    if not found.word or not found.envelope:
        return server, "unknown"
    by_hand = bool(found.attempts) and found.attempts[-1][0] == "retry"
    if by_hand and len(found.attempts) == seen + 1:
        return server, "pending"
    if found.word not in ENDED:
        return server, found.word
    if len(found.attempts) != seen:
        return server, "stale"
    if rules.flaw != Flaw.RETRY_LEAVES_ENTRY:
        server = server._replace(**{found.word: without_first(getattr(server, found.word), task)})
    server = server._replace(ready=(task, *without_last(server.ready, task)))
    server = with_task(server, task, due=None, result=None, tries=0, crashes=0, cancelling=False, word="pending")
    return keep_attempt(server, task, ("retry", found.word)), "pending"


def watch(server: Server, rules: Rules, task: int) -> Answer:
    found = server.tasks[task]
    if found.word in ENDED:
        return with_task(server, task, watched=False, cancelling=False), (found.word, found.result)
    if not found.word and not found.envelope:
        return server, "gone"
    return with_task(server, task, watched=True), "watching"


def trim(server: Server, rules: Rules) -> Answer:
    """What the pruner does: a finish and a fail of nothing."""
    for word in ENDED:
        server = trim_history(server, word, rules)
    return server, None


def without_first(listed: tuple[int, ...], task: int) -> tuple[int, ...]:
    """LREM 1."""
    if task not in listed:
        return listed
    at = listed.index(task)
    return (*listed[:at], *listed[at + 1 :])


def without_last(listed: tuple[int, ...], task: int) -> tuple[int, ...]:
    """LREM -1."""
    return without_first(listed[::-1], task)[::-1]


SCRIPTS: dict[str, Callable[..., Answer]] = {
    "open": open_,
    "close": close,
    "enqueue": lambda server, rules, task, content, keep, later: enqueue(server, rules, task, content, keep=keep, later=later),
    "claim": claim,
    "finish": finish,
    "fail": lambda server, rules, s, t, n, outcome, again: fail(server, rules, s, t, n, outcome, again=again),
    "release": lambda server, rules, s, t, n, later: release(server, rules, s, t, n, later=later),
    "renew": renew,
    "reap": reap,
    "promote": promote,
    "cancel": cancel,
    "retry": retry,
    "watch": watch,
    "pause": lambda server, rules: (server._replace(paused=True), "paused"),
    "resume": lambda server, rules: (server._replace(paused=False), "resumed"),
    "order": order,
    "trim": trim,
}
