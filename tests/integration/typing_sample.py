"""What type checkers must accept, and on the lines marked `# refused` must not. Read by them, never run."""

import asyncio
from datetime import timedelta
from typing import assert_type

from lineshaft import App, Call, Retry, Task, TaskContext
from lineshaft.worker import Worker

app = App("shop")


@app.task(queue="images", retry=Retry(tries=5), timeout=30)
async def resize(path: str, width: int) -> str:
    return f"{path}{width}"


@app.task
def report(day: str, full: bool = False) -> int:
    return len(day) + full


@app.task
async def imported(ctx: TaskContext, rows: list[str]) -> int:
    return len(rows) + ctx.tries


@app.task(name="sums", timeout=timedelta(minutes=1))
def total(ctx: TaskContext, *amounts: int) -> float:
    return float(sum(amounts))


async def right() -> None:
    task = await resize.enqueue("a.png", width=640)
    assert_type(task, Task[str])
    assert_type(await task.result(timeout=10), str)
    assert_type(await task.result(timedelta(seconds=1)), str)
    assert_type(task.id, str)
    assert_type(await task.status(), str)
    assert_type(await resize("a.png", 640), str)
    assert_type(report("today"), int)
    assert_type(report.enqueue_sync("today", full=True), Task[int])
    assert_type(report.enqueue_sync("today").result_sync(1), int)
    assert_type(await imported.enqueue(["a"]), Task[int])
    assert_type(await (await imported.enqueue(rows=["a"])).result(), int)
    assert_type(await total.enqueue(1, 2, 3), Task[float])
    assert_type(await total.enqueue(), Task[float])
    assert_type(await resize.options(delay=30, queue="low").enqueue("a.png", 640), Task[str])
    assert_type(await resize.options(task_id="a", delay=timedelta(hours=1)).enqueue("a.png", 640), Task[str])
    assert_type(imported.options(queue="low").enqueue_sync(["a"]), Task[int])
    assert_type(resize.call("a.png", 640), Call[str])
    assert_type(await app.enqueue_many([resize.call("a.png", 640), resize.call("b.png", 1)]), list[Task[str]])
    mixed = await app.enqueue_many([resize.call("a.png", width=640), report.call("2026-11-24")])
    print(mixed[0].id, mixed[1].id)
    async with Worker(app, concurrency=100, queues=["images"]):
        pass


async def wrong() -> None:
    await resize.enqueue("a.png", "640")  # refused
    await resize.enqueue("a.png")  # refused
    await resize.enqueue("a.png", 640, 1)  # refused
    await resize.enqueue("a.png", height=640)  # refused
    resize.enqueue_sync(640, "a.png")  # refused
    resize.call("a.png", None)  # refused
    await resize.options(delay=1).enqueue("a.png", b"640")  # refused
    resize.options(delay="soon")  # refused
    resize.options(colour="red")  # refused
    resize.options(queue=1)  # refused
    report.enqueue_sync()  # refused
    report.enqueue_sync("today", 1)  # refused
    await imported.enqueue([1])  # refused
    await imported.enqueue(TaskContext, ["a"])  # refused
    await total.enqueue("1")  # refused
    text: str = await (await imported.enqueue(["a"])).result()  # refused
    number: int = (await resize.enqueue("a.png", 640)).result_sync(1)  # refused
    task: Task[int] = await resize.enqueue("a.png", 640)  # refused
    await imported(["a"])  # refused
    report(1)  # refused
    print(text, number, task)


asyncio.run(right())
