"""The scopes: which actions together, how often each, from where. Budgets are small, so each is searched to its end."""

from .flaws import Flaw
from .state import Rules, Server, Session, State, Task, Worker
from .steps import Scope

# What a worker does by itself, and what changes nothing the second time, costs no budget.
FREE = (
    "hear",
    "act",
    "obey",
    "return",
    "deliver",
    "reconcile",
    "lose",
    "open",
    "reap",
    "promote",
    "arrive",
    "see death",
    "close",
)
DEEP = 1  # how much more of each budget `--deep` gives


def start(words: str = "rr", workers: int = 2, *, paused: bool = False) -> State:
    """Workers that are up under sessions of their own. A letter for each task: ready, later, or not there."""
    tasks = {"r": Task("pending", "own"), "l": Task("scheduled", "own", due=1), "-": Task()}
    ready = tuple(n for n in reversed(range(len(words))) if words[n] == "r")
    sessions = (Session(known=True, lease=0),) * workers
    server = Server(tuple(tasks[word] for word in words), sessions, ready, paused=paused)
    up = tuple(Worker("up", number, "answered") for number in range(workers))
    return State(server, up, foreign=("",) * len(words))


USUAL = Rules()


def scope(name: str, begin: State, faulty: str = "", rules: Rules = USUAL, **budgets: int) -> Scope:
    """A scope; underscores in the names of budgets are spaces."""
    limited = {budget.replace("_", " "): most for budget, most in budgets.items()}
    places = {budget: place for place, budget in enumerate(limited)}
    begin = begin._replace(left=tuple(limited.values()))
    return Scope(name, begin, {**dict.fromkeys(FREE), **limited}, places, frozenset(faulty.split()), rules)


def deeper(shallow: Scope) -> Scope:
    """The same with one more of everything that is limited."""
    begin = shallow.start._replace(left=tuple(most + DEEP for most in shallow.start.left))
    return shallow._replace(start=begin)


ENDS = "finish fail release"

SCOPES = (
    scope("claims go wrong", start(), "claim", claim=3, lost_reply=1, late_call=1, slow_claim=1, slow_reconcile=1),
    scope("claims are heard late", start("r"), "", claim=2, slow_claim=1, slow_reconcile=1, renew=1, boot=1, tick=2),
    scope("reconciling goes wrong", start("r"), "claim release", claim=3, lost_reply=2, late_call=1, slow_reconcile=2, renew=1),
    scope("ends go wrong", start(), ENDS, claim=3, lost_reply=1, late_call=1, throw=1, tick=1),
    scope("tries end", start("r"), ENDS, claim=4, lost_reply=1, late_call=2, throw=2, throw_at_last=1, tick=1),
    scope("workers die", start("r"), "", Rules(max_crashes=2), claim=2, crash=2, boot=1, tick=2),
    scope("workers are paused", start("r"), "finish", claim=2, renew=2, boot=1, late_call=1, tick=3),
    scope("many claims are put back", start("rr", 1), "", Rules(slots=2, slice=1), claim=2, crash=1, boot=1, tick=2, drain=1),
    scope("cancelling what runs", start("r"), "", claim=2, cancel=1, throw=1, drain=1, renew=1, tick=1),
    scope("cancelling what died", start("r"), "", claim=2, cancel=1, crash=1, tick=2),
    scope("cancels go wrong", start("r"), "cancel renew", claim=2, cancel=2, lost_reply=1, late_call=1, renew=1),
    scope("cancelling what waits", start("rl"), "", claim=2, cancel=2, tick=1, retry=1),
    scope("retrying by hand", start("r"), "retry", claim=3, retry=2, lost_reply=1, late_call=1, cancel=1, throw_at_last=1),
    scope("history is trimmed", start("rr", 1), "", Rules(kept=1, age_floor=-1), claim=3, retry=1, cancel=1, trim=1, tick=2),
    scope("enqueuing", start("--"), "enqueue", enqueue=2, enqueue_other=1, enqueue_later=1, lost_reply=1, late_call=1),
    scope(
        "enqueuing and running",
        start("-", 1),
        "enqueue",
        enqueue=2,
        cancel=1,
        enqueue_later=1,
        lost_reply=1,
        late_call=1,
        claim=2,
        tick=1,
    ),
    scope("foreign producers", start("-"), "", foreign_push=2, foreign_word=1, enqueue=1, claim=2, tick=2, watch=1),
    scope("foreign pushes of ours", start("r"), "", foreign_push=2, claim=3, cancel=1, retry=1, tick=1),
    scope("foreign consumers", start(), "", foreign_pop=1, foreign_end=2, claim=2, cancel=1, tick=1),
    scope("foreign consumers of ours", start("r"), "", foreign_push=1, foreign_pop=1, foreign_end=2, claim=2, tick=2, watch=1),
    scope("foreign consumers of what runs", start("r", 1), "", foreign_push=1, foreign_pop=1, foreign_end=1, claim=1, throw=1),
    scope("foreign consumers and drains", start("r", 1), "", foreign_push=1, foreign_pop=1, foreign_end=1, claim=1, drain=1),
    scope(
        "foreign consumers of what has ended",
        start("r", 1),
        "finish",
        Rules(kept=0, age_floor=-1),
        foreign_push=1,
        foreign_pop=1,
        foreign_end=1,
        claim=2,
        trim=1,
        tick=2,
        retry=1,
    ),
    scope("draining", start(), "release", claim=2, drain=1, lost_reply=1, late_call=1, boot=1),
    scope("sessions come and go", start("r", 1), "open close", claim=2, drain=1, boot=1, lost_reply=1, late_call=1, tick=2),
    scope("renewals go wrong", start("r"), "renew", claim=1, renew=2, lost_reply=1, late_call=1, tick=3),
    scope("failover", start(), "", claim=3, replicate=1, failover=1, renew=1, boot=1),
    scope("failover and death", start("r"), "", claim=2, replicate=1, failover=1, crash=1, tick=2),
    scope("failover and ends", start("r"), ENDS, claim=3, replicate=1, failover=1, lost_reply=1, throw=1),
    scope("failover and hands", start("r"), "", claim=2, replicate=1, failover=1, cancel=1, retry=1, drain=1),
    scope("the clock goes back", start("r"), "", Rules(floor=-3), claim=2, clock_back=1, renew=2, tick=2),
    scope("a queue is paused", start(), "", pause_queue=2, claim=3, slow_claim=1),
    scope("workers are told to end", start("r"), "order renew", order=2, claim=2, renew=2, lost_reply=1, late_call=1),
    scope("a worker that has ended is told", start("r", 1), "", order=2, claim=1, renew=1, boot=1),
)

# In which of them the rule that is left out shows.
SHOWN_IN = {
    Flaw.NO_TOKEN: "claims are heard late",
    Flaw.NO_WORD: "cancelling what waits",
    Flaw.FIRST_LOOK: "workers are paused",
    Flaw.RENEW_REVIVES: "renewals go wrong",
    Flaw.RELEASE_COUNTS: "draining",
    Flaw.FAIL_IGNORES_MARK: "cancelling what runs",
    Flaw.NOT_RECONCILED: "claims go wrong",
    Flaw.RUNS_READ: "claims go wrong",
    Flaw.BESIDE_CLAIM: "claims go wrong",
    Flaw.BY_ID_ALONE: "workers are paused",
    Flaw.SAME_NUMBER: "claims go wrong",
    Flaw.PROMOTE_NO_WORD: "cancelling what waits",
    Flaw.NO_LEASE: "renewals go wrong",
    Flaw.LEFT_IN_SESSIONS: "workers are paused",
    Flaw.LATE_OPEN: "sessions come and go",
    Flaw.DONE_TO_PENDING: "foreign consumers of ours",
    Flaw.TRIM_LIVE: "foreign consumers of what has ended",
    Flaw.RETRY_LEAVES_ENTRY: "retrying by hand",
    Flaw.MARK_OUTLIVES: "cancelling what runs",
    Flaw.OLD_LOOK: "workers are paused",
    Flaw.KEEPS_CLAIM: "draining",
    Flaw.NO_REPEAT: "tries end",
    Flaw.ENQUEUE_BLIND: "foreign producers",
}


def named(name: str) -> Scope:
    """The scope of that name."""
    return next(one for one in SCOPES if one.name == name)


def flawed(flaw: Flaw) -> Scope:
    """The scope in which a flaw shows, with it."""
    shown = named(SHOWN_IN[flaw])
    return shown._replace(rules=shown.rules._replace(flaw=flaw))
