"""`GET /tasks`: pages of tasks."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import redis

from api.running import RunningApi
from lineshaft.model.lifecycle import Status

Work = Callable[..., None]


def listed(api: RunningApi, **asked: object) -> list[str]:
    """The ids of all pages."""
    return [row["taskID"] for row in every_row(api, **asked)]


def every_row(api: RunningApi, **asked: object) -> list[dict[str, Any]]:
    """The rows of all pages, each page with no more than was asked for."""
    rows: list[dict[str, Any]] = []
    while True:
        reply = api.get(f"/tasks?{urlencode(asked)}")
        assert reply.status == 200, reply
        assert len(reply.json["items"]) <= int(asked.get("limit", 50))
        rows += reply.json["items"]
        if reply.json["next"] is None:
            return rows
        asked["cursor"] = reply.json["next"]


def test_there_are_no_tasks(api: RunningApi) -> None:
    assert api.get("/tasks").json == {"items": [], "next": None}


def test_a_row_tells_where_a_task_is_and_why_it_failed(api: RunningApi, work: Work) -> None:
    api.post({"task": "broken", "args": ["x"], "id": "broken-1"})
    work("broken-1")
    (row,) = api.get("/tasks").json["items"]
    whole = api.get("/tasks/broken-1").json
    same = ("taskID", "task", "queue", "status", "enqueued_at", "due_at", "started_at", "session", "ended_at")
    assert row == {
        **{name: whole[name] for name in same},
        "error": {"type": "ValueError", "message": "it broke"},
    }
    assert row["status"] == "failed"


def test_a_row_tells_when_a_scheduled_task_is_due(api: RunningApi) -> None:
    ids = [api.post({"delay": 60 * (n % 3 + 1), "queue": f"q{n % 2}"}).json["taskID"] for n in range(7)]
    api.post()
    rows = [row for limit in (2, 50) for row in every_row(api, status="scheduled", limit=limit)]
    assert sorted(row["taskID"] for row in rows) == sorted(2 * ids)
    assert all(row["due_at"] == api.get(f"/tasks/{row['taskID']}").json["due_at"] is not None for row in rows)
    assert [row["due_at"] for row in every_row(api, status="pending")] == [None]


def test_pages_follow_each_other(api: RunningApi) -> None:
    ids = [api.post().json["taskID"] for _ in range(7)]
    assert listed(api, limit=3) == ids[::-1]


def test_a_page_has_fifty_if_nothing_is_said(api: RunningApi) -> None:
    api.call("POST", "/tasks/batch", [{}] * 60)
    reply = api.get("/tasks")
    assert len(reply.json["items"]) == 50
    assert reply.json["next"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"status": "pending"}, {"here", "there"}),
        ({"status": "scheduled"}, {"later"}),
        ({"status": "done"}, set()),
        ({"queue": "slow"}, {"there", "later"}),
        ({"queue": "none"}, set()),
        ({"task": "resize"}, {"there"}),
        ({"task": "nothing of this name"}, set()),
        ({"status": "pending", "queue": "slow", "task": "resize", "limit": 200}, {"there"}),
        ({"status": "pending", "queue": "slow", "task": "ping"}, set()),
    ],
)
def test_only_what_is_asked_for(api: RunningApi, asked: dict[str, object], found: set[str]) -> None:
    api.post({"id": "here"})
    api.post({"id": "there", "task": "resize", "args": ["a"], "queue": "slow"})
    api.post({"id": "later", "queue": "slow", "delay": 60})
    assert set(listed(api, **asked)) == found


def test_what_another_program_pushed_has_the_default_tasks_name(api: RunningApi, raw: redis.Redis) -> None:
    raw.set("task:foreign:status", "pending")
    raw.lpush("task_queue", "foreign")
    (row,) = api.get("/tasks?task=ping").json["items"]
    assert (row["taskID"], row["task"], row["queue"], row["enqueued_at"]) == ("foreign", "ping", "default", None)


@pytest.mark.parametrize("word", Status)
def test_every_word_may_be_asked_for(api: RunningApi, word: Status) -> None:
    assert api.get(f"/tasks?status={word}").status == 200


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        *(("status", value) for value in ("", "ended", "DONE", "done,failed")),
        *(("queue", value) for value in ("", "a b", "a/b", "q" * 65, "é")),
        *(("task", value) for value in ("", "t" * 201)),
        *(("limit", value) for value in ("", "0", "201", "-1", "1.5", "ten", "1e2", "²", "9" * 5_000)),
        *(("cursor", value) for value in ("", "nonsense", "W10", "eyJhIjpbLTFdfQ", "é")),
    ],
)
def test_a_wrong_parameter_is_refused(api: RunningApi, unchanged, parameter: str, value: str) -> None:
    with unchanged():
        reply = api.get(f"/tasks?{parameter}={quote(value)}")
    assert (reply.status, reply.kind, reply.json["parameter"]) == (422, "wrong-parameter", parameter)


@pytest.mark.parametrize("query", ["stauts=failed", "status=done&status=failed", "page=2", "%00=1"])
def test_what_would_give_another_list_than_the_one_that_is_meant_is_refused(api: RunningApi, query: str) -> None:
    reply = api.get(f"/tasks?{query}")
    assert (reply.status, reply.kind) == (422, "wrong-parameter")
