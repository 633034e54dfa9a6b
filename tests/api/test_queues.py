"""`/queues`: how many tasks are where, and pausing."""

import asyncio

import pytest
import redis

from api.running import RunningApi
from api.shop import app as shop
from lineshaft.worker import Worker


def test_the_default_queue_is_always_there(api: RunningApi) -> None:
    assert api.get("/queues").json == [{"queue": "default", "ready": 0, "scheduled": 0, "in_progress": 0, "paused": False}]


def test_queues_tell_how_many_tasks_are_where(api: RunningApi) -> None:
    for body in ({}, {}, {"queue": "slow"}, {"queue": "slow", "delay": 60}, {"delay": 60}):
        api.post(body)
    api.call("POST", "/queues/slow/pause")
    assert api.get("/queues").json == [
        {"queue": "default", "ready": 2, "scheduled": 1, "in_progress": 0, "paused": False},
        {"queue": "slow", "ready": 1, "scheduled": 1, "in_progress": 0, "paused": True},
    ]


def test_a_queue_is_paused_and_resumed_as_often_as_one_likes(api: RunningApi, raw: redis.Redis) -> None:
    for what, paused in (("pause", True), ("pause", True), ("resume", False), ("resume", False)):
        reply = api.call("POST", f"/queues/not.yet-there/{what}")
        assert (reply.status, reply.json) == (200, {"queue": "not.yet-there", "paused": paused})
        assert raw.sismember("lineshaft:paused", "not.yet-there") == paused


def test_nobody_starts_what_waits_in_a_paused_queue(api: RunningApi, redis_url: str) -> None:
    api.call("POST", "/queues/slow/pause")
    held = api.post({"queue": "slow"}).json["taskID"]
    other = api.post().json["taskID"]

    async def run() -> None:
        shop.configure(redis_url=redis_url)
        async with Worker(shop, queues=["slow", "default"]):
            await shop.client.wait(other, 20)
            assert api.get(f"/tasks/{held}/status").json == {"status": "pending"}
            api.call("POST", "/queues/slow/resume")
            await shop.client.wait(held, 20)
        await shop.close()

    asyncio.run(run())
    assert api.get(f"/tasks/{held}/status").json == {"status": "done"}


@pytest.mark.parametrize("queue", ["a%20b", "a:b", "q" * 65, "%C3%A9", "%00", "a%0A", "%7Ba%7D"])
@pytest.mark.parametrize("what", ["pause", "resume"])
def test_what_cannot_be_a_queue_is_refused(api: RunningApi, unchanged, queue: str, what: str) -> None:
    with unchanged():
        reply = api.call("POST", f"/queues/{queue}/{what}")
    assert (reply.status, reply.kind, reply.json["parameter"]) == (422, "wrong-parameter", "queue")


@pytest.mark.parametrize("path", ["/queues//pause", "/queues/a/b/pause", "/queues/pause", "/queues/a/pauses"])
def test_what_is_no_address_is_not_there(api: RunningApi, path: str) -> None:
    assert api.call("POST", path).kind == "not-found"
