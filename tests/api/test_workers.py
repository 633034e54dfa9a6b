"""`GET /workers`."""

import asyncio
import os
import socket

from api.running import RunningApi
from api.shop import app as shop
from lineshaft.worker import Worker


def test_nobody_works(api: RunningApi) -> None:
    reply = api.get("/workers")
    assert (reply.status, reply.json) == (200, [])


def test_workers_tell_who_they_are_and_what_they_do(api: RunningApi, redis_url: str) -> None:
    task_id = api.post({"task": "sleep", "args": [30], "queue": "slow"}).json["taskID"]

    async def look() -> tuple[list[dict[str, object]], ...]:
        shop.configure(redis_url=redis_url)
        async with Worker(shop, queues=["slow", "default"]) as worker:
            while not worker.running:
                await asyncio.sleep(0.01)
            whole, listed = api.get(f"/tasks/{task_id}").json, api.get("/tasks?status=in-progress").json["items"]
            found = api.get("/workers").json, api.get("/queues").json, [whole, *listed]
            await shop.get_task(task_id).cancel()
            await shop.client.wait(task_id, 10)
        await shop.close()
        return found

    workers, queues, tasks = asyncio.run(look())
    (worker,) = workers
    assert [task["session"] for task in tasks] == [worker.pop("session")] * 2
    assert worker.pop("started_at").endswith("Z")
    assert worker == {
        "pid": os.getpid(), "host": socket.gethostname(), "queues": ["slow", "default"], "running": 1, "quiet": False,
    }  # fmt: skip
    assert queues[1] == {"queue": "slow", "ready": 0, "scheduled": 0, "in_progress": 1, "paused": False}
    assert api.get("/workers").json == []
