"""The rules that can be left out, one at a time. For each the explorer must find a counterexample."""

from enum import StrEnum


class Flaw(StrEnum):
    """What is wrong when a rule is left out."""

    NO_TOKEN = "finish without the token compare"
    NO_WORD = "claim ignores the status word"
    FIRST_LOOK = "reap on the first look"
    RENEW_REVIVES = "renew revives a gone session"
    RELEASE_COUNTS = "release counts"
    FAIL_IGNORES_MARK = "fail ignores cancelling"
    NOT_RECONCILED = "lost claim reply not reconciled"
    RUNS_READ = "reconcile runs what it reads"
    BESIDE_CLAIM = "reconcile beside an unanswered claim"
    BY_ID_ALONE = "table keyed by id alone"
    SAME_NUMBER = "same number for two claims"
    PROMOTE_NO_WORD = "promote ignores the word"
    NO_LEASE = "claim lets a session without a lease in"
    LEFT_IN_SESSIONS = "reap leaves the session in sessions"
    LATE_OPEN = "late open revives"
    DONE_TO_PENDING = "put-back turns done into pending"
    TRIM_LIVE = "trim deletes live records"
    RETRY_LEAVES_ENTRY = "retry leaves its old entry in ended"
    MARK_OUTLIVES = "a cancelling mark outlives its run"
    OLD_LOOK = "first look older than the last renewal"  # renew leaves it, and the look does not compare
    KEEPS_CLAIM = "close keeps the claims"
    NO_REPEAT = "fail does not know its repeat"
    ENQUEUE_BLIND = "enqueue does not look"
