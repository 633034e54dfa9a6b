"""The only spelling of any key in Redis.

All keys of one prefix are a *shard*, and no script touches a key outside its shard. The prefix is the app's namespace and
a colon, or nothing. The table below is the schema; `docs/internals/key-schema.md` is made from it, a test holds every key
that the other tests leave behind against it, and `scripts/shared/keys.lua` builds the same names inside the scripts.

| Key                        | Type   | Lives                    | Holds |
| -------------------------- | ------ | ------------------------ | ----- |
| `task_queue`               | list   | while not empty          | ready ids of the queue `default`, oldest at the right |
| `task_queue:<queue>`       | list   | while not empty          | ready ids of another queue |
| `task:<id>:status`         | string | as long as the record    | the status word |
| `task:<id>`                | string | as long as the record    | envelope: what to run; written once |
| `task:<id>:result`         | string | from the end on          | outcome: how the run ended; written once per run |
| `task:<id>:attempts`       | list   | from the first failed try| one JSON per failed try or crash, oldest at the left |
| `task:<id>:digest`         | string | 24 h, settable           | digest of the envelope, where the caller gave the id |
| `lineshaft:sessions`       | zset   | while any is open        | session -> end of its lease in ms |
| `lineshaft:suspects`       | hash   | while any is suspected   | session -> ms of the first look, or `crashed`, `closed` |
| `lineshaft:session:<s>`    | hash   | a day beyond the session | host, pid, queues, concurrency, lease_ms, started_ms, order |
| `lineshaft:owned:<s>`      | hash   | while it owns any        | id -> claim token `<claim number>:<queue>` |
| `lineshaft:clock`          | string | for ever                 | last claim number |
| `lineshaft:tries`          | hash   | while any has one        | id -> failed tries so far |
| `lineshaft:crashes`        | hash   | while any has one        | id -> crashes so far |
| `lineshaft:cancelling`     | set    | while any is marked      | ids in progress that were asked to stop |
| `lineshaft:watched`        | hash   | while any is watched     | id -> channels of those who wait for its end |
| `lineshaft:due:<queue>`    | zset   | while not empty          | id -> ms at which it becomes ready |
| `lineshaft:strays`         | zset   | while not empty          | id -> ms at which it was first seen without a status |
| `lineshaft:set_aside`      | list   | the newest 1,000         | what was pushed as an id and cannot be one |
| `lineshaft:ended:<state>`  | list   | bounded                  | ids that ended with this word, newest at the left |
| `lineshaft:queues`         | set    | for ever                 | names of the queues that ever had a task |
| `lineshaft:paused`         | set    | while any is paused      | names of the queues that nobody may claim from |
| `lineshaft:wake:<queue>`   | list   | while a token lies there | at most one wake-up token |
| `lineshaft:stats:<minute>` | hash   | a day                    | counters of one minute since the epoch |

Channels, not keys: `lineshaft:cancel` carries ids that were asked to stop; `lineshaft:watch:<client>` carries the ends that
one client waits for.
"""

import re

from lineshaft.errors import ConfigurationError

DEFAULT_QUEUE = "default"
RESERVED = frozenset({"task", "task_queue", "lineshaft"})  # as namespaces
ENDED_STATES = ("done", "failed", "cancelled", "expired")

_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_QUEUE = re.compile(r"[0-9A-Za-z_.-]{1,64}")
_NAMESPACE = re.compile(r"[0-9A-Za-z_.{}-]{0,64}")


def is_task_id(text: str) -> bool:
    """Say whether this can be a task's id: 1 to 64 of 0-9, A-Z, a-z, _ and -."""
    return _ID.fullmatch(text) is not None


def is_queue_name(text: str) -> bool:
    """Say whether this can be a queue's name: 1 to 64 of 0-9, A-Z, a-z, _, . and -."""
    return _QUEUE.fullmatch(text) is not None


def is_namespace(text: str) -> bool:
    """Say whether this can be a namespace: up to 64 of 0-9, A-Z, a-z, _, ., -, { and }."""
    return _NAMESPACE.fullmatch(text) is not None


class Keys:
    """The keys of one shard.

    Raises:
        ConfigurationError: the namespace is reserved, or has a character that it may not have.
    """

    def __init__(self, namespace: str = "") -> None:
        if namespace in RESERVED:
            raise ConfigurationError(f"namespace {namespace!r} would mix with the keys of an app without one: take another")
        if not is_namespace(namespace):
            raise ConfigurationError(f"namespace {namespace!r} may only have 0-9, A-Z, a-z, _, ., - and braces, 64 at most")
        self.prefix = f"{namespace}:" if namespace else ""
        own = f"{self.prefix}lineshaft:"
        self.task_queue = f"{self.prefix}task_queue"
        self.sessions = f"{own}sessions"
        self.suspects = f"{own}suspects"
        self.clock = f"{own}clock"
        self.tries = f"{own}tries"
        self.crashes = f"{own}crashes"
        self.cancelling = f"{own}cancelling"
        self.watched = f"{own}watched"
        self.strays = f"{own}strays"
        self.set_aside = f"{own}set_aside"
        self.queues = f"{own}queues"
        self.paused = f"{own}paused"
        self.cancel_channel = f"{own}cancel"
        self._own = own

    def ready(self, queue: str) -> str:
        """The list of ready ids of a queue."""
        return self.task_queue if queue == DEFAULT_QUEUE else f"{self.task_queue}:{queue}"

    def envelope(self, task_id: str) -> str:
        """What to run."""
        return f"{self.prefix}task:{task_id}"

    def status(self, task_id: str) -> str:
        """The status word."""
        return f"{self.prefix}task:{task_id}:status"

    def result(self, task_id: str) -> str:
        """How the last run ended."""
        return f"{self.prefix}task:{task_id}:result"

    def attempts(self, task_id: str) -> str:
        """The failed tries and crashes."""
        return f"{self.prefix}task:{task_id}:attempts"

    def digest(self, task_id: str) -> str:
        """What tells same from other content after the record is gone."""
        return f"{self.prefix}task:{task_id}:digest"

    def session(self, session: str) -> str:
        """Who a session is."""
        return f"{self._own}session:{session}"

    def owned(self, session: str) -> str:
        """What a session has claimed."""
        return f"{self._own}owned:{session}"

    def due(self, queue: str) -> str:
        """The tasks of a queue that are due later."""
        return f"{self._own}due:{queue}"

    def wake(self, queue: str) -> str:
        """The wake-up token of a queue."""
        return f"{self._own}wake:{queue}"

    def ended(self, state: str) -> str:
        """The ids that ended with one word."""
        return f"{self._own}ended:{state}"

    def stats(self, minute: int) -> str:
        """The counters of one minute since the epoch."""
        return f"{self._own}stats:{minute}"

    def watch_channel(self, client: str) -> str:
        """The channel on which one client hears of ends."""
        return f"{self._own}watch:{client}"
