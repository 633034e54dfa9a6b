"""What a worker asks of Redis while there is nothing that it could claim."""

import asyncio
from collections.abc import Callable

from lineshaft import App, Settings
from lineshaft.worker import Worker
from servers import RunningServer

from .monitoring import commands
from .processes import WorkerProcess
from .waiting import soon

OBSERVED_S = 5.0
DEFAULTS = Settings()
TIMES = {name: getattr(DEFAULTS, name) for name in ("lease_s", "renew_s", "look_s", "look_gap_s", "reconcile_s", "poll_s")}


async def observed(url: str) -> list[str]:
    """What a server is sent by its clients, not by scripts, in a while."""
    with commands(url) as seen:
        await asyncio.sleep(OBSERVED_S)  # the time over which is counted
        return [line for line in seen if not line.startswith("lua")]


async def test_a_worker_that_can_claim_nothing_sends_at_most_two_commands_a_second(
    make_app: Callable[..., App],
    start_server: Callable[..., RunningServer],
    start_worker: Callable[..., WorkerProcess],
):
    apps = {kind: make_app(kind, url=start_server().url, **TIMES) for kind in ("command", "in a loop", "all slots taken")}
    release = asyncio.Event()

    @apps["all slots taken"].task
    async def wait() -> None:
        await release.wait()

    start_worker(url=apps["command"].server_url(), **TIMES).wait_ready()
    async with Worker(apps["in a loop"]), Worker(apps["all slots taken"], concurrency=3) as full:
        await apps["all slots taken"].enqueue_many([wait.call() for _ in range(10)])
        await soon(lambda: full.running == 3)
        for kind in ("command", "in a loop"):
            assert await (await apps[kind].submit(apps[kind].call(None))).result(timeout=10) == "pong"
        for app in apps.values():
            await app.close()  # only what the workers send is counted
        await asyncio.sleep(1.0)  # what was on its way is not
        seen = await asyncio.gather(*(observed(app.server_url()) for app in apps.values()))
        release.set()
    for kind, sent in zip(apps, seen, strict=True):
        assert 2 <= len(sent) <= 2 * OBSERVED_S, f"{kind}: " + "\n".join(sent)
