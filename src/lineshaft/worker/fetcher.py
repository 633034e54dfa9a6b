"""Claims as many tasks as there are free slots, as soon as there are both; asks almost nothing while there are none.

No claim takes more than half of all slots: while one half runs here, Redis hands out the other (ADR 0021).
"""

from collections.abc import Callable
from typing import Literal

from lineshaft.broker.broker import BATCH, Broker
from lineshaft.clock import monotonic_s
from lineshaft.errors import LineshaftError
from lineshaft.protocol.reply import Around
from lineshaft.telemetry import Signals
from lineshaft.worker.executor import Executor
from lineshaft.worker.lease import Lease
from lineshaft.worker.loop import Loop, wait_for
from lineshaft.worker.queues import Queues
from lineshaft.worker.reconciler import Reconciler
from lineshaft.worker.waking import Waking

REFUSED_WAIT_S = 0.2  # a renewal pokes earlier


class Fetcher(Loop):
    """One loop. A claim and a comparison with Redis never overlap, for both go through here, one after the other.

    Args:
        broker: for claims.
        executor: has the slots, and starts what was claimed.
        reconciler: compares.
        queues: where to take from.
        lease: under which.
        waking: what to sleep on.
        signals: told of "claimed" and "refused".
        looked_around: told what a claim saw beside the tasks.
    """

    def __init__(
        self,
        broker: Broker,
        executor: Executor,
        reconciler: Reconciler,
        queues: Queues,
        lease: Lease,
        waking: Waking,
        signals: Signals,
        looked_around: Callable[[Around], None],
    ) -> None:
        super().__init__()
        self._broker = broker
        self._executor = executor
        self._reconciler = reconciler
        self._queues = queues
        self._lease = lease
        self._waking = waking
        self._signals = signals
        self._looked_around = looked_around
        self._look_at_s = 0.0
        self._reconcile_at_s = 0.0
        self._most_at_once = min(BATCH, (executor.concurrency + 1) // 2)
        self._at_once = self._most_at_once
        self._more = True  # ready tasks may have been left behind

    async def stop(self) -> None:
        """Stop claiming. A claim on the wire is waited for: what it brings is started, so that whoever drains sees it."""
        self._stopping = True
        self._waking.poke()
        if self._task is not None:
            await self._task
        await super().stop()

    def stuck(self) -> str:
        """Why no task can be taken, and for how long, where that is longer than this worker puts up with; "" otherwise."""
        limit_s, since_s = self._broker.settings.give_up_s, self.failing_since_s
        if since_s is None or not limit_s or monotonic_s() - since_s < limit_s:
            return ""
        return f"no task could be taken for {limit_s:g} s, so this worker gives up: {self.failure}"

    @property
    def _free_slots(self) -> int:
        """How many tasks may be claimed. A quiet worker claims with none, so it goes on to look around, and takes no tokens."""
        return 0 if self._lease.order else self._executor.free_slots

    async def run_once(self) -> Literal["more", "emptied", "refused"]:
        """Claim once. "more": ready tasks were left behind; "emptied": none were; "refused": the session may not claim now.

        Raises:
            LineshaftError: the claim failed. It may have taken effect; the next comparison finds out.
        """
        now_s = monotonic_s()
        token, self._waking.token = self._waking.token, None
        look = token is not None or now_s >= self._look_at_s
        session, slots = self._lease.session, min(self._free_slots, self._at_once)
        queues = self._queues.next_some("fetcher", token)
        answer = await self._broker.claim(session, slots, queues, look_around=look)
        self._at_once = min(self._most_at_once, 2 * self._at_once)
        if answer == "expired" or answer == "lost":
            if answer == "lost" and session == self._lease.session:  # it may have got a new one meanwhile
                self._lease.lost = True
            self._signals.emit("refused", why=answer)
            return "refused"
        if answer.around is not None:
            self._look_at_s = now_s + self._broker.settings.poll_s
            self._looked_around(answer.around)
        if answer.claims:
            self._executor.start(session, answer.number, answer.claims)
            self._signals.emit("claimed", amount=len(answer.claims))
        return "more" if answer.more else "emptied"

    async def _step(self) -> None:
        now_s, changed = monotonic_s(), self._waking.changed
        changed.clear()
        look_is_due = self._waking.token is not None or now_s >= self._look_at_s
        if not self._lease.holds:
            await wait_for(changed, REFUSED_WAIT_S)
        elif now_s >= self._reconcile_at_s:
            await self._reconciler.run_once(self._lease.session)
            self._reconcile_at_s = monotonic_s() + self._broker.settings.reconcile_s
        elif self._queues.stale:
            await self._queues.refresh()
            self._more = True  # in the queue that is new
        elif look_is_due or (self._more and self._free_slots > 0):
            word = await self.run_once()
            self._more = word == "more"
            if word == "refused":
                await wait_for(changed, REFUSED_WAIT_S)
        elif self._more or self._lease.order:
            await wait_for(changed, self._look_at_s - now_s)
        else:
            await self._sleep()

    def _failed(self, error: LineshaftError) -> str:
        self._reconcile_at_s = 0.0  # the claim may have been made, and its reply lost: compare before the next
        self._more = True
        self._at_once = max(1, self._at_once // 4)  # what was too much to bring in time comes in smaller parts
        return f"cannot claim: {error}"

    async def _sleep(self) -> None:
        """Nothing more is ready: sleep until a token comes or it is time to look. A slot that becomes free changes nothing."""
        until_s = min(self._look_at_s, self._reconcile_at_s)
        self._waking.asleep.set()
        while self._waking.token is None and not self._stopping and self._lease.holds and monotonic_s() < until_s:
            await wait_for(self._waking.changed, until_s - monotonic_s())
            self._waking.changed.clear()
        self._waking.asleep.clear()
