"""`POST /tasks`: what is accepted, and what stands in Redis afterwards."""

import json
import re
import time
from uuid import UUID

import pytest
import redis

from api.running import Reply, RunningApi, call

TOLERANCE_MS = 2_000


def envelope(raw: redis.Redis, reply: Reply) -> dict[str, object]:
    return json.loads(raw.get(f"task:{reply.json['taskID']}"))


def test_without_a_body_the_default_task_is_queued(api: RunningApi, raw: redis.Redis) -> None:
    reply = api.post()
    assert reply.status == 201
    assert list(reply.json) == ["taskID"]
    task_id = reply.json["taskID"]
    assert UUID(task_id).version == 7
    assert reply.headers["location"] == f"/tasks/{task_id}"
    assert raw.lrange("task_queue", 0, -1) == [task_id]
    assert raw.get(f"task:{task_id}:status") == "pending"
    assert envelope(raw, reply)["task"] == "ping"
    assert not raw.exists(f"task:{task_id}:digest")  # only ids that a caller gave are remembered beyond their record


@pytest.mark.parametrize(
    "headers", [{}, {"Content-Type": "application/json"}, {"Content-Type": "application/x-www-form-urlencoded"}]
)
def test_an_empty_body_is_no_body_whatever_it_is_said_to_be(api: RunningApi, headers: dict[str, str]) -> None:
    assert api.post(b"", headers).status == 201
    connection = api.connect()
    connection.request("POST", "/tasks", iter([b""]), headers)  # chunked, without a chunk
    assert connection.getresponse().status == 201
    connection.close()


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8", ""])
def test_json_is_read_whatever_it_is_said_to_be(api: RunningApi, kind: str) -> None:
    """`curl -d` and many clients say something else; a page of another site is kept out by its Origin."""
    assert api.post(b'{"task":"ping"}', {"Content-Type": kind}).status == 201


@pytest.mark.parametrize("body", [{}, dict.fromkeys(("task", "queue", "delay", "id"))])
def test_what_is_left_out_or_null_is_the_tasks_own(api: RunningApi, raw: redis.Redis, body: object) -> None:
    reply = api.post(body)
    assert reply.status == 201
    assert envelope(raw, reply)["task"] == "ping"
    assert envelope(raw, reply)["queue"] == "default"


def test_ids_queue_up_with_the_oldest_last(api: RunningApi, raw: redis.Redis) -> None:
    ids = [api.post().json["taskID"] for _ in range(3)]
    assert raw.lrange("task_queue", 0, -1) == ids[::-1]


def test_a_task_is_queued_by_name_with_its_arguments(api: RunningApi, raw: redis.Redis) -> None:
    reply = api.post({"task": "resize", "args": ["a.png"], "kwargs": {"width": 3}})
    assert reply.status == 201
    found = envelope(raw, reply)
    assert (found["task"], found["args"], found["kwargs"]) == ("resize", ["a.png"], {"width": 3})


def test_a_task_waits_in_its_own_queue_or_in_the_one_asked_for(api: RunningApi, raw: redis.Redis) -> None:
    own = api.post({"task": "send", "args": [{"street": "Elm"}]}).json["taskID"]
    asked = api.post({"task": "send", "args": [{"street": "Elm"}], "queue": "slow.post-2_b"}).json["taskID"]
    assert raw.lrange("task_queue:post", 0, -1) == [own]
    assert raw.lrange("task_queue:slow.post-2_b", 0, -1) == [asked]


@pytest.mark.parametrize("delay", [60, 60.5, 1e9])
def test_a_delayed_task_is_scheduled_by_the_servers_clock(api: RunningApi, raw: redis.Redis, delay: float) -> None:
    task_id = api.post({"delay": delay}).json["taskID"]
    assert raw.get(f"task:{task_id}:status") == "scheduled"
    due_ms = raw.zscore("lineshaft:due:default", task_id)
    assert abs(due_ms - (time.time() + delay) * 1000) < TOLERANCE_MS
    assert raw.llen("task_queue") == 0


@pytest.mark.parametrize("delay", [0, 0.0, 0.0001])
def test_no_delay_is_no_delay(api: RunningApi, raw: redis.Redis, delay: float) -> None:
    task_id = api.post({"delay": delay}).json["taskID"]
    assert raw.get(f"task:{task_id}:status") == "pending"


def test_the_same_again_under_the_same_id_makes_no_second_task(api: RunningApi, raw: redis.Redis) -> None:
    body = {"id": "order-4711", "task": "resize", "args": ["a.png"]}
    first = api.post(body)
    assert (first.status, first.json) == (201, {"taskID": "order-4711"})
    again = api.post({**body, "delay": 5})  # when it is to start is not what it is
    assert (again.status, again.json) == (200, {"taskID": "order-4711"})
    assert raw.lrange("task_queue", 0, -1) == ["order-4711"]
    assert raw.pttl("task:order-4711:digest") > 0


@pytest.mark.parametrize("task_id", ["a", "0" * 64, "-_-", "01a20fc5-f898-7530-89db-e5c265175602"])
def test_any_legal_id_may_be_chosen(api: RunningApi, task_id: str) -> None:
    assert api.post({"id": task_id}).json == {"taskID": task_id}
    assert api.get(f"/tasks/{task_id}/status").json == {"status": "pending"}


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_json_may_be_declared(api: RunningApi, kind: str) -> None:
    assert api.post(b'{"task":"ping"}', {"Content-Type": kind}).status == 201


def test_json_need_not_be_declared(api: RunningApi) -> None:
    assert api.post(b' {"task" : "ping"}\n').status == 201


def test_a_chunked_body_is_a_body(api: RunningApi, raw: redis.Redis) -> None:
    connection = api.connect()
    parts = iter([b'{"task":', b'"resize",', b'"args":["', "grün".encode(), b'"]}'])
    connection.request("POST", "/tasks", parts, {"Content-Type": "application/json"}, encode_chunked=True)
    answer = connection.getresponse()
    assert answer.status == 201
    assert json.loads(raw.get(f"task:{json.loads(answer.read())['taskID']}"))["args"] == ["grün"]
    connection.close()


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -(2**63), 2**64 - 1, 2**70, 0.1, 1e300, "", "\u0000", "\U0001f409", "a:b", [], {}, [[{"": []}]]],
)
def test_values_arrive_as_they_were_sent(api: RunningApi, raw: redis.Redis, value: object) -> None:
    reply = api.post({"task": "anything", "args": [value], "kwargs": {"named": value}})
    assert reply.status == 201
    found = envelope(raw, reply)
    assert (found["args"], found["kwargs"]) == ([value], {"named": value})


def test_a_body_may_be_as_large_as_the_limit(api: RunningApi) -> None:
    frame = len(b'{"task":"anything","args":[""]}')
    body = b'{"task":"anything","args":["%b"]}' % (b"x" * (1_048_576 - frame))
    assert len(body) == 1_048_576
    assert api.post(body).status == 201
    assert api.post(body + b" ").kind == "body-too-large"


def test_many_requests_use_one_connection(api: RunningApi, raw: redis.Redis) -> None:
    connection = api.connect()
    ids = [call(connection, "POST", "/tasks").json["taskID"] for _ in range(20)]
    connection.close()
    assert raw.lrange("task_queue", 0, -1) == ids[::-1]


def test_requests_sent_at_once_are_answered_in_order(api: RunningApi, raw: redis.Redis) -> None:
    head = f"POST /tasks HTTP/1.1\r\nHost: localhost:{api.port}\r\nContent-Type: application/json\r\n"
    bodies = [b'{"id":"first"}', b"{", b'{"id":"third"}']
    with api.raw() as link:
        link.sendall(b"".join(b"%bContent-Length: %d\r\n\r\n%b" % (head.encode(), len(body), body) for body in bodies))
        answers = b""
        while answers.count(b"HTTP/1.1 ") < 3 or not answers.endswith(b"}"):
            answers += link.recv(65_536)
    assert re.findall(rb"HTTP/1.1 (\d+)", answers) == [b"201", b"400", b"201"]
    assert raw.lrange("task_queue", 0, -1) == ["third", "first"]
