"""`DELETE /tasks/{id}`."""

from collections.abc import Callable

import pytest
import redis

from api.running import RunningApi

Work = Callable[..., None]


@pytest.mark.parametrize("body", [{}, {"delay": 60}])
def test_a_task_that_has_not_started_is_cancelled(api: RunningApi, body: object) -> None:
    task_id = api.post(body).json["taskID"]
    for _ in range(2):  # the second time it is cancelled still
        reply = api.call("DELETE", f"/tasks/{task_id}")
        assert (reply.status, reply.json) == (200, {"taskID": task_id, "status": "cancelled"})
    assert api.get(f"/tasks/{task_id}/status").json == {"status": "cancelled"}
    assert api.get(f"/tasks/{task_id}").json["ended_at"] is not None


def test_a_task_that_runs_is_asked_to_stop(api: RunningApi, raw: redis.Redis) -> None:
    raw.set("task:busy:status", "in-progress")
    reply = api.call("DELETE", "/tasks/busy")
    assert (reply.status, reply.json) == (202, {"taskID": "busy", "status": "cancelling"})
    assert raw.smembers("lineshaft:cancelling") == {"busy"}
    assert api.get("/tasks/busy/status").json == {"status": "in-progress"}


def test_a_task_that_has_ended_cannot_be_cancelled(api: RunningApi, work: Work) -> None:
    task_id = api.post().json["taskID"]
    work(task_id)
    reply = api.call("DELETE", f"/tasks/{task_id}")
    assert (reply.status, reply.kind, reply.json["task_status"]) == (409, "task-ended", "done")
    assert api.get(f"/tasks/{task_id}").json["result"] == "pong"


@pytest.mark.parametrize("task_id", ["nope", "a.b", "%7Ba%7D", "a:status", "a%0A"])
def test_an_unknown_and_a_malformed_id_are_not_found(api: RunningApi, unchanged, task_id: str) -> None:
    with unchanged():
        reply = api.call("DELETE", f"/tasks/{task_id}")
    assert (reply.status, reply.kind) == (404, "task-not-found")
