"""`GET /events`: counts each second, and the words of tasks as they change."""

import socket
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import pytest
import redis

from api.conftest import LocalApi
from api.running import RunningApi, call
from api.stream import Event, Stream, streams
from integration.proxy import Proxy
from integration.waiting import until
from lineshaft.api import bulletin, events, patient_http
from servers import RunningServer

StartApi = Callable[..., RunningApi]
NEVER_S = 1_000.0
FULL_BYTES = 65_536  # more than this uvicorn does not keep for a client


def word_of(stream: Stream, task_id: str) -> str | None:
    """The next word that is told of a task."""
    return stream.next("task", lambda data: data["taskID"] == task_id)["status"]


def test_a_stream_begins_with_how_to_read_it(api: RunningApi) -> None:
    with Stream(api) as stream:
        assert stream.answer.status == 200
        headers = {name.lower(): value for name, value in stream.answer.getheaders()}
        assert headers["content-type"] == "text/event-stream"
        assert headers["cache-control"] == "no-store"
        assert headers["x-accel-buffering"] == "no"
        assert headers["x-content-type-options"] == "nosniff"
        assert stream.event() == Event("retry", "2000")


def test_counts_are_what_stats_answers_and_come_again_and_again(api: RunningApi) -> None:
    schema = api.document.schema({"$ref": "#/components/schemas/StatisticsView"})
    with Stream(api) as stream:
        first = stream.next("counts")
        schema.validate(first)
        assert first["states"]["pending"] == 0
        api.post()
        assert stream.next("counts", lambda counts: counts["states"]["pending"] == 1)["queues"] == api.get("/queues").json


def test_whoever_comes_later_is_told_at_once_too(api: RunningApi) -> None:
    task_id = api.post().json["taskID"]
    with Stream(api, f"?id={task_id}") as first, Stream(api, f"?id={task_id}&id=none") as second:
        for stream in (first, second):
            stream.next("counts")
            assert word_of(stream, task_id) == "pending"
        assert second.next("task") == {"taskID": "none", "status": None}


def test_each_change_is_told_once(api: RunningApi, raw: redis.Redis, work: Callable[..., None]) -> None:
    api.post({"id": "some"})
    with Stream(api, "?id=some&id=some&id=none") as stream:
        assert word_of(stream, "some") == "pending"
        raw.set("task:some:status", "in-progress")
        assert word_of(stream, "some") == "in-progress"
        raw.set("task:some:status", "pending")
        assert word_of(stream, "some") == "pending"
        work("some")
        assert stream.next("task", lambda data: data["status"] not in {"pending", "in-progress"})["status"] == "done"
        api.call("POST", "/tasks/some/retry")
        assert word_of(stream, "some") == "pending"
        work("some")
        assert stream.next("task", lambda data: data["status"] == "done")["taskID"] == "some"


def test_an_end_is_pushed(local_api: LocalApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulletin, "EVERY_S", NEVER_S)
    local_api.post({"id": "some"})
    with Stream(local_api, "?id=some") as stream:
        assert word_of(stream, "some") == "pending"
        local_api.call("DELETE", "/tasks/some")
        assert word_of(stream, "some") == "cancelled"


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("?id=", "id"),
        ("?id=a.b", "id"),
        ("?id=a&id=b%0A", "id"),
        ("?" + urlencode([("id", n) for n in range(101)]), "id"),
        ("?ids=a", "ids"),
        ("?id=a&status=done", "status"),
    ],
)
def test_a_wrong_parameter_is_refused(api: RunningApi, query: str, parameter: str) -> None:
    reply = api.get(f"/events{query}")
    assert (reply.status, reply.kind, reply.json["parameter"]) == (422, "wrong-parameter", parameter)


def test_a_hundred_tasks_may_be_watched(api: RunningApi) -> None:
    with Stream(api, "?" + urlencode([("id", n) for n in range(100)])) as stream:
        assert {stream.next("task")["taskID"] for _ in range(100)} == {str(n) for n in range(100)}


def test_there_are_only_so_many_streams_and_one_that_ends_makes_room(
    local_api: LocalApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulletin, "MOST_STREAMS", 2)
    with Stream(local_api) as first, Stream(local_api) as second:
        first.next("counts")
        second.next("counts")
        reply = local_api.get("/events")
        assert (reply.status, reply.kind, reply.headers["retry-after"]) == (503, "too-many-streams", "1")
        first.close()

        def is_let_in() -> bool:
            with Stream(local_api) as third:
                return third.answer.status == 200

        until(is_let_in)
        second.next("counts")


def test_a_comment_keeps_a_quiet_stream_open(local_api: LocalApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "PING_S", 0.05)
    monkeypatch.setattr(bulletin, "EVERY_S", NEVER_S)
    with Stream(local_api) as stream:
        assert stream.next("comment") == "ping"
        assert stream.next("comment") == "ping"


def test_a_stream_needs_the_token_where_there_is_one(start_api: StartApi, redis_url: str) -> None:
    api = start_api(redis_url, token="secret")
    with Stream(api) as stream:
        stream.next("counts")
    with Stream(api, headers={"Authorization": "Bearer other"}) as stream:
        assert stream.answer.status == 401
    assert api.drain() == 0


def test_a_head_has_no_stream(api: RunningApi) -> None:
    connection = api.connect()
    for _ in range(2):
        connection.request("HEAD", "/events?id=some")
        head = connection.getresponse()
        assert (head.status, head.headers["content-type"], head.read()) == (200, "text/event-stream", b"")
    assert call(connection, "GET", "/healthz").status == 200
    connection.close()


def test_redis_away_is_said_and_the_stream_goes_on(start_api: StartApi, server: RunningServer, redis_url: str) -> None:
    proxy = Proxy(server.port)
    try:
        api = start_api(proxy.url)
        api.post({"id": "some"})
        with Stream(api, "?id=some") as stream:
            assert word_of(stream, "some") == "pending"
            proxy.silence(new_too=True)
            problem = stream.next("problem")
            api.document.schema({"$ref": "#/components/schemas/Problem"}).validate(problem)
            assert (problem["type"], problem["status"]) == ("urn:lineshaft:problem:redis-away", 503)
            proxy.hear_again()
            stream.next("counts")
            api.call("DELETE", "/tasks/some")
            assert word_of(stream, "some") == "cancelled"
    finally:
        proxy.stop()


def test_open_streams_do_not_hold_up_a_stop(start_api: StartApi, redis_url: str) -> None:
    api = start_api(redis_url)
    task_id = api.post().json["taskID"]
    with streams(api, 5, f"?id={task_id}") as opened:
        assert api.drain() == 0
        for stream in opened:
            assert "problem" not in {event.kind for event in stream.to_the_end()}
    assert api.stderr == ""  # the server says where it had to cut somebody off


def unsent_bytes(api: LocalApi) -> int:
    """How much waits in this process for clients to take it in."""
    return sum(each.transport.get_write_buffer_size() for each in list(api.server.server_state.connections))


@pytest.fixture
def deaf(local_api: LocalApi, raw: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalApi]:
    """An API that tells much and often, and a client that asked for it and takes in none."""
    monkeypatch.setattr(bulletin, "EVERY_S", 0.001)
    raw.sadd("lineshaft:queues", *(f"queue-{n}" for n in range(300)))
    with socket.socket() as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        link.connect(("127.0.0.1", local_api.port))
        link.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        until(lambda: unsent_bytes(local_api) > FULL_BYTES)
        yield local_api


def test_a_client_that_does_not_read_fills_no_memory(deaf: LocalApi) -> None:
    largest = len(deaf.get("/stats").body) + 100
    with Stream(deaf) as reader:
        for _ in range(20):
            reader.next("counts")
            assert unsent_bytes(deaf) <= FULL_BYTES + 2 * largest


def test_nor_does_it_hold_up_a_stop(deaf: LocalApi, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(patient_http, "STALLED_DRAINING_S", 0.0)
    with Stream(deaf) as reader:
        reader.next("counts")
        deaf.stop()
        reader.to_the_end()
    assert caplog.text == ""


def test_it_is_cut_off_at_last(deaf: LocalApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient_http, "STALLED_S", 0.1)
    with Stream(deaf) as reader:
        until(lambda: len(deaf.server.server_state.connections) == 1)
        reader.next("counts")
