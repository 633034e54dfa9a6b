"""`POST /tasks/batch`: each item is judged for itself."""

import json
from collections.abc import Callable

import pytest
import redis

from api.running import Reply, RunningApi
from conftest import connect
from lineshaft.api.batch import MOST_ITEMS
from servers import RunningServer

RESIZE = {"task": "resize", "args": ["a.png"]}


def send(api: RunningApi, body: object, headers: dict[str, str] | None = None) -> Reply:
    return api.call("POST", "/tasks/batch", body, headers)


def outcomes(reply: Reply) -> list[str]:
    return [item["outcome"] for item in reply.json["items"]]


def test_items_are_queued_in_their_order(api: RunningApi, raw: redis.Redis) -> None:
    reply = send(api, [{}, {**RESIZE, "id": "mine"}, {"delay": 60}, {"task": "send", "args": [{"street": "Elm"}]}])
    assert (reply.status, outcomes(reply)) == (200, ["created"] * 4)
    first, mine, later, sent = (item["taskID"] for item in reply.json["items"])
    assert mine == "mine"
    assert raw.lrange("task_queue", 0, -1) == [mine, first]
    assert raw.lrange("task_queue:post", 0, -1) == [sent]
    assert raw.get(f"task:{later}:status") == "scheduled"
    assert all(item["problem"] is None for item in reply.json["items"])


def test_an_item_that_is_refused_leaves_the_others_alone(api: RunningApi, raw: redis.Redis) -> None:
    api.post({**RESIZE, "id": "old"})
    wrong = [{"task": "resise"}, {"task": "resize"}, {"tsak": "ping"}, {"delay": -1}, {"id": "a/b"}, 7, None, [], "ping"]
    reply = send(api, [{**RESIZE, "id": "old"}, *wrong, {"id": "old"}, {"id": "new"}])
    assert outcomes(reply) == ["same", *["invalid"] * len(wrong), "conflict", "created"]
    assert raw.lrange("task_queue", 0, -1) == ["new", "old"]
    same, *invalid, conflict, created = reply.json["items"]
    assert (same["taskID"], conflict["taskID"], created["taskID"]) == ("old", "old", "new")
    assert conflict["problem"]["type"].endswith("task-conflict")
    kinds = [item["problem"]["type"].rpartition(":")[2] for item in invalid]
    assert kinds == ["unknown-task", "wrong-arguments", *["wrong-field"] * 7]
    assert invalid[1]["problem"]["argument"] == "path"
    assert invalid[3]["problem"]["field"] == "delay"
    assert all(item["taskID"] is None for item in invalid)


def test_an_id_that_stands_twice_is_one_task(api: RunningApi, raw: redis.Redis) -> None:
    reply = send(api, [{**RESIZE, "id": "a"}, {**RESIZE, "id": "a"}, {"id": "a"}])
    assert outcomes(reply) == ["created", "same", "conflict"]
    assert raw.lrange("task_queue", 0, -1) == ["a"]


def test_the_same_batch_again_makes_no_second_tasks(api: RunningApi, raw: redis.Redis) -> None:
    batch = [{**RESIZE, "id": f"item-{n}"} for n in range(3)]
    assert outcomes(send(api, batch)) == ["created"] * 3
    assert outcomes(send(api, batch)) == ["same"] * 3
    assert raw.llen("task_queue") == 3


def test_a_thousand_items_are_a_batch_and_one_more_is_not(api: RunningApi, raw: redis.Redis) -> None:
    reply = send(api, [{}] * MOST_ITEMS)
    ids = [item["taskID"] for item in reply.json["items"]]
    assert raw.lrange("task_queue", 0, -1) == ids[::-1]
    assert len(set(ids)) == MOST_ITEMS == 1_000
    reply = send(api, [{}] * (MOST_ITEMS + 1))
    assert (reply.status, reply.kind) == (413, "batch-too-large")
    assert raw.llen("task_queue") == MOST_ITEMS


def test_an_empty_batch_is_one(api: RunningApi, raw: redis.Redis) -> None:
    reply = send(api, [])
    assert (reply.status, reply.json) == (200, {"items": []})
    assert raw.dbsize() == 0


@pytest.mark.parametrize("body", [{}, {"items": []}, None, "ping", 1, True])
def test_what_is_no_list_is_refused(api: RunningApi, raw: redis.Redis, body: object) -> None:
    reply = send(api, json.dumps(body).encode())
    assert (reply.status, reply.kind) == (422, "wrong-field")
    assert "array" in reply.json["detail"]
    assert raw.dbsize() == 0


@pytest.mark.parametrize("body", [None, b"", b"[", b"[{}]]", b'[{"id": "a", "id": "b"}]', b'[{"args": [NaN]}]', b"[" * 5_000])
def test_what_is_no_json_is_refused_whole(api: RunningApi, raw: redis.Redis, body: bytes | None) -> None:
    reply = send(api, body)
    assert (reply.status, reply.kind) == (400, "bad-json")
    assert raw.dbsize() == 0


def test_the_limit_of_a_body_holds(api: RunningApi, raw: redis.Redis) -> None:
    reply = send(api, b'["' + b"x" * 1_048_576 + b'"]')
    assert (reply.status, reply.kind) == (413, "body-too-large")
    assert raw.dbsize() == 0


def test_a_key_is_of_one_task(api: RunningApi, raw: redis.Redis) -> None:
    assert send(api, [{}], {"Idempotency-Key": "a"}).kind == "bad-idempotency-key"
    assert raw.dbsize() == 0


@pytest.mark.strange_keys("a queue has another type, on purpose")
def test_an_item_whose_queue_is_damaged_is_refused_alone(api: RunningApi, raw: redis.Redis) -> None:
    raw.set("task_queue:post", "something else")
    reply = send(api, [{"queue": "post", "id": "a"}, {"id": "b"}])
    assert outcomes(reply) == ["refused", "created"]
    assert reply.json["items"][0]["problem"]["type"].endswith("damaged-record")
    assert raw.exists("task:a") == 0


def test_a_task_may_go_by_the_name_batch(api: RunningApi) -> None:
    api.post({"id": "batch"})
    assert api.get("/tasks/batch").json["taskID"] == "batch"
    assert api.call("DELETE", "/tasks/batch").status == 200


def test_without_redis_nothing_is_accepted_and_each_item_says_so(
    start_server: Callable[..., RunningServer], start_api: Callable[..., RunningApi]
) -> None:
    server = start_server()
    api = start_api(server.url)
    api.post({"id": "before"})
    with connect(server.url) as raw:
        raw.config_set("maxmemory", 1)
    reply = send(api, [{"id": "a"}, {"task": "nope"}, {}])
    assert (reply.status, reply.kind, reply.headers["retry-after"]) == (503, "redis-full", "1")
    assert outcomes(reply) == ["refused", "invalid", "refused"]
    server.kill()
    api.post()  # goes out on a connection that is dead already
    reply = send(api, [{"id": "a"}, {}])
    assert (reply.status, reply.kind) == (503, "redis-away")
    assert outcomes(reply) == ["refused", "refused"]
