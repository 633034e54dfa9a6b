"""The shop, with a task that waits for its second try and says what the wall clock shows: for fault tests of clocks."""

import time

from integration.shop import app, note
from lineshaft import Retry, TaskContext

__all__ = ["app"]

PAUSE_S = 2


@app.task(retry=Retry(tries=2, base=PAUSE_S, jitter=0))
async def second(ctx: TaskContext) -> int:
    """Fail the first time."""
    note("start", ctx, f"{time.time():.0f}")
    if ctx.tries == 1:
        raise RuntimeError("the first try fails")
    return ctx.tries
