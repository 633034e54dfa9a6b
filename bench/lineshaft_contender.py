"""Lineshaft as it is installed: bulk enqueue, then one supervised worker process at concurrency 100."""

import asyncio
import os
import sys
import time

from bench.children import json_line
from bench.contender import BenchError, Figures
from bench.lineshaft_tasks import app, noop
from lineshaft.app import Task

WORKER = """
import sys
from lineshaft.cli.start import run_worker
sys.exit(run_worker("bench.lineshaft_tasks:app", redis_url=sys.argv[1], concurrency=100))
"""
SETTLE_S = 10.0
SAMPLE = 100


class Lineshaft:
    """The contender."""

    name = "lineshaft"
    tasks = 100_000

    def prepare(self, url: str) -> None:
        """Nothing to make."""

    def turn(self, url: str, tasks: int) -> Figures:
        """Fill, drain, then look whether every task is done and a sample of results can be read."""
        app.configure(redis_url=url)
        enqueued, enqueue_per_s = asyncio.run(self._fill(tasks))
        os.environ.update(BENCH_TASKS=str(tasks), LOG_LEVEL="WARNING")
        answer = json_line([sys.executable, "-c", WORKER, url])
        asyncio.run(self._check(enqueued))
        return Figures(enqueue_per_s, tasks / float(answer["seconds"]))

    async def _fill(self, tasks: int) -> tuple[list[Task[None]], float]:
        calls = [noop.call() for _ in range(tasks)]
        started_s = time.perf_counter()
        enqueued = await app.enqueue_many(calls)
        rate = tasks / (time.perf_counter() - started_s)
        await app.close()
        return enqueued, rate

    async def _check(self, enqueued: list[Task[None]]) -> None:
        """The worker was stopped when it reported, and delivered what it had; give it a moment."""
        give_up_s = time.monotonic() + SETTLE_S
        inspector = app.client.inspector
        while True:
            done = 0
            for start in range(0, len(enqueued), 1000):
                words = await inspector.statuses([task.id for task in enqueued[start : start + 1000]])
                done += words.count("done")
            if done == len(enqueued):
                break
            if time.monotonic() > give_up_s:
                raise BenchError(f"only {done} of {len(enqueued)} tasks are done")
            await asyncio.sleep(0.05)
        for task in enqueued[:: max(1, len(enqueued) // SAMPLE)]:
            if await task.result(timeout=5) is not None:
                raise BenchError("a result is not what the task returned")
        await app.close()


CONTENDER = Lineshaft()
