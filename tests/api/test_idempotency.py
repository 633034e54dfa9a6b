"""The header `Idempotency-Key`: sent twice, queued once."""

import pytest
import redis

from api.running import RunningApi
from lineshaft.ids import id_of_key

KEY = {"Idempotency-Key": "order 4711/mail"}
ID = id_of_key("order 4711/mail")


def test_the_same_key_with_the_same_content_is_the_same_task(api: RunningApi, raw: redis.Redis) -> None:
    body = {"task": "resize", "args": ["a.png"]}
    first = api.post(body, KEY)
    assert (first.status, first.json) == (201, {"taskID": ID})
    assert first.headers["location"] == f"/tasks/{ID}"
    again = api.post({**body, "delay": 5}, KEY)
    assert (again.status, again.json) == (200, {"taskID": ID})
    assert raw.lrange("task_queue", 0, -1) == [ID]
    assert 86_000_000 < raw.pttl(f"task:{ID}:digest") <= 86_400_000


def test_other_content_under_a_key_is_a_conflict(api: RunningApi, raw: redis.Redis) -> None:
    api.post({"task": "resize", "args": ["a.png"]}, KEY)
    for other in ({"task": "resize", "args": ["b.png"]}, {"task": "ping"}, None):
        reply = api.post(other, KEY)
        assert (reply.status, reply.kind) == (409, "task-conflict")
        assert "idempotency key 'order 4711/mail'" in reply.json["detail"]
    assert raw.lrange("task_queue", 0, -1) == [ID]


def test_a_key_needs_no_body(api: RunningApi) -> None:
    assert [api.post(None, KEY).status for _ in range(2)] == [201, 200]


def test_quotes_around_a_key_are_not_part_of_it(api: RunningApi) -> None:
    assert api.post(None, {"Idempotency-Key": '"order 4711/mail"'}).json == {"taskID": ID}


def test_keys_differ_by_every_character(api: RunningApi, raw: redis.Redis) -> None:
    ids = {api.post(None, {"Idempotency-Key": key}).json["taskID"] for key in ("a", "A", "aa", "a" * 255, "a b")}
    assert len(ids) == 5 == raw.llen("task_queue")


@pytest.mark.parametrize("key", ["", '""', '"', 'a"b', "a\\b", "\xe4", "a" * 256, '" a"'])
def test_what_cannot_be_a_key_is_refused(api: RunningApi, raw: redis.Redis, key: str) -> None:
    reply = api.post(None, {"Idempotency-Key": key})
    assert (reply.status, reply.kind) == (400, "bad-idempotency-key")
    assert "255" in reply.json["detail"]
    assert raw.dbsize() == 0


def test_a_key_and_an_id_are_one_too_many(api: RunningApi, raw: redis.Redis) -> None:
    reply = api.post({"id": "some"}, KEY)
    assert (reply.status, reply.kind) == (400, "bad-idempotency-key")
    assert raw.dbsize() == 0


def test_two_keys_are_one_too_many(api: RunningApi, raw: redis.Redis) -> None:
    with api.raw() as link:
        link.sendall(b"POST /tasks HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\n\r\n")
        assert link.recv(100).startswith(b"HTTP/1.1 400 ")
    assert raw.dbsize() == 0
