"""What event streams are told: read once for all of them, and not at all while nobody listens."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import redis

from integration.waiting import soon
from lineshaft import App, Settings
from lineshaft.api import bulletin
from lineshaft.api.bulletin import SERVER, Bulletin, Listener, event
from lineshaft.api.complaints import Complaints
from lineshaft.inspection.counters import Statistics


class Watched:
    """A bulletin, and how often it read the counts."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.bulletin = Bulletin(app, Complaints())
        self.reads = 0
        read = app.client.counters.statistics

        async def statistics() -> Statistics:
            self.reads += 1
            return await read()

        app.client.counters.statistics = statistics

    @property
    def tasks(self) -> int:
        """How many tasks of the loop are not this test's."""
        return len(asyncio.all_tasks()) - 1


def run(redis_url: str, test: Callable[[Watched], Awaitable[None]]) -> None:
    """Run a test on a loop of its own."""

    async def main() -> None:
        app = App("told", settings=Settings(redis_url=redis_url))
        try:
            await test(Watched(app))
        finally:
            await app.close()

    asyncio.run(main())


@asynccontextmanager
async def told(watched: Watched, *task_ids: str) -> AsyncIterator[Listener]:
    """A listener that has been told the counts."""
    with watched.bulletin.listening(task_ids) as listener:
        assert b"event: counts" in await listener.news(10)
        yield listener


def test_one_read_a_second_is_for_all_and_none_is_for_nobody(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulletin, "EVERY_S", 1_000.0)

    async def test(watched: Watched) -> None:
        before = watched.tasks
        for round_ in (1, 2):
            async with told(watched), told(watched), told(watched, "some"):
                assert watched.reads == round_
            await soon(lambda: watched.tasks == before)

    run(redis_url, test)


def test_the_end_of_a_task_is_waited_for_as_long_as_anybody_asks_for_it(redis_url: str, raw: redis.Redis) -> None:
    raw.set("task:some:status", "pending")
    raw.lpush("task_queue", "some")

    def waiting(watched: Watched) -> bool:
        return "some" in watched.app.client._watcher._waiting

    async def test(watched: Watched) -> None:
        async with told(watched, "some"):
            async with told(watched, "some", "none"):
                await soon(lambda: waiting(watched))
            assert waiting(watched)
        await soon(lambda: not waiting(watched))
        async with told(watched, "some") as listener:
            await soon(lambda: waiting(watched))
            await watched.app.client.cancel("some")
            news = b""
            while b'"cancelled"' not in news:
                news += await listener.news(10)
        assert not watched.bulletin._by_task

    run(redis_url, test)


def test_an_error_that_nobody_foresaw_is_told_and_the_reading_goes_on(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(bulletin, "EVERY_S", 0.01)

    async def test(watched: Watched) -> None:
        read = watched.app.client.counters.statistics
        calls = iter([RuntimeError("secret"), None])

        async def statistics() -> Statistics:
            if error := next(calls, None):
                raise error
            return await read()

        watched.app.client.counters.statistics = statistics
        with watched.bulletin.listening([]) as listener:
            news = await listener.news(10)
            assert b"event: problem" in news
            assert b"internal" in news
            assert b"secret" not in news
            assert b"event: counts" in await listener.news(10)

    run(redis_url, test)
    assert "secret" in caplog.text


def test_of_each_topic_only_the_newest_is_kept() -> None:
    async def test() -> None:
        listener = Listener(["some"])
        for n in range(10_000):
            listener.tell(SERVER, event("counts", {"n": n}))
            listener.tell_word("some", f"word-{n}", event("task", {"n": n}))
        assert await listener.news(10) == event("counts", {"n": 9_999}) + event("task", {"n": 9_999})
        assert await listener.news(0.01) == b""
        listener.tell_word("some", "word-9999", event("task", {"n": 1}))
        assert await listener.news(0.01) == b""

    asyncio.run(test())
