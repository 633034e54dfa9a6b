"""Every key that work leaves behind, and every key it has meanwhile, is in the table of `protocol/keys.py`, of that type."""

import asyncio
import re
from collections.abc import Callable

import pytest
import redis

from key_schema import schema
from lineshaft import App, Retry, TaskContext
from lineshaft.broker.broker import Broker
from lineshaft.broker.connection import Connection
from lineshaft.protocol import keys
from lineshaft.worker import Worker

from .waiting import soon

DAY_S = 86_400


class Scan:
    """Looks at all keys of a server, again and again; remembers which rows of the table it has seen."""

    def __init__(self, raw: redis.Redis, prefix: str) -> None:
        self.raw = raw
        self.prefix = prefix
        self.seen: set[str] = set()
        self.strangers: set[str] = set()

    def look(self) -> None:
        for key in self.raw.scan_iter(count=1000):
            kind, left_s = self.raw.type(key), self.raw.ttl(key)
            if kind == "none":
                continue  # gone since
            own = key.removeprefix(self.prefix)
            if not key.startswith(self.prefix):
                self.strangers.add(f"{key} is outside the namespace")
            fits = [title for title, row in schema().items() if row.pattern.fullmatch(own) and row.kind == kind]
            if not fits:
                self.strangers.add(f"{key} ({kind})")
            self.seen.update(fits)
            if left_s > DAY_S:
                self.strangers.add(f"{key} lives for {left_s} s")
            if left_s == -1 and re.match(r"lineshaft:stats:|task:.*:digest$", own):
                self.strangers.add(f"{key} lives for ever")

    async def go_on(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(0.02)


def test_the_table_can_be_read():
    assert len(schema()) == len(re.findall(r"^\| `", keys.__doc__, re.MULTILINE)) >= 24


@pytest.mark.parametrize("namespace", ["", "shop"])
async def test_every_key_is_one_of_the_table(make_app: Callable[..., App], raw: redis.Redis, namespace: str):
    app = make_app(namespace=namespace, max_crashes=2)
    prefix = f"{namespace}:" if namespace else ""
    scan = Scan(raw, prefix)
    release = asyncio.Event()

    @app.task
    async def touch(n: int = 0) -> int:
        return n

    @app.task(retry=Retry(tries=3, base=0.3))
    async def flaky(ctx: TaskContext) -> int:
        if ctx.tries < 3:
            raise ValueError("again")
        return ctx.tries

    @app.task(retry=Retry(tries=1))
    async def broken() -> None:
        raise ValueError("for good")

    @app.task
    async def wait() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    dead = Connection(app.server_url, name="dead", timeout_s=5)
    of_dead = Broker(dead, app.keys, app.settings)
    crashing = await app.enqueue_many([wait.call() for _ in range(5)])
    await of_dead.open("dead", 0.5, {"pid": 1, "lease_ms": 500})
    assert len((await of_dead.claim("dead", 5, ["default"])).claims) == 5
    tasks = await app.enqueue_many([
        *(touch.call(n) for n in range(50)),
        *(touch.options(queue="images").call(n) for n in range(10)),
        touch.options(task_id="given").call(1),
        touch.options(delay=0.3, queue="low").call(1),
        *(flaky.call() for _ in range(3)),
        broken.call(),
    ])  # fmt: skip
    stubborn = await wait.enqueue()
    cancelled = await touch.options(delay=60).enqueue()
    await cancelled.cancel()
    raw.sadd(f"{prefix}lineshaft:paused", "nobody-uses-this")
    raw.lpush(f"{prefix}task_queue", "stray-id", "not an id")
    raw.set(f"{prefix}task:foreign:status", "pending")
    raw.lpush(f"{prefix}task_queue", "foreign")
    scan.look()
    looking = asyncio.create_task(scan.go_on())
    async with Worker(app, concurrency=10) as worker:
        waiting = [asyncio.create_task(task.result(timeout=20)) for task in (*tasks, *crashing, stubborn)]
        await soon(lambda: raw.get(f"{prefix}task:{stubborn.id}:status") == "in-progress")
        await stubborn.cancel()
        await soon(lambda: raw.scard(f"{prefix}lineshaft:cancelling") == 1)
        await soon(lambda: {"lineshaft:suspects", "lineshaft:crashes"} <= scan.seen, what=lambda: scan.seen)
        session = worker.lease.session
        while (await of_dead.reap(session)).more:
            pass
        await soon(lambda: worker.lease.session != session)
        release.set()
        await asyncio.wait(waiting)
        await soon(lambda: worker.running == 0)
    looking.cancel()
    await asyncio.gather(looking, *waiting, return_exceptions=True)
    await dead.close()
    scan.look()
    assert scan.strangers == set()
    assert set(schema()) - scan.seen == set(), "rows of the table that no key was seen of"
    (mine,) = raw.keys(f"{prefix}lineshaft:session:{worker.lease.session}")
    assert 0 < raw.ttl(mine) <= DAY_S
