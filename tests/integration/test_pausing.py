"""Pausing holds for the whole fleet, and what waited starts at once when the queue is resumed."""

import asyncio
import contextlib
from collections.abc import Callable

import redis

from lineshaft import App
from lineshaft.worker import Worker

from .waiting import soon

FLEET, ROUNDS, TASKS = 3, 10, 50


async def test_no_worker_of_a_fleet_claims_after_a_pause_was_acknowledged_and_all_runs_after_the_resume(
    make_app: Callable[..., App], raw: redis.Redis
):
    app = make_app()

    @app.task(queue="mail")
    async def work(n: int) -> int:
        return n

    async with contextlib.AsyncExitStack() as fleet:
        for _ in range(FLEET):
            await fleet.enter_async_context(Worker(app, concurrency=5))
        for _ in range(ROUNDS):
            before = await app.enqueue_many([work.call(n) for n in range(TASKS)])
            await app.client.pause("mail")
            last_claim = raw.get("lineshaft:clock")
            after = await app.enqueue_many([work.call(n) for n in range(TASKS)])
            await soon(lambda: not raw.keys("lineshaft:owned:*"))
            assert {await task.status() for task in after} == {"pending"}
            assert raw.get("lineshaft:clock") == last_claim
            await app.client.resume("mail")
            results = await asyncio.gather(*(task.result(timeout=20) for task in [*before, *after]))
            assert results == [*range(TASKS)] * 2
