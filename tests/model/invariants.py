"""The safety invariants of src/lineshaft/model/lifecycle.py, by number, as functions of a state or of a step.

On states: 1, 2, 6 (owns nothing), 15 (cleared). On steps: 3, 4, 5, 6 (never comes back), 7, 8, 9, 10, 11, 13, 14.
Not here: 12, for no call of the model can raise (tests/scripts/test_damage.py has it); of 15 the messages to watchers, which
are hints (tests/scripts has them). Of 13, "10 s" is "not in this tick", from the end of the run as its outcome says.

Beside the numbers, four promises, which are about runs and not about the record:
A  a word changes only as the table TRANSITIONS says;
B  a claim is run at most once;
C  a run goes on without its claim only where its session has gone, its permit was only prolonged, a foreign program took
   the task or the server fell back to an earlier state;
D  a worker knows a run until it has ended.
"""

from collections.abc import Callable, Iterator
from typing import Any

from lineshaft.model.lifecycle import INVARIANTS, TRANSITIONS

from . import workers as w
from .scripts import run
from .state import ENDED, Rules, Server, State, token_of
from .steps import Step

PROMISES = {
    "A": "A word changes only as the table of transitions says.",
    "B": "A claim is run at most once.",
    "C": "A run goes on without its claim only where that is excused.",
    "D": "A worker knows a run until it has ended.",
}
ON_STATES = frozenset({1, 2, 6, 15})
ON_STEPS = frozenset({3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14})
NOT_HERE = {12: "no call of the model can raise"}
ALLOWED = {(str(t.source or ""), str(t.target), t.script) for t in TRANSITIONS}
SAME_ANSWERS = (  # for whoever hears them
    {"done", "repeat", "scheduled", "failed", "cancelled"},
    {"lost", "freed"},
    {"opened", "repeat"},
    {"created", "same"},
)

Complaint = tuple[int | str, str]


def text(complaint: Complaint) -> str:
    """A complaint with what it breaks."""
    number, what = complaint
    return f"invariant {number}: {what}\n  ({INVARIANTS[number] if isinstance(number, int) else PROMISES[number]})"


def check_state(state: State) -> Iterator[Complaint]:
    """What is wrong with a state."""
    server = state.server
    owners: dict[int, list[int]] = {}
    for number, session in enumerate(server.sessions):
        for task, _ in session.owned:
            owners.setdefault(task, []).append(number)
        if session.owned and session.lease is None and session.mark not in {"crashed", "closed"}:
            yield 6, f"session {number} has gone and owns {session.owned}"
        if session.lease is not None and session.mark in {"crashed", "closed"}:
            yield 6, f"session {number} is being emptied and is in sessions"
    for task, found in enumerate(server.tasks):
        if found.word and state.foreign[task] not in {"taken", "worded"}:
            yield from _check_task(server, task, owners.get(task, []))
    for number, worker in enumerate(state.workers):
        yield from _check_worker(state, number, worker)


def _check_task(server: Server, task: int, owners: list[int]) -> Iterator[Complaint]:
    found = server.tasks[task]
    word = found.word
    if word == "pending" and task not in server.ready and found.stray is None:
        yield 1, f"task {task} is pending and not ready"
    elif word == "scheduled" and found.due is None:
        yield 1, f"task {task} is scheduled and not due"
    elif word in ENDED and getattr(server, word).count(task) != 1:
        yield 1, f"task {task} is {word} and {getattr(server, word).count(task)} times in its list"
    for other in ENDED:
        if other != word and task in getattr(server, other):
            yield 1, f"task {task} is {word} and in the list of what is {other}"
    if (word == "in-progress") != (len(owners) == 1) or len(owners) > 1:
        yield 2, f"task {task} is {word} and owned by {owners or 'nobody'}"
    if word in ENDED and (found.tries or found.crashes or found.cancelling or found.watched):
        yield 15, f"task {task} is {word} and something beside it was not cleared"
    if found.cancelling and word != "in-progress":
        yield 15, f"task {task} is {word} and still marked"


def _check_worker(state: State, number: int, worker: w.Worker) -> Iterator[Complaint]:
    if worker.permit != "answered" or worker.lost or state.failed_over or worker.phase not in {"up", "draining"}:
        return
    for entry in w.running(worker):
        session = state.server.sessions[entry.session]
        gone = session.lease is None or entry.session != worker.session
        if entry.stop or gone or state.foreign[entry.task] == "taken":
            continue
        if (entry.task, entry.number) not in session.owned:
            yield "C", f"worker {number} runs {entry.task} under {entry.number}, which its session does not own"


def check_step(before: State, step: Step, after: State, rules: Rules) -> Iterator[Complaint]:
    """What is wrong with a step."""
    if before.workers is not after.workers:
        yield from _check_runs(before, step, after)
    if step.call is None or step.mode == "late":
        return
    script, old, new = step.call[0], before.server, after.server
    if script in CHECKS:
        yield from CHECKS[script](before, step, new)
    if script == "trim":
        yield from _check_bounds(new, rules)
    if step.mode == "lost" and script in REPEATED:
        yield from _check_repeat(step, new, rules)
    for task, (was, now) in enumerate(zip(old.tasks, new.tasks, strict=True)):
        if was is not now:
            yield from _check_change(before, step, task, new)
    for number, (then, present) in enumerate(zip(old.sessions, new.sessions, strict=False)):
        if then.known and then.lease is None and present.lease is not None:
            yield 6, f"session {number} had gone and came back"
        if then.lease is not None and present.lease is None and script == "reap":
            yield from _check_reaped(before, step, number)


def _check_repeat(step: Step, new: Server, rules: Rules) -> Iterator[Complaint]:
    assert step.call is not None
    again, reply = run(new, step.call, rules)
    if again != new:
        yield 10, f"{step.call[0]} sent again changes something"
    elif not _same(step.reply, reply):
        yield 10, f"{step.call[0]} answered {step.reply}, and sent again {reply}"


REPEATED = frozenset({
    "open", "close", "enqueue", "finish", "fail", "release", "renew", "cancel", "retry", "pause", "resume", "order",
})  # fmt: skip


def _same(first: Any, second: Any) -> bool:
    """Numbers in a reply, such as how many claims were freed, may differ."""
    return isinstance(first, tuple) or first == second or any({first, second} <= answers for answers in SAME_ANSWERS)


def _check_runs(before: State, step: Step, after: State) -> Iterator[Complaint]:
    for number, (was, now) in enumerate(zip(before.workers, after.workers, strict=True)):
        if was.table is now.table:
            continue
        had, has = ({entry[:3] for entry in worker.table} for worker in (was, now))
        for entry in now.table:
            claim = (entry.session, entry.task, entry.number)
            if entry[:3] not in had and claim in before.begun and not after.failed_over:
                yield "B", f"worker {number} runs {entry.task} under {entry.number} again"
        for entry in w.running(was):
            goes_on = now.phase not in {"down", "closing"} and not step.what.startswith("return")
            if goes_on and entry[:3] not in has and not after.failed_over:
                yield "D", f"worker {number} forgets that it runs {entry.task} under {entry.number}"


def _check_change(before: State, step: Step, task: int, new: Server) -> Iterator[Complaint]:
    assert step.call is not None
    script = step.call[0]
    was, now = before.server.tasks[task], new.tasks[task]
    if was.word and not now.word:
        late = script in {"finish", "fail"} and step.call[2] == task and step.call[4].at < 0  # it ended when its run did
        if not late and (was.word not in ENDED or was.result is None or was.result.at == 0):
            yield 13, f"{script} deletes the record of task {task}, which is {was.word}"
        return
    ours = before.foreign[task] not in {"taken", "worded"} or was.word in ENDED
    if was.word != now.word and script in SCRIPT_NAMES and ours and (was.word, now.word, script) not in ALLOWED:
        yield "A", f"{script} makes {now.word} of task {task}, which is {was.word}"
    if was.cancelling and now.word in {"pending", "scheduled"} and script != "retry":
        yield 9, f"{script} puts back task {task}, which was asked to stop"
    if script == "close" and before.server.sessions[step.call[1]].mark == "crashed":
        script = "reap"  # it goes on with what a reap began
    if now.word not in ENDED and script in COUNTS and (now.tries - was.tries, now.crashes - was.crashes) not in COUNTS[script]:
        yield (
            8,
            f"{script} leaves task {task} with {now.tries} tries and {now.crashes} crashes, after {was.tries}, {was.crashes}",
        )


SCRIPT_NAMES = frozenset(script for *_, script in ALLOWED)
COUNTS = {  # how much each may add to tries and crashes of a task that goes on
    "fail": {(1, 0)},
    "reap": {(0, 0), (0, 1)},
    **{script: {(0, 0)} for script in ("release", "close", "cancel", "claim", "promote", "renew", "watch")},
}


def _check_bounds(server: Server, rules: Rules) -> Iterator[Complaint]:
    """After a trim: what is beyond the bound has ended in this tick, or lies behind what has."""
    for word in ENDED:
        listed = getattr(server, word)
        if len(listed) > rules.kept:
            oldest = server.tasks[listed[-1]]
            if oldest.word != word or oldest.result is None or oldest.result.at != 0:
                yield 13, f"{len(listed)} are kept of what is {word}, and {rules.kept} may be"


def _check_reaped(before: State, step: Step, number: int) -> Iterator[Complaint]:
    died = step.call[1] if step.call else None
    session = before.server.sessions[number]
    if died is not None:
        if number not in before.dead:
            yield 7, f"session {number} is reaped as dead, and its process lives"
        return
    looked = isinstance(session.mark, int) and session.mark < 0
    if not looked or session.lease is None or not (session.mark > session.lease or session.lease > 0):
        yield 7, f"session {number} is reaped with a lease of {session.lease} and a first look of {session.mark}"


def _check_claim(before: State, step: Step, new: Server) -> Iterator[Complaint]:
    assert step.call is not None
    old, session = before.server, before.server.sessions[step.call[1]]
    if not isinstance(step.reply, tuple):
        return
    _, number, _, claims = step.reply
    if session.lease is None or session.lease < 0 or old.paused:
        if claims or session.lease is None:
            yield 14, f"session {step.call[1]} claims {claims}, its lease is {session.lease}, the queue paused: {old.paused}"
        return
    for task, *_ in claims:
        if old.tasks[task].word != "pending":
            yield 5, f"task {task} is {old.tasks[task].word or 'nothing'} and is claimed"
    if len({claim[0] for claim in claims}) < len(claims):
        yield 5, f"a task is claimed twice in one call: {claims}"
    if claims and number <= old.clock:
        yield 4, f"claim number {number} comes after {old.clock}"


def _check_end(before: State, step: Step, new: Server) -> Iterator[Complaint]:
    assert step.call is not None
    script, session, task, number = step.call[:4]
    was, now = before.server.tasks[task], new.tasks[task]
    if was == now or not now.word:
        return
    if token_of(before.server, session, task) != number:
        yield 3, f"{script} under {number} changes task {task}, which that run does not own"
    elif token_of(new, session, task) == number:
        yield 3, f"{script} is accepted and leaves the claim"


def _check_enqueue(before: State, step: Step, new: Server) -> Iterator[Complaint]:
    assert step.call is not None
    task, content = step.call[1:3]
    was = before.server.tasks[task]
    if step.reply == "created":
        if was.word or was.envelope or (was.digest and was.digest != content):
            yield 11, f"task {task} was there, and is created"
    elif before.server != new:
        yield 11, f"{step.reply}, and something was written"
    elif step.reply == "same" and content not in {was.envelope, was.digest}:
        yield 11, f"task {task} is said to be the same and is not"


CHECKS: dict[str, Callable[[State, Step, Server], Iterator[Complaint]]] = {
    "claim": _check_claim,
    "finish": _check_end,
    "fail": _check_end,
    "release": _check_end,
    "enqueue": _check_enqueue,
}
