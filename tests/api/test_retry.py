"""`POST /tasks/{id}/retry`."""

from collections.abc import Callable

import pytest
import redis

from api.running import RunningApi

Work = Callable[..., None]


def test_a_task_that_has_ended_runs_again(api: RunningApi, raw: redis.Redis, work: Work) -> None:
    done, failed = api.post({"id": "good"}).json["taskID"], api.post({"task": "broken", "args": ["x"]}).json["taskID"]
    work(done, failed)
    for task_id in (done, failed):
        reply = api.call("POST", f"/tasks/{task_id}/retry")
        assert (reply.status, reply.json) == (200, {"taskID": task_id, "status": "pending"})
        assert api.get(f"/tasks/{task_id}/status").json == {"status": "pending"}
    assert raw.lrange("task_queue", 0, -1) == [failed, done]
    work(done, failed)
    assert api.get(f"/tasks/{done}").json["status"] == "done"
    assert api.get(f"/tasks/{failed}").json["status"] == "failed"


def test_a_cancelled_task_is_run_after_all(api: RunningApi, work: Work) -> None:
    task_id = api.post().json["taskID"]
    api.call("DELETE", f"/tasks/{task_id}")
    assert api.call("POST", f"/tasks/{task_id}/retry").status == 200
    work(task_id)
    assert api.get(f"/tasks/{task_id}/status").json == {"status": "done"}


@pytest.mark.parametrize("word", ["scheduled", "waiting", "pending", "in-progress"])
def test_what_has_not_ended_is_not_run_again(api: RunningApi, raw: redis.Redis, unchanged, word: str) -> None:
    task_id = api.post().json["taskID"]
    raw.set(f"task:{task_id}:status", word)
    with unchanged():
        reply = api.call("POST", f"/tasks/{task_id}/retry")
    assert (reply.status, reply.kind, reply.json["task_status"]) == (409, "task-not-retried", word)


@pytest.mark.parametrize("task_id", ["nope", "a.b", "%7Ba%7D", "a:status", "a%0A"])
def test_an_unknown_and_a_malformed_id_are_not_found(api: RunningApi, unchanged, task_id: str) -> None:
    with unchanged():
        reply = api.call("POST", f"/tasks/{task_id}/retry")
    assert (reply.status, reply.kind) == (404, "task-not-found")
