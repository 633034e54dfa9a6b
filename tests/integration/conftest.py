"""Apps, workers and proxies for the integration tests; a test that is a coroutine function runs on a loop of its own."""

import asyncio
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from lineshaft import App, Settings
from servers import RunningServer

from .journal import Journal
from .processes import SHORT, WorkerProcess, end_leftovers
from .proxy import Proxy

MADE = pytest.StashKey[list[App]]()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine function on a loop of its own, and close there the apps that `make_app` made."""
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(test).parameters}

    async def run() -> None:
        try:
            await test(**arguments)
        finally:
            for app in pyfuncitem.stash.get(MADE, []):
                await app.close()

    asyncio.run(run())
    return True


@pytest.fixture
def make_app(request: pytest.FixtureRequest, redis_url: str) -> Callable[..., App]:
    """Make apps of the shared server, emptied, with short times: `make_app(max_crashes=2, lifespan=...)`."""
    made = request.node.stash.setdefault(MADE, [])

    def make(name: str = "test", *, url: str = redis_url, lifespan: Any = None, **settings: Any) -> App:
        app = App(name, lifespan=lifespan, settings=Settings(redis_url=url, **{**SHORT, **settings}))
        made.append(app)
        return app

    return make


@pytest.fixture(scope="session")
def lineshaft_server(server: RunningServer) -> str:
    """The server of the plugin's fixtures is the one that all tests share, of whatever kind it is."""
    return server.url


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """What the tasks of worker processes write down."""
    return Journal(tmp_path / "journal")


@pytest.fixture
def start_worker(
    redis_url: str, journal: Journal, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., WorkerProcess]]:
    """Start worker commands with short times: `start_worker(concurrency=2, lease_s=3)`. They end with the test."""
    started: list[WorkerProcess] = []

    def start(*, url: str = redis_url, folder: Path | None = None, **options: Any) -> WorkerProcess:
        started.append(WorkerProcess(url, journal, folder or tmp_path_factory.mktemp("worker"), **options))
        return started[-1]

    yield start
    for worker in started:
        worker.end()


@pytest.fixture
def proxy(server: RunningServer, redis_url: str) -> Iterator[Proxy]:
    """Stands between clients and the shared server, emptied."""
    running = Proxy(server.port)
    yield running
    running.stop()


@pytest.fixture
def tasks_of(raw: redis.Redis) -> Callable[[], dict[str, str]]:
    """Give the status word of every task on the shared server."""

    def look() -> dict[str, str]:
        keys = [key for key in raw.scan_iter("task:*:status", count=1000)]
        return dict(zip((key.split(":")[1] for key in keys), raw.mget(keys) if keys else [], strict=True))

    return look


@pytest.fixture(scope="session", autouse=True)
def _nothing_left_running() -> Iterator[None]:
    """No process of any test outlives the tests."""
    yield
    assert end_leftovers() == []
