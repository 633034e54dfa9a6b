"""`POST /tasks`: what is refused, with what, and that nothing is written then."""

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
import redis

from api.running import RunningApi, call

Unchanged = Callable[[], AbstractContextManager[None]]

JSON = {"Content-Type": "application/json"}
KNOWN = ["anything", "broken", "lineshaft.ping", "ping", "resize", "send", "sleep"]


@pytest.fixture(autouse=True)
def nothing_is_written(api: RunningApi, unchanged: Unchanged):
    api.post()  # something is there already
    with unchanged():
        yield


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[1,",
        b"nonsense",
        b"{'task': 'ping'}",
        b'{"task": "ping",}',
        b'{"task": "ping"} {}',
        b'{"args": [NaN]}',
        b'{"args": [Infinity]}',
        b'{"args": [-Infinity]}',
        b'{"args": [1e999]}',
        b'{"args": [01]}',
        b'{"args": ["\xff"]}',
        b'{"args": ["\\ud800"]}',
        b'{"args": ["\n"]}',
        b'\xef\xbb\xbf{"task": "ping"}',
        '{"task": "ping"}'.encode("utf-16"),
        b'{"task": "ping", "task": "ping"}',
        b'{"task": "anything", "kwargs": {"a": {"b": 1, "\\u0062": 2}}}',
        b" ",
        b"\x00",
        b'{"args": [' + b"9" * 5_000 + b"]}",
    ],
)
def test_what_is_not_json_is_a_bad_request(api: RunningApi, body: bytes) -> None:
    reply = api.post(body, JSON)
    assert (reply.status, reply.kind) == (400, "bad-json")
    assert reply.json["detail"]


def test_a_name_that_stands_twice_is_named(api: RunningApi) -> None:
    assert "'delay'" in api.post(b'{"delay": 1, "task": "ping", "delay": 2}').json["detail"]


@pytest.mark.parametrize("depth", [200, 900, 1_000, 5_000, 100_000, 500_000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
@pytest.mark.parametrize("core", [b"null", b""])
def test_deep_json_is_accepted_or_refused_and_never_a_crash(
    api: RunningApi, depth: int, opening: bytes, closing: bytes, core: bytes
) -> None:
    body = b'{"task":"ping","kwargs":{"deep":' + opening * depth + core + closing * depth + b"}}"
    reply = api.post(body[:1_048_576], JSON)
    assert reply.kind in {"bad-json", "wrong-arguments"}
    assert api.get("/healthz").status == 200


def test_an_unknown_task_is_refused_with_the_names_of_the_known_ones(api: RunningApi) -> None:
    reply = api.post({"task": "resise"})
    assert (reply.status, reply.kind) == (422, "unknown-task")
    assert reply.json["known_tasks"] == KNOWN
    assert "'resise'" in reply.json["detail"]
    assert all(name in reply.json["detail"] for name in KNOWN)


@pytest.mark.parametrize("name", ["", " ping", "os.system", "lineshaft.demo:app", "p\u0131ng", "x" * 1_000_000])
def test_a_name_is_looked_up_and_never_imported(api: RunningApi, name: str) -> None:
    reply = api.post({"task": name})
    assert (reply.status, reply.kind) == (422, "unknown-task")
    assert len(reply.body) < 10_000


@pytest.mark.parametrize(
    ("body", "argument"),
    [
        ({"task": "resize"}, "path"),
        ({"task": "resize", "args": [1]}, "path"),
        ({"task": "resize", "args": [None]}, "path"),
        ({"task": "resize", "args": ["a", "b"]}, "width"),
        ({"task": "resize", "args": ["a"], "kwargs": {"width": 1.5}}, "width"),
        ({"task": "resize", "args": ["a"], "kwargs": {"path": "b"}}, "path"),
        ({"task": "resize", "args": ["a"], "kwargs": {"wdth": 1}}, "wdth"),
        ({"task": "resize", "kwargs": {"path": "a", "ctx": {}}}, "ctx"),
        ({"task": "sleep", "kwargs": {"seconds": "1"}}, "seconds"),
        ({"task": "send", "args": [{}]}, "parcel"),
        ({"task": "send", "args": [{"street": "Elm", "weight": "2"}]}, "parcel"),
        ({"task": "send", "args": [{"street": "Elm"}], "kwargs": {"express": "yes"}}, "express"),
        ({"task": "resize", "args": ["a", 1, 2]}, None),
        ({"args": [1]}, None),
    ],
)
def test_arguments_that_do_not_fit_are_refused_by_name(api: RunningApi, body: object, argument: str | None) -> None:
    reply = api.post(body)
    assert (reply.status, reply.kind) == (422, "wrong-arguments")
    assert reply.json.get("argument") == argument
    assert argument is None or argument in reply.json["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"tsak": "ping"}, "tsak"),
        ({"status": "done"}, "status"),
        ({"tries": 0}, "tries"),
        ({"": 1}, ""),
        ({"`x` - at `$.args`": 1}, "`x` - at `$.args`"),
        ({"task": 1}, "task"),
        ({"args": {}}, "args"),
        ({"args": None}, "args"),
        ({"args": "abc"}, "args"),
        ({"kwargs": []}, "kwargs"),
        ({"kwargs": None}, "kwargs"),
        ({"kwargs": "a=1"}, "kwargs"),
        ({"queue": 1}, "queue"),
        ({"queue": ""}, "queue"),
        ({"queue": "a b"}, "queue"),
        ({"queue": "a:b"}, "queue"),
        ({"queue": "q\n"}, "queue"),
        ({"queue": "q" * 65}, "queue"),
        ({"delay": "1"}, "delay"),
        ({"delay": True}, "delay"),
        ({"delay": -0.001}, "delay"),
        ({"delay": 1e300}, "delay"),
        ({"delay": [1]}, "delay"),
        ({"id": 1}, "id"),
        ({"id": ""}, "id"),
        ({"id": "a/b"}, "id"),
        ({"id": "a:status"}, "id"),
        ({"id": "ü"}, "id"),
        ({"id": "{a}"}, "id"),
        ({"id": "a" * 65}, "id"),
        ({"id": "a\n"}, "id"),
    ],
)
def test_fields_are_held_to_what_they_may_be(api: RunningApi, body: object, field: str) -> None:
    reply = api.post(body)
    assert (reply.status, reply.kind) == (422, "wrong-field")
    assert reply.json["field"] == field
    assert field in reply.json["detail"]


@pytest.mark.parametrize("body", [b"[]", b"null", b'"ping"', b"1", b"true"])
def test_json_that_is_no_object_is_refused(api: RunningApi, body: bytes) -> None:
    reply = api.post(body, JSON)
    assert (reply.status, reply.kind) == (422, "wrong-field")
    assert "object" in reply.json["detail"]


def test_other_content_under_a_known_id_is_a_conflict(api: RunningApi, raw: redis.Redis) -> None:
    task_id = raw.lrange("task_queue", 0, -1)[0]
    reply = api.post({"id": task_id, "task": "sleep", "args": [1]})
    assert (reply.status, reply.kind) == (409, "task-conflict")


def test_the_id_of_a_foreign_task_is_a_conflict(api: RunningApi, raw: redis.Redis) -> None:
    raw.set("task:foreign:status", "pending")
    assert api.post({"id": "foreign"}).kind == "task-conflict"
    raw.delete("task:foreign:status")


def test_a_connection_goes_on_after_refusals(api: RunningApi) -> None:
    with contextlib.closing(api.connect()) as connection:
        for body, headers, status in (
            (b"{", JSON, 400),
            (b'{"task":"nope"}', JSON, 422),
            (b"x" * 300_000, {**JSON, "Host": "evil.example"}, 403),
            (b"x" * 300_000, JSON, 400),
        ):
            assert call(connection, "POST", "/tasks", body, headers).status == status
            socket = connection.sock
            assert call(connection, "GET", "/healthz").status == 200
            assert connection.sock is socket
