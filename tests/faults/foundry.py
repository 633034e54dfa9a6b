"""The app of fault runs. Each run of a task writes down its start, its side effect and its end before anything else may happen.

A line is on its way to the disk when the write returns: what kills the process then cannot take it back.
"""

import asyncio
import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

from lineshaft import App, Retry, TaskContext

app = App("foundry", default_task="foreign")

_journal = (
    os.open(os.environ["FOUNDRY_JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT) if "FOUNDRY_JOURNAL" in os.environ else -1
)

_never = threading.Event()

Receipt = dict[str, Any]


class FlakyError(Exception):
    """What `flaky` raises before it succeeds."""


class HopelessError(Exception):
    """What `hopeless` always raises."""


def note(event: str, ctx: TaskContext, key: str, **more: Any) -> None:
    """Append one line to the worker's journal, in one write, and have it flushed."""
    line = {
        "event": event, "id": ctx.id, "key": key, "kind": ctx.task, "fence": ctx.fence, "session": ctx.session,
        "pid": os.getpid(), "at": time.monotonic(), **more,
    }  # fmt: skip
    os.write(_journal, (json.dumps(line) + "\n").encode())
    os.fdatasync(_journal)


@contextlib.contextmanager
def journaled(ctx: TaskContext, key: str) -> Iterator[Receipt]:
    """Write down the start, and how it ended; gives what the task returns: who ran it."""
    note("start", ctx, key)
    try:
        yield {"fence": ctx.fence, "key": key, "pid": os.getpid()}
    except BaseException as error:
        note("end", ctx, key, how=type(error).__name__)
        raise
    note("end", ctx, key, how="returned")


@app.task
async def quick(ctx: TaskContext, key: str, seconds: float) -> Receipt:
    """Most tasks: over in no time, on the loop."""
    with journaled(ctx, key) as receipt:
        await asyncio.sleep(seconds)
        note("effect", ctx, key)
    return receipt


@app.task
async def slow(ctx: TaskContext, key: str, seconds: float) -> Receipt:
    """Long enough for a fault to hit it, on the loop."""
    with journaled(ctx, key) as receipt:
        await asyncio.sleep(seconds / 2)
        note("effect", ctx, key)
        await asyncio.sleep(seconds / 2)
    return receipt


@app.task
def threaded(ctx: TaskContext, key: str, seconds: float) -> Receipt:
    """A plain function, which runs in a thread and does not stop when it is asked to."""
    with journaled(ctx, key) as receipt:
        _never.wait(seconds / 2)  # time.sleep does not work under a clock that jumps
        note("effect", ctx, key)
        _never.wait(seconds / 2)
    return receipt


@app.task(retry=Retry(tries=4, base=0.05, jitter=0))
async def flaky(ctx: TaskContext, key: str, failures: int) -> Receipt:
    """Fail the first few times."""
    with journaled(ctx, key) as receipt:
        if ctx.tries <= failures:
            raise FlakyError(f"fence {ctx.fence}")
        note("effect", ctx, key)
    return receipt


@app.task(retry=Retry(tries=2, base=0.05, jitter=0))
async def hopeless(ctx: TaskContext, key: str) -> Receipt:
    """Fail every time."""
    with journaled(ctx, key):
        raise HopelessError(f"fence {ctx.fence}")


@app.task
async def foreign(ctx: TaskContext) -> Receipt:
    """What runs under an id that a foreign program pushed."""
    with journaled(ctx, ctx.id) as receipt:
        note("effect", ctx, ctx.id)
    return receipt


@app.task
async def probe(ctx: TaskContext, key: str, seconds: float) -> Receipt:
    """Work that is offered at the end, to see whether every worker takes some."""
    with journaled(ctx, key) as receipt:
        await asyncio.sleep(seconds)
    return receipt
