"""What a worker asks of Redis while there is nothing to do."""

import asyncio
from collections.abc import Callable

import pytest

from lineshaft import App, Settings
from lineshaft.worker import Worker

from .monitoring import commands
from .processes import WorkerProcess
from .waiting import soon

OBSERVED_S = 5.0
DEFAULTS = {name: Settings.__struct_defaults__[n] for n, name in enumerate(Settings.__struct_fields__)}
TIMES = {name: DEFAULTS[name] for name in ("lease_s", "renew_s", "look_s", "look_gap_s", "reconcile_s", "poll_s")}


@pytest.mark.parametrize("where", ["process", "loop"])
async def test_an_idle_worker_sends_at_most_two_commands_a_second(
    make_app: Callable[..., App], start_worker: Callable[..., WorkerProcess], redis_url: str, where: str
):
    app = make_app(**TIMES)
    worker = Worker(app)
    if where == "process":
        started = start_worker(**TIMES)
        started.wait_ready()
    else:
        await worker.start()
    # The rest of starting up: what happens once, or at first, is not what is counted.
    assert await (await app.submit(app.call(None))).result(timeout=10) == "pong"
    await app.close()
    with commands(redis_url) as seen:
        await soon(lambda: any("claim" not in line for line in seen) or seen)
        await asyncio.sleep(OBSERVED_S)  # the time over which is counted
        sent = [line for line in seen if not line.startswith("lua")]
    await worker.stop()
    assert 2 <= len(sent) <= 2 * OBSERVED_S, "\n".join(sent)


async def test_a_worker_with_all_slots_taken_sends_as_little(make_app: Callable[..., App], redis_url: str):
    app = make_app(**TIMES)
    release = asyncio.Event()

    @app.task
    async def wait() -> None:
        await release.wait()

    async with Worker(app, concurrency=3) as worker:
        tasks = await app.enqueue_many([wait.call() for _ in range(10)])
        await soon(lambda: worker.running == 3)
        await asyncio.sleep(1)  # what was on its way when the last slot was taken
        with commands(redis_url) as seen:
            await asyncio.sleep(OBSERVED_S)  # the time over which is counted
            sent = [line for line in seen if not line.startswith("lua")]
        release.set()
        await asyncio.gather(*(task.result(timeout=10) for task in tasks))
    assert len(sent) <= 2 * OBSERVED_S, "\n".join(sent)
