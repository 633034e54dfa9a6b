"""The app of the worker processes that faults happen to; its tasks write into the same journal as those of `shop`.

Run as a program, it is a worker inside somebody's own loop, which no supervisor watches over.
"""

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lineshaft import App, Retry, TaskContext
from lineshaft.worker import Worker

BEAT_S = 0.02

app = App("deeds")

_journal = os.open(os.environ["SHOP_JOURNAL"], os.O_WRONLY | os.O_APPEND)


def note(event: str, ctx: TaskContext, text: str = "") -> None:
    """Append one line to the journal, in one write."""
    line = f"{event} {ctx.id} {ctx.fence} {os.getpid()} {time.monotonic():.6f} {text}".rstrip() + "\n"
    os.write(_journal, line.encode())


@app.task
async def pay(ctx: TaskContext, amount: int) -> int:
    """Have an effect outside, under the task's key."""
    note("start", ctx)
    note("effect", ctx, ctx.idempotency_key)
    return amount


@app.task
def linger(ctx: TaskContext, until: str) -> str:
    """Wait in a thread until a file is there, or until the claim is lost; says which, and whether the claim was lost."""
    note("start", ctx)
    while not (ctx.lost if until == "lost" else Path(until).exists()) and ctx.crashes == 0:
        time.sleep(BEAT_S)
    note("end", ctx, f"lost={ctx.lost}")
    return f"from a run after {ctx.crashes} crashes"


def deep(levels: int) -> list[Any]:
    """A list in a list in a list."""
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def own_tail() -> list[Any]:
    """A list that holds itself."""
    value: list[Any] = []
    value.append(value)
    return value


ODD: dict[str, Callable[[], Any]] = {
    "a million deep": lambda: deep(1_000_000),
    "holds itself": own_tail,
    "a lone surrogate": lambda: {"text": "\ud800"},
    "no number": lambda: [float("nan")],
    "a class": lambda: object,
    "a lock": threading.Lock,
    "a generator": lambda: (n for n in range(3)),
}


@app.task
async def give(ctx: TaskContext, what: str) -> Any:
    """Have an effect outside, and return something odd."""
    note("effect", ctx)
    return ODD[what]()


@app.task(retry=Retry(tries=1))
async def gorge(ctx: TaskContext, megabytes: int) -> int:
    """Take memory in one piece."""
    note("start", ctx)
    return len(bytearray(megabytes * 1_000_000))


async def serve() -> None:
    """Be a worker until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with Worker(app, concurrency=4):
        await stop.wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(serve())
