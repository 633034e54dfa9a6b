"""`lineshaft doctor`: what it finds on real servers, and each of its rules by what they are given."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import redis

from lineshaft.cli import doctor
from lineshaft.cli.doctor import OK, UNKNOWN, WARNING, WRONG, losses_of
from lineshaft.inspection.checkup import Facts
from servers import RunningServer

from .conftest import Commands

CHECKS = [
    "version", "writes", "role", "persistence", "eviction", "memory", "clock", "latency", "workers", "orphaned ids", "strays",
]  # fmt: skip
WELL = Facts(
    info={
        "redis_version": "7.0.15",
        "role": "master",
        "connected_slaves": "0",
        "aof_enabled": "1",
        "maxmemory_policy": "noeviction",
        "maxmemory": "100",
        "used_memory": "10",
    },
    config={"appendonly": "yes", "appendfsync": "everysec", "save": ""},
    write_refusal=None,
    clock_ahead_ms=3,
    latency_ms=0.2,
    slowest_ms=1,
    sessions=1,
    sessions_over=0,
    strays=0,
    set_aside=0,
    orphans=[],
    keys_looked_at=500,
)


def examined(commands: Commands) -> tuple[int, dict[str, str], list[str]]:
    """The exit code, the state of each check and what could be lost."""
    ended = commands("doctor", "--json")
    found = ended.json
    assert found["well"] is (ended.code == 0)
    assert [check["check"] for check in found["checks"]] == CHECKS
    return ended.code, {check["check"]: check["state"] for check in found["checks"]}, found["could_be_lost"]


def test_a_server_that_keeps_its_promises_is_well(alone: Commands, start_server: Callable[..., RunningServer]) -> None:
    alone.env["REDIS_URL"] = start_server("--appendonly", "yes", "--appendfsync", "always").url
    code, states, losses = examined(alone)
    assert code == 0
    assert {name for name, state in states.items() if state != OK} <= {"workers", "latency"}
    assert losses == [doctor.AOF_LOSSES["always"]]


def test_one_that_may_lose_everything_is_not(alone: Commands, start_server: Callable[..., RunningServer]) -> None:
    server = start_server("--appendonly", "no", "--save", "", "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
    alone.env["REDIS_URL"] = server.url
    code, states, losses = examined(alone)
    assert (code, states["persistence"], states["eviction"]) == (1, WRONG, WRONG)
    assert losses[0] == "If the server stops, for whatever reason: everything."
    assert "any task, whatever its status" in losses[-1]
    for_people = alone("doctor")
    assert for_people.code == 1
    assert "CONFIG SET maxmemory-policy noeviction" in for_people.out
    assert "\nWhat could be lost with these settings:\n- If the server stops" in for_people.out


def test_what_the_server_refuses_to_tell_cannot_be_verified(
    alone: Commands, start_server: Callable[..., RunningServer]
) -> None:
    server = start_server("--appendonly", "yes")
    with redis.Redis.from_url(server.url) as client:
        client.execute_command("ACL", "SETUSER", "low", "on", "nopass", "~*", "&*", "+@all", "-config", "-scan")
        alone.env["REDIS_URL"] = f"redis://low:x@127.0.0.1:{server.port}/0"
        code, states, losses = examined(alone)
        assert (code, states["persistence"], states["orphaned ids"], states["version"]) == (0, UNKNOWN, UNKNOWN, OK)
        assert "cannot verify" in losses[0]
        client.execute_command("ACL", "SETUSER", "low", "-info")
        _, states, losses = examined(alone)
    for name in ("version", "role", "persistence", "eviction", "memory"):
        assert states[name] == UNKNOWN
    assert all("cannot verify" in loss for loss in losses)


def test_tasks_in_progress_that_no_session_owns_are_orphans(lineshaft: Commands, raw: redis.Redis) -> None:
    raw.mset({"task:taken:status": "in-progress", "task:ours:status": "in-progress", "task:waits:status": "pending"})
    raw.zadd("lineshaft:sessions", {"s": 9e15})
    raw.hset("lineshaft:owned:s", "ours", "7:default")
    raw.zadd("lineshaft:strays", {"stray": 1})
    found = {check["check"]: check for check in lineshaft("doctor", "--json").json["checks"]}
    assert found["orphaned ids"]["state"] == WARNING
    assert "1 in progress that no worker of ours has (taken)" in found["orphaned ids"]["found"]
    assert found["strays"]["found"].startswith("1 pushed without a status, 0 set aside")
    assert found["workers"]["state"] == OK


def test_without_a_server_it_says_so(alone: Commands) -> None:
    alone.env["REDIS_URL"] = "redis://127.0.0.1:1/0"
    assert alone("doctor").refused(1).startswith("Redis cannot be reached")


def with_info(**values: str) -> dict[str, Any]:
    return {"info": {**(WELL.info or {}), **values}}


@pytest.mark.parametrize(
    ("rule", "changed", "state"),
    [
        (doctor.version, with_info(redis_version="6.0.16"), WRONG),
        (doctor.version, with_info(redis_version="6.2.0"), OK),
        (doctor.version, with_info(redis_version="10.0.0"), OK),
        (doctor.version, with_info(redis_version="7.2.4", valkey_version="9.1.2"), OK),
        (doctor.writes, {"write_refusal": "READONLY"}, WRONG),
        (doctor.role, with_info(role="slave"), WRONG),
        (doctor.persistence, with_info(aof_last_write_status="err"), WRONG),
        (doctor.persistence, {"config": None}, UNKNOWN),
        (doctor.persistence, with_info(aof_enabled="0"), WRONG),
        (doctor.persistence, {**with_info(aof_enabled="0"), "config": {"save": "3600 1"}}, WARNING),
        (doctor.persistence, {**with_info(aof_enabled="0"), "config": None}, UNKNOWN),
        (doctor.persistence, with_info(aof_enabled="0", rdb_last_bgsave_status="err"), WRONG),
        (doctor.eviction, with_info(maxmemory_policy="volatile-lru"), WRONG),
        (doctor.eviction, with_info(maxmemory_policy="allkeys-lru", maxmemory="0"), WARNING),
        (doctor.memory, with_info(used_memory="95"), WARNING),
        (doctor.memory, with_info(used_memory="101"), WRONG),
        (doctor.memory, with_info(maxmemory="0"), OK),
        (doctor.clock, {"clock_ahead_ms": 5000}, WARNING),
        (doctor.clock, {"clock_ahead_ms": -5000}, WARNING),
        (doctor.latency, {"latency_ms": 20}, WARNING),
        (doctor.latency, {"latency_ms": 600}, WRONG),
        (doctor.workers, {"sessions": 0}, WARNING),
        (doctor.workers, {"sessions_over": 1}, WARNING),
        (doctor.orphans, {"orphans": None}, UNKNOWN),
        (doctor.orphans, {"orphans": ["a", "b", "c", "d"]}, WARNING),
        (doctor.strays, {"set_aside": 1}, WARNING),
    ],
)
def test_each_rule(rule: Callable[[Facts], doctor.Check], changed: dict[str, Any], state: str) -> None:
    assert rule(WELL).state == OK
    assert rule(replace(WELL, **changed)).state == state


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "about the last second"),
        ({"config": {"appendfsync": "no"}}, "often 30 s"),
        ({"config": None}, "cannot verify how much"),
        ({**with_info(aof_enabled="0"), "config": {"save": "3600 1"}}, "since its last snapshot"),
        ({**with_info(aof_enabled="0"), "config": None}, "if it makes any"),
        (with_info(connected_slaves="1"), "By a failover"),
    ],
)
def test_what_could_be_lost_is_said_in_words(changed: dict[str, Any], said: str) -> None:
    assert said in " ".join(losses_of(replace(WELL, **changed)))
