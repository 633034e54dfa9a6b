"""The app that the API is tested with."""

import asyncio
from dataclasses import dataclass

from lineshaft import App, Retry, TaskContext

app = App("shop", default_task="ping")


@dataclass
class Parcel:
    street: str
    weight: float = 1.0


@app.task
async def ping() -> str:
    return "pong"


@app.task
async def resize(ctx: TaskContext, path: str, width: int = 640) -> str:
    return f"{path} at {width} by {ctx.id}"


@app.task(queue="post")
def send(parcel: Parcel, *, express: bool = False) -> str:
    return f"{parcel.street} {express}"


@app.task
async def anything(*args: object, **kwargs: object) -> list[object]:
    return [list(args), kwargs]


@app.task
async def sleep(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds


@app.task(retry=Retry(tries=1))
async def broken(secret: str) -> None:
    raise ValueError("it broke")
