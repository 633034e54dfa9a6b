"""The app of the tests' worker processes. Its tasks write into a journal what they do, when and in which process.

A line that `write` has returned from outlives the process, whatever ends that: no flush to disk is needed for it.
"""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import time

from lineshaft import App, Retry, TaskContext

BEAT_S = 0.02

app = App("shop")

_journal = os.open(os.environ["SHOP_JOURNAL"], os.O_WRONLY | os.O_APPEND) if "SHOP_JOURNAL" in os.environ else -1


def note(event: str, ctx: TaskContext, text: str = "") -> None:
    """Append one line to the journal, in one write."""
    line = f"{event} {ctx.id} {ctx.fence} {os.getpid()} {time.monotonic():.6f} {text}".rstrip() + "\n"
    os.write(_journal, line.encode())


@app.task
async def touch(ctx: TaskContext, value: int = 0) -> int:
    """Be done at once."""
    note("start", ctx)
    note("end", ctx)
    return value


def span_s(ctx: TaskContext, seconds: float, again: float | None) -> float:
    """How long a run lasts: the first one, and another one after a crash."""
    return seconds if again is None or ctx.crashes == 0 else again


@app.task
async def nap(ctx: TaskContext, seconds: float, again: float | None = None) -> float:
    """Sleep on the loop, with a sign of life now and then; says so when it is cancelled."""
    note("start", ctx)
    until_s = time.monotonic() + span_s(ctx, seconds, again)
    try:
        while time.monotonic() < until_s:
            await asyncio.sleep(BEAT_S)
            note("beat", ctx)
    except asyncio.CancelledError:
        note("stopped", ctx, f"lost={ctx.lost}")
        raise
    note("end", ctx)
    return seconds


@app.task
async def rest(ctx: TaskContext, seconds: float, again: float | None = None) -> float:
    """Sleep on the loop, silently: for many at a time."""
    note("start", ctx)
    await asyncio.sleep(span_s(ctx, seconds, again))
    note("end", ctx)
    return seconds


def beat(ctx: TaskContext, seconds: float, again: float | None) -> float:
    """Sleep, let nothing else run in this thread, and note a beat now and then."""
    note("start", ctx)
    until_s = time.monotonic() + span_s(ctx, seconds, again)
    while time.monotonic() < until_s:
        time.sleep(BEAT_S)
        note("beat", ctx)
    note("end", ctx)
    return seconds


@app.task
def doze(ctx: TaskContext, seconds: float, again: float | None = None) -> float:
    """Sleep in a thread, whatever it is asked."""
    return beat(ctx, seconds, again)


@app.task
async def block(ctx: TaskContext, seconds: float, again: float | None = None) -> float:
    """Sleep and let nothing else run on the loop."""
    return beat(ctx, seconds, again)


@app.task
def hold(ctx: TaskContext, seconds: float) -> float:
    """Sleep while holding the GIL: no other thread of the process runs."""
    note("start", ctx)
    ctypes.PyDLL(None).usleep(int(seconds * 1_000_000))
    note("end", ctx)
    return seconds


@app.task
async def stubborn(ctx: TaskContext, seconds: float, again: float | None = None) -> float:
    """Sleep on the loop, and go on when cancelled."""
    note("start", ctx)
    until_s = time.monotonic() + span_s(ctx, seconds, again)
    while time.monotonic() < until_s:
        try:
            await asyncio.sleep(BEAT_S)
        except asyncio.CancelledError:
            note("stopped", ctx)
        note("beat", ctx)
    note("end", ctx)
    return seconds


@app.task(retry=Retry(tries=4, base=0.05, jitter=0))
async def flaky(ctx: TaskContext, failures: int) -> int:
    """Fail the first few times."""
    note("start", ctx)
    if ctx.tries <= failures:
        note("end", ctx, "raised")
        raise RuntimeError(f"try {ctx.tries} fails")
    note("end", ctx)
    return ctx.tries


@app.task
async def die(ctx: TaskContext, how: str, times: int = 1_000) -> int:
    """End the process in one way or another, unless that has happened often enough."""
    note("start", ctx)
    if ctx.crashes < times:
        if how == "segfault":
            ctypes.string_at(0)
        elif how == "exit 0":
            os._exit(0)
        elif how == "stop the loop":
            asyncio.get_running_loop().stop()
            await asyncio.sleep(60)
        else:
            os.kill(os.getpid(), signal.SIGKILL)
    note("end", ctx)
    return ctx.crashes


@app.task
async def breed(ctx: TaskContext, seconds: float) -> float:
    """Start a process, say which, and wait."""
    note("start", ctx)
    child = subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({seconds})"])
    note("bred", ctx, str(child.pid))
    await asyncio.sleep(seconds)
    note("end", ctx)
    return seconds
