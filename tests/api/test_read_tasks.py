"""`GET /tasks/{id}/status` and `GET /tasks/{id}`."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import redis

from api.running import RunningApi

Work = Callable[..., None]

MINUTE = timedelta(minutes=1)
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
FIELDS = [
    *("taskID", "task", "queue", "status", "tries", "crashes"),
    *("enqueued_at", "due_at", "started_at", "session", "ended_at", "result", "error", "attempts"),
]
NO_IDS = ["nope", "0" * 65, "a.b", "%C3%BC", "%00", "%2e%2e", "a%2Fb", "a%0A", "*", "{a}", "a:status", "%FF", "a" * 5_000]


@pytest.mark.parametrize("task_id", NO_IDS)
@pytest.mark.parametrize("path", ["/tasks/{}/status", "/tasks/{}"])
def test_an_unknown_and_a_malformed_id_are_not_found(api: RunningApi, path: str, task_id: str) -> None:
    reply = api.get(path.format(task_id))
    assert reply.status == 404
    assert reply.kind == "not-found" if "%2F" in task_id and "status" not in path else "task-not-found"


def test_an_unknown_and_a_malformed_id_are_told_the_same(api: RunningApi) -> None:
    assert api.get("/tasks/unknown/status").body == api.get("/tasks/mal.formed/status").body
    assert api.get("/tasks/unknown").body == api.get("/tasks/mal.formed").body


@pytest.mark.parametrize("word", ["scheduled", "waiting", "pending", "in-progress", "done", "failed", "cancelled", "expired"])
def test_the_status_is_the_word_and_nothing_else(api: RunningApi, raw: redis.Redis, word: str) -> None:
    raw.set("task:some:status", word)
    reply = api.get("/tasks/some/status")
    assert (reply.status, reply.json) == (200, {"status": word})
    assert reply.headers["content-type"] == "application/json"


def test_a_task_may_be_called_status(api: RunningApi) -> None:
    api.post({"id": "status"})
    assert api.get("/tasks/status").json["taskID"] == "status"
    assert api.get("/tasks/status/status").json == {"status": "pending"}


def test_a_task_that_waits(api: RunningApi) -> None:
    task_id = api.post({"task": "resize", "args": ["a.png"], "queue": "slow"}).json["taskID"]
    view = api.get(f"/tasks/{task_id}").json
    assert list(view) == FIELDS
    assert ISO.fullmatch(view.pop("enqueued_at"))
    assert view == {
        "taskID": task_id,
        "task": "resize",
        "queue": "slow",
        "status": "pending",
        "tries": 0,
        "crashes": 0,
        "due_at": None,
        "started_at": None,
        "session": None,
        "ended_at": None,
        "result": None,
        "error": None,
        "attempts": [],
    }


def test_a_task_that_is_due_later(api: RunningApi, raw: redis.Redis) -> None:
    task_id = api.post({"delay": 60, "queue": "slow"}).json["taskID"]
    view = api.get(f"/tasks/{task_id}").json
    assert view["status"] == "scheduled"
    assert ISO.fullmatch(view["due_at"])
    assert datetime.fromisoformat(view["due_at"]).timestamp() == raw.zscore("lineshaft:due:slow", task_id) / 1000
    assert abs(datetime.fromisoformat(view["due_at"]) - datetime.fromisoformat(view["enqueued_at"]) - MINUTE) < MINUTE / 10
    assert api.get(f"/tasks/{task_id}/status").json == {"status": "scheduled"}


def test_a_task_that_is_done(api: RunningApi, work: Work) -> None:
    task_id = api.post({"task": "anything", "args": [1, "ü"], "kwargs": {"x": None}}).json["taskID"]
    work(task_id)
    assert api.get(f"/tasks/{task_id}/status").json == {"status": "done"}
    view = api.get(f"/tasks/{task_id}").json
    assert (view["status"], view["result"], view["error"]) == ("done", [[1, "ü"], {"x": None}], None)
    assert (view["tries"], view["crashes"]) == (1, 0)
    assert view["enqueued_at"] <= view["ended_at"]
    assert view["started_at"] <= view["ended_at"]
    assert all(ISO.fullmatch(view[name]) for name in ("enqueued_at", "started_at", "ended_at"))


def test_a_task_that_failed(api: RunningApi, work: Work) -> None:
    task_id = api.post({"task": "broken", "args": ["a secret"]}).json["taskID"]
    work(task_id)
    assert api.get(f"/tasks/{task_id}/status").json == {"status": "failed"}
    view = api.get(f"/tasks/{task_id}").json
    assert (view["status"], view["result"], view["tries"]) == ("failed", None, 1)
    assert list(view["error"]) == ["type", "message", "traceback"]
    assert (view["error"]["type"], view["error"]["message"]) == ("ValueError", "it broke")
    assert "a secret" not in view["error"]["traceback"]


def test_a_foreign_task_runs_the_default_task(api: RunningApi, raw: redis.Redis, work: Work) -> None:
    raw.set("task:foreign:status", "pending")
    raw.lpush("task_queue", "foreign")
    view = api.get("/tasks/foreign").json
    assert (view["task"], view["queue"], view["status"], view["enqueued_at"]) == ("ping", "default", "pending", None)
    work("foreign")
    view = api.get("/tasks/foreign").json
    assert (view["status"], view["result"], view["enqueued_at"]) == ("done", "pong", None)


def test_a_task_whose_word_a_foreign_program_set(api: RunningApi, raw: redis.Redis) -> None:
    task_id = api.post().json["taskID"]
    assert raw.brpop("task_queue") == ["task_queue", task_id]
    raw.set(f"task:{task_id}:status", "done")
    view = api.get(f"/tasks/{task_id}").json
    assert (view["status"], view["result"], view["ended_at"], view["error"]) == ("done", None, None, None)


def test_a_record_that_cannot_be_read_is_said_to_be_so(api: RunningApi, raw: redis.Redis) -> None:
    raw.mset({"task:torn:status": "pending", "task:torn": "{secret"})
    raw.mset({"task:newer:status": "pending", "task:newer": '{"v":99}'})
    for task_id in ("torn", "newer"):
        reply = api.get(f"/tasks/{task_id}")
        assert (reply.status, reply.kind) == (500, "damaged-record")
        assert "secret" not in reply.body.decode()
        assert api.get(f"/tasks/{task_id}/status").json == {"status": "pending"}
