"""Delivers the ends of runs: what arrives while one call is on the wire goes out together in the next.

No run leaves the table before its end is answered.
"""

import asyncio
from collections import deque
from collections.abc import Callable

import msgspec

from lineshaft.broker.broker import BATCH, Broker
from lineshaft.errors import LineshaftError
from lineshaft.telemetry import Signals, logger
from lineshaft.worker.end import End
from lineshaft.worker.loop import Loop, wait_for
from lineshaft.worker.run import Table

log = logger("finisher")

BYTES_AT_ONCE = 4_194_304
DAMAGED_AGAIN_S = 1.0


class Finisher(Loop):
    """One loop with a connection of its own.

    An end stays here, and its run in the table, until Redis has answered it; after a lost connection it is sent again,
    which the scripts recognise. How much may wait is bounded by the executor,
    which has no free slot while too much does.
    """

    def __init__(self, broker: Broker, table: Table, signals: Signals, delivered: Callable[[], None]) -> None:
        super().__init__()
        self._broker = broker
        self._table = table
        self._signals = signals
        self._delivered = delivered
        self._waiting: deque[End] = deque()
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, end: End) -> None:
        """Take an end to deliver."""
        self._waiting.append(end)
        if not self._arrived.is_set():
            self._arrived.set()
            self._idle.clear()

    async def flush(self, limit_s: float) -> bool:
        """Wait until everything is delivered, or until the time is over; says whether it is."""
        if not await wait_for(self._idle, limit_s):
            log.warning("%d results could not be delivered in time; their tasks will run again", len(self._waiting))
        return not self._waiting

    async def run_once(self) -> None:
        """Deliver one batch of one kind; what was not answered stays first in the line."""
        batch = self._next_batch()
        if not batch:
            return
        answers = await self._send(batch)
        undone: list[End] = []
        for end, answer in zip(batch, answers, strict=True):
            if answer == "damaged":
                log.error("task %s cannot be put back: a key of its queue has another type in Redis", end.run.claim.task_id)
                undone.append(end)
                continue
            if answer == "overdue":  # it was put back for as long as it may be: now it fails
                undone.append(msgspec.structs.replace(end, kind="fail", returned=None))
                continue
            if answer == "lost":
                log.warning("task %s: the claim was lost, its end changed nothing", end.run.claim.task_id)
            self._table.remove(end.run.key)
        for _ in batch:
            self._waiting.popleft()
        self._waiting.extend(undone)
        self._signals.emit("delivered", kind=batch[0].kind, amount=len(batch) - len(undone))
        self._delivered()
        if any(end.kind == batch[0].kind for end in undone):
            await asyncio.sleep(DAMAGED_AGAIN_S)

    def _next_batch(self) -> list[End]:
        """The longest run of ends of one session and kind from the front that fits one call."""
        batch: list[End] = []
        size = 0
        for end in self._waiting:
            size += len(end.outcome) if end.failed is None else len(end.failed.outcome)
            if batch and (
                len(batch) == BATCH or size > BYTES_AT_ONCE or end.kind != batch[0].kind or end.session != batch[0].session
            ):
                break
            batch.append(end)
        return batch

    async def _send(self, batch: list[End]) -> list[str]:
        session, kind = batch[0].session, batch[0].kind
        if kind == "finish":
            return await self._broker.finish(session, [(*end.run.key, end.outcome) for end in batch])
        if kind == "fail":
            return await self._broker.fail(session, [end.failed for end in batch if end.failed is not None])
        return await self._broker.release(session, [end.returned for end in batch if end.returned is not None])

    async def _step(self) -> None:
        if not self._waiting:
            self._arrived.clear()
            self._idle.set()
            await self._arrived.wait()
        await self.run_once()

    def _failed(self, error: LineshaftError) -> str:
        return f"results wait in memory ({len(self._waiting)}): {error}"
