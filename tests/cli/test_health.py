"""`lineshaft health`: the exit code for probes, and why not."""

from collections.abc import Callable
from typing import Any

import pytest
import redis

from servers import RunningServer

from .conftest import Commands


@pytest.mark.usefixtures("working")
def test_with_a_worker_and_a_server_that_takes_writes_it_is_healthy(lineshaft: Commands) -> None:
    ended = lineshaft("health")
    assert (ended.code, ended.out, ended.err) == (0, "healthy\n", "")
    assert lineshaft("health", "--json").json == {"healthy": True, "reason": None}


def unhealthy(commands: Commands) -> str:
    """Why: it must have ended with 1, and say the same as JSON."""
    ended, as_json = commands("health"), commands("health", "--json")
    assert (ended.code, as_json.code, as_json.json["healthy"]) == (1, 1, False)
    assert ended.out.startswith("unhealthy: ")
    return as_json.json["reason"]


def test_without_a_worker_it_is_not(lineshaft: Commands, raw: redis.Redis) -> None:
    assert unhealthy(lineshaft) == "no worker lives: start one with `lineshaft worker module:name`"
    raw.zadd("lineshaft:sessions", {"over": (raw.time()[0] - 1) * 1000})
    assert "no worker lives" in unhealthy(lineshaft)


def test_with_workers_that_are_all_quiet_it_is_not(lineshaft: Commands, live_broker: Any) -> None:
    for session in ("a" * 32, "b" * 32):
        live_broker.open(session, 60, {"host": "mill", "pid": 1})
    lineshaft("worker", "quiet", "a")
    assert lineshaft("health").code == 0
    lineshaft("worker", "stop", "b")
    assert "every worker was told to be quiet or to stop" in unhealthy(lineshaft)


def test_without_a_server_it_is_not(alone: Commands) -> None:
    alone.env["REDIS_URL"] = "redis://127.0.0.1:1/0"
    assert unhealthy(alone).startswith("Redis cannot be reached: ")


def test_with_a_server_that_takes_no_writes_it_is_not(alone: Commands, start_server: Callable[..., RunningServer]) -> None:
    server = start_server()
    alone.env["REDIS_URL"] = server.url
    with redis.Redis.from_url(server.url) as client:
        client.replicaof("127.0.0.1", 1)
    assert "READONLY" in unhealthy(alone)


def test_with_a_server_that_is_full_it_is_not(alone: Commands, start_server: Callable[..., RunningServer]) -> None:
    server = start_server("--maxmemory", "1", "--maxmemory-policy", "noeviction")
    alone.env["REDIS_URL"] = server.url
    assert unhealthy(alone) == "Redis is at its memory limit and takes no new work; nothing was written"
    with redis.Redis.from_url(server.url) as client:
        assert client.dbsize() == 0


def test_a_wrong_setting_is_wrong_use(alone: Commands) -> None:
    assert alone("--redis-url", "nonsense", "health").refused(2).startswith("the Redis URL cannot be used")
