"""Free slots are filled as they become free: one long task holds up no others."""

import asyncio
from collections.abc import Callable

from lineshaft import App
from lineshaft.worker import Worker


async def test_a_slot_is_filled_while_another_is_still_taken(make_app: Callable[..., App]):
    app = make_app(poll_s=3600, reconcile_s=3600)  # so that nothing else makes it look
    release = asyncio.Event()

    @app.task
    async def work(n: int) -> int:
        if n == 0:
            await release.wait()
        return n

    async with Worker(app, concurrency=2):
        tasks = await app.enqueue_many([work.call(n) for n in range(10)])
        assert [await task.result(timeout=10) for task in tasks[1:]] == list(range(1, 10))
        release.set()
        assert await tasks[0].result(timeout=10) == 0
