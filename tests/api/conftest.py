"""Fixtures for the API: one process for all tests, on a server that is emptied for each."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import redis

from api.running import Api, RunningApi
from api.shop import app as shop
from lineshaft import App, Settings
from lineshaft.api import create_api
from lineshaft.api.listening import listen
from lineshaft.api.server import Server, configuration
from lineshaft.worker import Worker
from scripts.keyspace import snapshot
from servers import RunningServer


@pytest.fixture(scope="session")
def shared_api(server: RunningServer) -> Iterator[RunningApi]:
    """The API that all tests share."""
    api = RunningApi(server.url)
    yield api
    api.stop()


@pytest.fixture
def api(shared_api: RunningApi, redis_url: str) -> RunningApi:
    """The API on the shared server, emptied."""
    return shared_api


@pytest.fixture
def start_api() -> Iterator[Callable[..., RunningApi]]:
    """Start APIs for one test alone; they are stopped when it ends."""
    started: list[RunningApi] = []

    def start(redis_url: str, **orders: Any) -> RunningApi:
        started.append(RunningApi(redis_url, **orders))
        return started[-1]

    yield start
    for api in started:
        api.stop()


class LocalApi(Api):
    """The API in a thread of this process, so that a test can change its limits."""

    def __init__(self, app: App, redis_url: str) -> None:
        app.configure(redis_url=redis_url, resend_s=2.0, call_timeout_s=2.0)
        sockets = listen("127.0.0.1", 0)
        self.port = sockets[0].getsockname()[1]
        listening = threading.Event()
        self.front = create_api(app)
        self.server = Server(configuration(self.front), listening.set, self.front.drain)
        self._thread = threading.Thread(target=lambda: asyncio.run(self.server.serve(sockets)))
        self._thread.start()
        assert listening.wait(10)

    def stop(self) -> None:
        """Stop it."""
        self.server.should_exit = True
        self._thread.join()


@pytest.fixture
def local_api(redis_url: str) -> Iterator[LocalApi]:
    """The API in a thread of this process, on the shared server, emptied."""
    api = LocalApi(App("local", settings=Settings()), redis_url)
    yield api
    api.stop()


@pytest.fixture
def work(redis_url: str) -> Callable[..., None]:
    """Run a worker on the shared server until these tasks have ended: `work(task_id, ...)`."""

    async def run(task_ids: tuple[str, ...]) -> None:
        shop.configure(redis_url=redis_url)
        async with Worker(shop):
            for task_id in task_ids:
                async with asyncio.timeout(20):
                    await shop.client.wait(task_id, None)
        await shop.close()

    return lambda *task_ids: asyncio.run(run(task_ids))


@pytest.fixture
def unchanged(raw: redis.Redis) -> Callable[[], AbstractContextManager[None]]:
    """`with unchanged(): ...` fails where anything was written to the server."""

    @contextmanager
    def watch() -> Iterator[None]:
        before = snapshot(raw)
        yield
        assert snapshot(raw) == before

    return watch
