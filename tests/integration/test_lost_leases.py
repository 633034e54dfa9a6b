"""A worker whose session has gone tells its runs so by itself, whatever a comparison or a new claim would say later."""

import asyncio
from collections.abc import Callable
from typing import Any

import redis

from lineshaft import App, TaskContext
from lineshaft.broker.broker import Broker
from lineshaft.broker.connection import Connection
from lineshaft.worker import Worker

from .waiting import soon

NEVER_S = 3600.0


async def test_the_runs_of_a_session_that_has_gone_are_told_before_any_comparison(
    make_app: Callable[..., App], raw: redis.Redis
):
    app = make_app(reconcile_s=NEVER_S)
    contexts: list[TaskContext] = []

    @app.task
    async def work(ctx: TaskContext) -> None:
        contexts.append(ctx)
        await asyncio.sleep(60)

    connection = Connection(app.server_url, name="reaper", timeout_s=5)
    async with Worker(app) as worker:
        task = await work.enqueue()
        await soon(lambda: contexts)
        raw.sadd("lineshaft:paused", "default")  # so that no second claim tells the run either
        session = worker.lease.session
        await Broker(connection, app.keys, app.settings).reap(session)
        await soon(lambda: contexts[0].lost, within_s=10)
        await soon(lambda: worker.running == 0)
        assert worker.lease.session != session
    await connection.close()
    assert await task.status() == "pending"
    assert raw.lrange("task_queue", 0, -1) == [task.id]


async def test_a_refusal_of_an_older_session_does_not_cost_the_next_one(make_app: Callable[..., App]):
    """The reply to a claim under the old session arrives after a new one was opened."""
    worker = Worker(make_app())
    worker.lease.session = "old"

    async def claim(*_: Any, **__: Any) -> str:
        worker.lease.session = "new"
        return "lost"

    worker._fetcher._broker.claim = claim
    assert await worker._fetcher.run_once() == "refused"
    assert not worker.lease.lost
