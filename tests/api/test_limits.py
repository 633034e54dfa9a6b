"""Large, slow and broken requests: each is refused within bounds, and hurts nobody else."""

import contextlib
import re
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from api.conftest import LocalApi
from api.running import RunningApi, call, read_reply
from lineshaft.api import bodies, patient_http
from lineshaft.api.patient_http import HEAD_BYTES

HOST = "Host: localhost\r\nContent-Type: application/json\r\n"


def send(api: RunningApi | LocalApi, *parts: str | bytes) -> socket.socket:
    link = api.raw()
    for part in parts:
        link.sendall(part.encode() if isinstance(part, str) else part)
    return link


def is_closed(link: socket.socket) -> bool:
    with contextlib.suppress(ConnectionError):
        return link.recv(1) == b""
    return True


@pytest.mark.parametrize("length", ["1048577", "99999999999", "9" * 18])
@pytest.mark.parametrize("expect", ["", "Expect: 100-continue\r\n"])
def test_a_body_that_is_too_large_is_refused_before_it_is_sent(api: RunningApi, unchanged, length: str, expect: str) -> None:
    with unchanged(), send(api, f"POST /tasks HTTP/1.1\r\n{HOST}{expect}Content-Length: {length}\r\n\r\n") as link:
        reply = read_reply(link)
        assert (reply.status, reply.kind) == (413, "body-too-large")
        assert reply.headers["connection"] == "close"
        assert "1048576" in reply.json["detail"]
        assert is_closed(link)


def test_the_limit_is_that_of_the_settings(start_api: Callable[..., RunningApi], redis_url: str) -> None:
    api = start_api(redis_url, body_limit=40)
    assert api.post(b'{"task":"anything","args":["1234567890"]}'[:40]).status == 400
    assert api.post(b'{"task":"anything","args":["123456789"]}').status == 201
    assert api.post(b'{"task":"anything","args":["1234567890"]}').status == 413


def test_whoever_sends_the_body_all_the_same_can_read_why_it_was_refused(api: RunningApi) -> None:
    for _ in range(5):
        with contextlib.closing(api.connect()) as connection:
            assert call(connection, "POST", "/tasks", b"x" * 4_000_000).kind == "body-too-large"


def test_a_chunked_body_is_read_up_to_the_limit(api: RunningApi, unchanged) -> None:
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    with unchanged(), send(api, f"POST /tasks HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n") as link:
        link.sendall(chunk * 17)  # and more would follow
        reply = read_reply(link)
        assert (reply.status, reply.kind) == (413, "body-too-large")
        assert is_closed(link)


def test_other_addresses_take_no_large_bodies_either(api: RunningApi) -> None:
    for path in ("/healthz", "/nope", "/tasks/some"):
        with send(api, f"GET {path} HTTP/1.1\r\n{HOST}Content-Length: 2000000\r\n\r\n") as link:
            assert read_reply(link).status == 413


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_S", 0.3)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("framing", ["Content-Length: 20", "Transfer-Encoding: chunked"])
def test_a_body_that_does_not_come_is_not_waited_for(local_api: LocalApi, framing: str) -> None:
    with send(local_api, f"POST /tasks HTTP/1.1\r\n{HOST}{framing}\r\n\r\n") as link:
        reply = read_reply(link)
        assert (reply.status, reply.kind) == (408, "body-too-slow")
        assert reply.headers["connection"] == "close"
        assert is_closed(link)


@pytest.mark.parametrize("sent", ["", "G", "GET /healthz HTTP/1.1\r\nHost: local", "POST"])
def test_a_head_that_does_not_come_is_not_waited_for(local_api: LocalApi, monkeypatch: pytest.MonkeyPatch, sent: str) -> None:
    monkeypatch.setattr(patient_http, "HEAD_S", 0.3)
    with send(local_api, sent) as link:
        assert is_closed(link)


def test_nor_is_the_head_of_a_later_request(local_api: LocalApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient_http, "HEAD_S", 0.3)
    with send(local_api, f"GET /healthz HTTP/1.1\r\n{HOST}\r\n") as link:
        assert read_reply(link).status == 200
        link.sendall(b"GET /healthz HT")
        assert is_closed(link)


def test_a_task_that_takes_its_time_is_not_taken_for_a_slow_head(local_api: LocalApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient_http, "HEAD_S", 0.3)
    with send(local_api, f"POST /tasks HTTP/1.1\r\n{HOST}Content-Length: 2\r\n\r\n") as link:
        time.sleep(1.5)  # longer than a head may take, while it is the body that is owed
        link.sendall(b"{}")
        assert read_reply(link).status == 201


ENDLESS = [
    b"GET /" + b"a" * 5_000_000,
    b"GET / HTTP/1.1\r\nHost: localhost\r\nA: " + b"a" * 5_000_000,
    b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 900_000,
]


@pytest.mark.parametrize("head", ENDLESS, ids=["path", "header", "headers"])
def test_a_head_without_an_end_is_refused(api: RunningApi, head: bytes) -> None:
    with contextlib.closing(api.raw()) as link:
        with contextlib.suppress(ConnectionError):
            link.sendall(head)
        with contextlib.suppress(ConnectionError):
            assert read_reply(link).kind == "head-too-large"
        assert is_closed(link)
    assert api.get("/healthz").status == 200


def test_a_head_just_below_the_limit_is_read(api: RunningApi) -> None:
    with send(api, f"GET /healthz HTTP/1.1\r\n{HOST}", "X: " + "x" * (HEAD_BYTES - 1_000), "\r\n", "\r\n") as link:
        assert read_reply(link).status == 200


SMUGGLED = "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "request_text",
    [
        f"POST /tasks HTTP/1.1\r\n{HOST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{SMUGGLED}",
        f"POST /tasks HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n{SMUGGLED}",
        f"POST /tasks HTTP/1.1\r\n{HOST}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}{SMUGGLED}",
        f"POST /tasks HTTP/1.1\r\n{HOST}Content-Length: 2, 2\r\n\r\n{{}}{SMUGGLED}",
        f"POST /tasks HTTP/1.1\r\n{HOST}Content-Length: -1\r\n\r\n{SMUGGLED}",
        f"POST /tasks HTTP/1.1\r\n{HOST}Content-Length: 0x2\r\n\r\n{{}}{SMUGGLED}",
        f"POST /tasks HTTP/1.1\r\n{HOST}Content-Length : 2\r\n\r\n{{}}{SMUGGLED}",
        f"POST /tasks HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\nzz\r\n{{}}\r\n0\r\n\r\n{SMUGGLED}",
        f"POST /tasks HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}xx0\r\n\r\n{SMUGGLED}",
        f"POST /tasks HTTP/1.1\r\n{HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{SMUGGLED}",
        f"POST /tasks HTTP/1.1\r\n{HOST}X: a\r\n b\r\n\rContent-Length: 2\r\n\r\n{SMUGGLED}",
        f"POST /tasks HTTP/9.9\r\n{HOST}\r\n{SMUGGLED}",
        "nonsense\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_could_be_read_in_two_ways_is_not_read_at_all(api: RunningApi, unchanged, request_text: str) -> None:
    with unchanged(), send(api, request_text.encode("latin-1")) as link:
        link.shutdown(socket.SHUT_WR)
        answers = b""
        with contextlib.suppress(ConnectionError):
            while data := link.recv(65_536):
                answers += data
    assert re.findall(rb"HTTP/1.1 (\d+)", answers) == [b"400"]
    assert b"ready" not in answers
    assert b"urn:lineshaft:problem:bad-request" in answers


def test_a_client_that_goes_away_leaves_nothing_behind(api: RunningApi, unchanged) -> None:
    with unchanged():
        for _ in range(20):
            with send(api, f"POST /tasks HTTP/1.1\r\n{HOST}Content-Length: 20\r\n\r\n", '{"task"'):
                pass
        assert api.get("/healthz").status == 200


def test_idle_slow_and_broken_clients_do_not_hurt_others(api: RunningApi, raw: redis.Redis) -> None:
    with contextlib.ExitStack() as stack:
        for number in range(1_500):
            link = stack.enter_context(contextlib.closing(api.raw()))
            if number % 3 == 1:
                link.sendall(b"POST /tasks HTTP/1.1\r\nHost: local")
            elif number % 3 == 2:
                link.sendall(f"POST /tasks HTTP/1.1\r\n{HOST}Content-Length: 100\r\n\r\n{{".encode())
        with ThreadPoolExecutor(8) as pool:
            replies = list(pool.map(lambda _: api.post(), range(100)))
    assert {reply.status for reply in replies} == {201}
    assert max(reply.took_s for reply in replies) < 2
    assert raw.llen("task_queue") == 100


def test_a_large_body_does_not_stop_others_for_long(api: RunningApi) -> None:
    hostile = [
        b'{"args":[' + b'{"a":1},' * 130_000 + b"1]}",
        b"[" * 1_048_576,
        b'{"kwargs":{' + b'"a":1,' * 170_000 + b'"b":2}}',
    ]
    api.get("/healthz")
    with ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(api.post, body) for body in hostile]
        waits = [api.get("/healthz").took_s for _ in range(20)]
    assert {future.result().status for future in sent} <= {400, 422}
    assert max(waits) < 1
