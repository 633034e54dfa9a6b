"""Fixtures for everything that needs a real server."""

import asyncio
import functools
import inspect
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from key_schema import strangers
from lineshaft.broker.broker import Broker
from lineshaft.broker.connection import Connection
from lineshaft.protocol.keys import Keys
from lineshaft.settings import Settings
from servers import RunningServer

pytest_plugins = ["faults.recorder", "pytest_lineshaft"]
NOW_MS = 1_700_000_000_000


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what needs root where this is not root; pytest prints how many."""
    if os.geteuid() == 0:
        return
    needing = [item for item in items if item.get_closest_marker("root")]
    config.hook.pytest_deselected(items=needing)
    items[:] = [item for item in items if item not in needing]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The server that all tests share; `redis_url` and `raw` give it emptied."""
    running = RunningServer(tmp_path_factory.mktemp("server"))
    yield running
    running.stop()


@pytest.fixture
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., RunningServer]]:
    """Start servers for one test alone: `start_server("--maxmemory", "4mb")`. They are stopped when it ends."""
    started: list[RunningServer] = []

    def start(*arguments: str) -> RunningServer:
        started.append(RunningServer(tmp_path_factory.mktemp("private-server"), *arguments))
        return started[-1]

    yield start
    for running in started:
        running.stop()


@pytest.fixture
def damages_keys() -> bool:
    """Whether tests give keys another type on purpose, so that types are not looked at afterwards."""
    return False


@pytest.fixture
def redis_url(request: pytest.FixtureRequest, server: RunningServer, damages_keys: bool) -> Iterator[str]:
    """The URL of the shared server, emptied. Whatever a test leaves behind there must be in the table of keys."""
    with connect(server.url) as client:
        client.flushall()
        yield server.url
        if not request.node.get_closest_marker("strange_keys"):
            assert strangers(client, damaged=damages_keys) == []


@pytest.fixture
def raw(redis_url: str) -> Iterator[redis.Redis]:
    """A plain client of the shared server, emptied, to seed it and to look."""
    with connect(redis_url) as client:
        yield client


def connect(url: str) -> redis.Redis:
    """A plain, synchronous client that gives text."""
    return redis.Redis.from_url(url, decode_responses=True, protocol=3)


class SyncBroker:
    """A Broker whose calls run on a loop of the test's, one after the other, at a time that the test sets.

    It has every method and attribute of Broker; `now_ms` is the time that the scripts are given, None for the server's.
    """

    def __init__(self, runner: asyncio.Runner, broker: Broker) -> None:
        self._runner = runner
        self._broker = broker

    @property
    def now_ms(self) -> int | None:
        """The time that scripts are given."""
        return int(self._broker.now) // 1000 if self._broker.now else None

    @now_ms.setter
    def now_ms(self, now_ms: int | None) -> None:
        self._broker.now = "" if now_ms is None else str(now_ms * 1000)

    @property
    def now(self) -> str:
        """The same in us, as the scripts get it; "" for the server's time."""
        return self._broker.now

    @now.setter
    def now(self, now_us: str) -> None:
        self._broker.now = now_us

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._broker, name)
        if not inspect.iscoroutinefunction(attribute):
            return attribute

        @functools.wraps(attribute)
        def call(*arguments: Any, **options: Any) -> Any:
            return self._runner.run(attribute(*arguments, **options))

        return call


@pytest.fixture
def broker(redis_url: str) -> Iterator[Callable[..., SyncBroker]]:
    """Make brokers of the shared server, emptied: `broker("shop", now_ms=..., url=..., max_crashes=2)`.

    Args of what it gives: a namespace, the time (NOW_MS; None for the server's), another server's URL, and any settings.
    """
    with asyncio.Runner() as runner:
        connections: list[Connection] = []

        def make(namespace: str = "", *, now_ms: int | None = NOW_MS, url: str = redis_url, **settings: Any) -> SyncBroker:
            connection = Connection(lambda: url, name="lineshaft-test", timeout_s=10)
            connections.append(connection)
            facade = SyncBroker(runner, Broker(connection, Keys(namespace), Settings(**settings)))
            facade.now_ms = now_ms
            return facade

        yield make
        for connection in connections:
            runner.run(connection.close())
