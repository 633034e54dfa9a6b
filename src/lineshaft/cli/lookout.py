"""What `serve` sees of its work: counts for the foot of the terminal while it runs, and what it waits for when it stops.

Reads Redis over a connection of its own, about once a second and only where somebody sees it. Changes nothing, loads no app.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Collection

from lineshaft.broker.connection import Connection
from lineshaft.cli.foot import Foot
from lineshaft.cli.rates import Rates
from lineshaft.clock import monotonic_s
from lineshaft.errors import LineshaftError
from lineshaft.inspection.counters import Counted, Counters, Statistics
from lineshaft.inspection.inspector import Inspector
from lineshaft.model.lifecycle import Status
from lineshaft.protocol.keys import Keys
from lineshaft.settings import Settings, server_url

AGAIN_S = 1.0
CALL_S = 2.0
RATED = 5  # readings that a rate is taken over
COUNTED = (Status.PENDING, Status.SCHEDULED, Status.IN_PROGRESS, Status.DONE, Status.FAILED)


class Lookout:
    """Looks once a second while it runs, and says what it sees.

    Args:
        settings: where the server is, and how long a stop waits at most.
        worker_pids: gives the process ids of the workers that the stop waits for.
        kept_in: in words, where what waits is kept.
        say: prints a line.
        foot: the foot of the terminal, where there is one; without it nothing is read before the stop.
    """

    def __init__(
        self,
        settings: Settings,
        worker_pids: Callable[[], Collection[int]],
        *,
        kept_in: str,
        say: Callable[[str], None],
        foot: Foot | None,
    ) -> None:
        self._settings = settings
        self._connection = Connection(lambda: server_url(settings), name="lineshaft-serve", timeout_s=CALL_S, repeats=True)
        keys = Keys(settings.namespace)
        self._inspector = Inspector(self._connection, keys)
        self._counters = Counters(self._connection, keys, self._inspector)
        self._worker_pids = worker_pids
        self._kept_in = kept_in
        self._say = say
        self._foot = foot
        self._rates = Rates()
        self._moved = asyncio.Event()
        self._end_s: float | None = None  # when the grace is over, once there was a call to stop
        self._seen: list[str] = []  # ids: what ran when last anything did, since that call
        self._said: int | None = None  # how many tasks we said we wait for
        self._looking = asyncio.create_task(self._look_on())

    def stop(self, grace_s: float) -> None:
        """There was a call to stop, the first or one more: from now on, look what still runs, which may go on for so long."""
        end_s = monotonic_s() + grace_s
        self._end_s = end_s if self._end_s is None else min(end_s, self._end_s)
        self._moved.set()

    async def close(self) -> None:
        """Stop looking, give the row of the terminal back and, after a call to stop, say how it ended."""
        self._looking.cancel()
        await asyncio.wait([self._looking])
        if self._foot is not None:
            self._foot.close()
        if self._end_s is not None:
            try:
                self._say(await self._how_it_ended())
            except LineshaftError:
                self._say("stopped  Redis does not answer, so what waits there was not counted")
        await self._connection.close()

    async def _look_on(self) -> None:
        while True:
            again_s = monotonic_s() + AGAIN_S
            try:
                await self._look()
            except LineshaftError as error:
                self._show(f"trying again: {error}")
            is_seen = self._foot is not None or self._end_s is not None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, again_s - monotonic_s()) if is_seen else None):
                    await self._moved.wait()
            self._moved.clear()

    async def _look(self) -> None:
        if self._end_s is not None:
            await self._look_what_runs(self._end_s)
        elif self._foot is not None:
            statistics = await self._counters.statistics()
            self._rates.add(Counted(int(1000 * monotonic_s()), statistics.counted))
            self._show(counts_line(statistics, self._rates.seen()))

    async def _look_what_runs(self, end_s: float) -> None:
        """See which tasks run in the workers of this command, and say how many there are when that has changed."""
        host, pids = socket.gethostname(), self._worker_pids()
        running: list[str] = []
        for worker in await self._inspector.workers():
            if worker.host == host and worker.pid in pids:
                running += await self._inspector.owned(worker.session)
        if running:
            self._seen = running
        left_s = max(0, round(end_s - monotonic_s()))
        waiting = f"waiting  for {tasks(len(running), 'running')}, at most {left_s} s" if running else "stopping"
        self._show(f"{waiting} | Ctrl-C hands back" if left_s and running else waiting)
        if running and len(running) != self._said and self._foot is None:
            self._say(waiting)
        self._said = len(running)

    async def _how_it_ended(self) -> str:
        states = (await self._counters.statistics()).states
        words = await self._inspector.statuses(self._seen) if self._seen else []
        return ended_line(
            ran=len(self._seen),
            handed_back=sum(word == Status.PENDING for word in words),
            waiting=states[Status.PENDING] + states[Status.SCHEDULED],
            kept_in=self._kept_in,
        )

    def _show(self, text: str) -> None:
        if self._foot is not None:
            self._foot.show(f" {text}")


def ended_line(*, ran: int, handed_back: int, waiting: int, kept_in: str) -> str:
    """How a stop ended: what became of the tasks that ran, and what waits for the next start."""
    if not ran:
        ended = "nothing was running"
    elif handed_back:
        ended = f"{tasks(handed_back, 'running')} handed back, to be run again"
    else:
        ended = "every running task has ended"
    waits = f"{tasks(waiting)} {'waits and is' if waiting == 1 else 'wait and are'} kept" if waiting else "nothing waits"
    return f"stopped  {ended}; {waits}{f' in {kept_in}' if waiting else ''}"


def counts_line(statistics: Statistics, rates: dict[str, list[float]]) -> str:
    """How many tasks are where, how fast they come and go, and how many workers there are."""
    counts = "  ".join(f"{word} {statistics.states[word]:,}" for word in COUNTED)
    workers = f"{statistics.live_sessions} worker{'' if statistics.live_sessions == 1 else 's'}"
    return f"{counts} | {rate(rates['enqueued'])}/s in, {rate(rates['done'])}/s done | {workers}"


def rate(seen: list[float]) -> str:
    """What the last readings come to, as a number a second."""
    last = seen[-RATED:]
    return f"{sum(last) / len(last):,.1f}" if last else "-"


def tasks(amount: int, kind: str = "") -> str:
    """So many tasks, in words."""
    return f"{amount:,} {kind + ' ' if kind else ''}task{'' if amount == 1 else 's'}"
