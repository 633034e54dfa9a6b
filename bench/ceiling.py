"""The ceiling: the scripts that a Lineshaft worker calls, with the same batches, and nothing run in between."""

import asyncio
import time

from bench.contender import Figures
from lineshaft.broker.broker import BATCH, Broker, NewTask
from lineshaft.broker.connection import Connection
from lineshaft.clock import wall_ms
from lineshaft.ids import new_id
from lineshaft.protocol import wire
from lineshaft.protocol.keys import Keys
from lineshaft.protocol.reply import Claimed
from lineshaft.settings import Settings

CONCURRENCY = 100
SESSIONS = 3  # so that one's Python never leaves Redis without work


class Ceiling:
    """The contender."""

    name = "ceiling"
    tasks = 100_000

    def prepare(self, url: str) -> None:
        """Nothing to make."""

    def turn(self, url: str, tasks: int) -> Figures:
        """Fill, then claim and finish without running anything."""
        return asyncio.run(self._turn(url, tasks))

    async def _turn(self, url: str, tasks: int) -> Figures:
        connections = [Connection(lambda: url, name="bench-ceiling", timeout_s=30.0) for _ in range(SESSIONS)]
        brokers = [Broker(connection, Keys(), Settings()) for connection in connections]
        envelope = wire.encode_envelope("noop", "default", b"[]", b"{}", 0, 0)
        batches = [[NewTask(new_id(), "default", envelope) for _ in range(BATCH)] for _ in range(tasks // BATCH)]
        started_s = time.perf_counter()
        await asyncio.gather(*(self._enqueue(broker, batches[n::SESSIONS]) for n, broker in enumerate(brokers)))
        enqueue_per_s = tasks / (time.perf_counter() - started_s)
        started_s = time.perf_counter()
        await asyncio.gather(*(self._drain(broker, f"session-{n}") for n, broker in enumerate(brokers)))
        run_per_s = tasks / (time.perf_counter() - started_s)
        for connection in connections:
            await connection.close()
        return Figures(enqueue_per_s, run_per_s)

    async def _enqueue(self, broker: Broker, batches: list[list[NewTask]]) -> None:
        for batch in batches:
            await broker.enqueue(batch)

    async def _drain(self, broker: Broker, session: str) -> None:
        await broker.open(session, 600.0, {"pid": 0})
        outcome = wire.encode_done(wall_ms(), wall_ms(), session, 1, 0, b"null")
        while True:
            claimed = await broker.claim(session, CONCURRENCY, ["default"])
            if not isinstance(claimed, Claimed) or not claimed.claims:
                return
            await broker.finish(session, [(claim.task_id, claim.token, outcome) for claim in claimed.claims])


CONTENDER = Ceiling()
