"""huey's side of the benchmark, run by huey's own environment: `huey_peer.py fill|drain URL TASKS`.

Either command prints one JSON line: how many tasks, in how many seconds.
"""

import json
import logging
import sys
import time
from itertools import count

from huey import RedisHuey
from huey.api import TaskWrapper

THREADS = 4


def main(command: str, url: str, tasks: int) -> None:
    """Do one of the two; huey stores no results, and the plain pop measured faster here than the blocking one."""
    logging.basicConfig(level=logging.WARNING)
    huey = RedisHuey("bench", url=url, results=False, blocking=False)
    task = counted_task(huey, tasks)
    if command == "fill":
        fill(task, tasks)
    else:
        huey.create_consumer(workers=THREADS, worker_type="thread", periodic=False).run()


def fill(task: TaskWrapper, tasks: int) -> None:
    """Enqueue in a loop: huey has no call for many tasks that sends them together."""
    start = time.perf_counter()
    for _ in range(tasks):
        task()
    report(tasks, time.perf_counter() - start)


def counted_task(huey: RedisHuey, tasks: int) -> TaskWrapper:
    """Register a task that only counts; the threads may share its counters, since `next` of `count` is atomic."""
    started, ended = count(1), count(1)
    starts: list[float] = []

    @huey.task()
    def noop() -> None:
        if next(started) == 1:
            starts.append(time.perf_counter())
        if next(ended) == tasks:
            report(tasks, time.perf_counter() - starts[0])

    return noop


def report(tasks: int, seconds: float) -> None:
    """Print the line that the benchmark reads; it then stops this process."""
    print(json.dumps({"tasks": tasks, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
