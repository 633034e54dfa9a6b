"""One timer serves the time limits of all runs: each run is stopped at its own."""

import asyncio
from collections.abc import Callable

import pytest

from lineshaft import App, Retry, TaskFailed
from lineshaft.worker import Worker

from .waiting import soon

SOON_S, LATER_S, NEVER_S = 0.2, 1.0, 3600.0


def with_limits(app: App, started: list[float]) -> dict[float, Callable]:
    """A task for each limit, all of which last until they are stopped."""

    def make(limit_s: float) -> Callable:
        @app.task(name=f"limit-{limit_s}", timeout=limit_s, retry=Retry(tries=1))
        async def work() -> None:
            started.append(limit_s)
            await asyncio.sleep(NEVER_S)

        return work

    return {limit_s: make(limit_s) for limit_s in (SOON_S, LATER_S, NEVER_S)}


@pytest.mark.parametrize("order", [[SOON_S, LATER_S, NEVER_S], [NEVER_S, LATER_S, SOON_S], [LATER_S, LATER_S, SOON_S]])
async def test_each_run_is_stopped_at_its_own_limit_whichever_began_first(make_app: Callable[..., App], order: list[float]):
    app = make_app(grace_s=0.1)
    started: list[float] = []
    works, tasks = with_limits(app, started), []
    async with Worker(app, concurrency=10):
        for limit_s in order:
            tasks.append(await works[limit_s].enqueue())
            await soon(lambda: len(started) == len(tasks))
        for task, limit_s in zip(tasks, order, strict=True):
            if limit_s < NEVER_S:
                with pytest.raises(TaskFailed, match=f"limit of {limit_s:g} s"):
                    await task.result(timeout=10)
            else:
                assert await task.status() == "in-progress"
