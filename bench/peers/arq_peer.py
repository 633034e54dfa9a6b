"""arq's side of the benchmark, run by arq's own environment: `arq_peer.py fill|drain URL TASKS`.

Either command prints one JSON line: how many tasks, in how many seconds. Both run on uvloop.
"""

import asyncio
import json
import logging
import sys
import time
from typing import Any

import uvloop
from arq import Worker, create_pool, func
from arq.connections import RedisSettings

CONCURRENCY = 100
POLL_DELAY_S = 0.01  # the default of 0.5 s halves the rate; less than 0.01 s gains nothing more


async def fill(url: str, tasks: int) -> None:
    """Enqueue by 100 coroutines at a time: arq has no call for many tasks."""
    pool = await create_pool(RedisSettings.from_dsn(url))
    left = iter(range(tasks))

    async def enqueue() -> None:
        for _ in left:
            await pool.enqueue_job("noop")

    start = time.perf_counter()
    await asyncio.gather(*(enqueue() for _ in range(CONCURRENCY)))
    report(tasks, time.perf_counter() - start)
    await pool.aclose()


async def drain(url: str, tasks: int) -> None:
    """Run arq's own worker; results and the limit of a read of the queue (500) are as arq has them."""
    worker = Worker(
        [func(CountedTask(tasks).run, name="noop")],
        redis_settings=RedisSettings.from_dsn(url),
        max_jobs=CONCURRENCY,
        poll_delay=POLL_DELAY_S,
        log_results=False,
        handle_signals=False,
    )
    await worker.async_run()


class CountedTask:
    """A task that only counts."""

    def __init__(self, tasks: int) -> None:
        self._tasks = tasks
        self._ended = 0
        self._start = 0.0

    async def run(self, _context: dict[Any, Any]) -> None:
        """Count one; take the time at the first and report at the last."""
        if not self._ended:
            self._start = time.perf_counter()
        self._ended += 1
        if self._ended == self._tasks:
            report(self._tasks, time.perf_counter() - self._start)


def report(tasks: int, seconds: float) -> None:
    """Print the line that the benchmark reads; it then stops this process."""
    print(json.dumps({"tasks": tasks, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    commands = {"fill": fill, "drain": drain}
    uvloop.run(commands[sys.argv[1]](sys.argv[2], int(sys.argv[3])))
