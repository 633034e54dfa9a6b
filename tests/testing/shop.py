"""An app whose tasks show what a drain and eager mode do with them."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

from lineshaft import App, Retry, TaskContext

sent: list[Any] = []
lost: list[str] = []


@asynccontextmanager
async def lifespan(app: App) -> AsyncIterator[str]:
    sent.append("opened")
    yield "a pool"
    sent.append("closed")


app = App("shop", lifespan=lifespan)


@app.task(queue="mail", retry=Retry(tries=3, base=10, backoff="constant", jitter=0))
async def send(to: str, subject: str = "Hello") -> str:
    if "@" not in to:
        raise ValueError(f"{to} is no address")
    sent.append(to)
    return f"sent to {to}"


@app.task
def report(day: date, copies: int = 1) -> date:
    sent.append(threading.current_thread().name)
    return day


@app.task
async def both(to: str) -> str:
    child = await send.enqueue(to)
    return await child.result(timeout=30)


@app.task
async def state(ctx: TaskContext) -> list[Any]:
    return [ctx.state, ctx.tries, ctx.queue]


@app.task
def unsendable() -> Any:
    return object()


@app.task
async def for_ever() -> None:
    await for_ever.enqueue()


@app.task
async def wait_to_be_cancelled(ctx: TaskContext) -> None:
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        lost.append(ctx.id)
        raise


@app.task
async def cancel(task_id: str) -> None:
    task = app.get_task(task_id)
    while await task.status() != "in-progress":
        await asyncio.sleep(0.01)
    await task.cancel()
