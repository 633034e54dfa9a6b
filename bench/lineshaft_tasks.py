"""The app that the benchmark's worker runs: one no-op that counts itself in memory and reports once."""

import os
import sys
import time

from lineshaft import App

app = App("bench")


class Count:
    """Tasks run so far, and when the first one started."""

    wanted = int(os.environ.get("BENCH_TASKS", "0"))
    done = 0
    started_s = 0.0


@app.task
async def noop() -> None:
    """Count, and after the last one print how long all took."""
    if Count.done == 0:
        Count.started_s = time.perf_counter()
    Count.done += 1
    if Count.done == Count.wanted:
        sys.stdout.write(f'{{"seconds": {time.perf_counter() - Count.started_s}}}\n')
        sys.stdout.flush()
