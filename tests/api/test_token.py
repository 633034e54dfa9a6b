"""A server with a token: who does not carry it gets no further."""

import contextlib
from collections.abc import Callable

import pytest
import redis

from api.running import RunningApi, call
from lineshaft import App, ConfigurationError, Settings
from lineshaft.api import create_api

TOKEN = "sesame-9f86d081~+/=="
OWN = {"Authorization": f"Bearer {TOKEN}"}
PROTECTED = (
    ("POST", "/tasks"),
    ("POST", "/tasks/batch"),
    ("GET", "/tasks/some/result?wait=60"),
    ("POST", "/tasks/some/retry"),
    ("GET", "/tasks/some/status"),
    ("GET", "/tasks/some"),
    ("DELETE", "/tasks/some"),
    ("GET", "/queues"),
    ("GET", "/workers"),
    ("GET", "/task-types"),
    ("GET", "/openapi.json"),
    ("GET", "/nowhere"),
    ("PUT", "/healthz/"),
)


@pytest.fixture
def closed(start_api: Callable[..., RunningApi], redis_url: str) -> RunningApi:
    """An API that anybody can reach, with a token."""
    return start_api(redis_url, host="0.0.0.0", token=TOKEN)


def test_nothing_but_the_probes_is_answered_without_the_token(closed: RunningApi, raw: redis.Redis) -> None:
    with contextlib.closing(closed.connect()) as connection:
        for method, path in PROTECTED:
            reply = call(connection, method, path)
            assert (reply.status, reply.kind) == (401, "unauthorized"), path
            assert reply.headers["www-authenticate"] == 'Bearer realm="lineshaft"'
    assert raw.dbsize() == 0
    assert (closed.get("/healthz").status, closed.get("/readyz").status) == (200, 200)


def test_with_the_token_everything_is_answered(closed: RunningApi) -> None:
    assert closed.post({"id": "some"}, OWN).status == 201
    assert closed.get("/tasks/some/status", OWN).json == {"status": "pending"}
    assert closed.get("/tasks/some", OWN).status == 200
    assert closed.get("/queues", OWN).status == 200
    assert closed.call("DELETE", "/tasks/some", None, OWN).status == 200
    assert closed.post({"id": "a"}, {"Authorization": f"bearer   {TOKEN}"}).status == 201


@pytest.mark.parametrize(
    "value",
    [
        *("", "Bearer", "Bearer ", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}=", f"Bearer {TOKEN.upper()}", f"Bearer\t{TOKEN}"),
        *(TOKEN, f"Basic {TOKEN}", f"Token {TOKEN}", f"Bearer {TOKEN}, Bearer {TOKEN}", "Bearer \xe4"),
    ],
)
def test_what_is_not_the_token_is_not_let_in(closed: RunningApi, raw: redis.Redis, value: str) -> None:
    assert closed.post(None, {"Authorization": value}).kind == "unauthorized"
    assert closed.get("/tasks/some", {"Authorization": value}).kind == "unauthorized"
    assert raw.dbsize() == 0


def test_a_token_that_is_sent_twice_is_refused(closed: RunningApi) -> None:
    with closed.raw() as link:
        header = f"Authorization: Bearer {TOKEN}\r\n".encode()
        link.sendall(b"GET /queues HTTP/1.1\r\nHost: a\r\n%b%b\r\n" % (header, header))
        assert link.recv(100).startswith(b"HTTP/1.1 400 ")


def test_a_refusal_leaves_the_connection_in_order(closed: RunningApi) -> None:
    with contextlib.closing(closed.connect()) as connection:
        for _ in range(2):
            assert call(connection, "POST", "/tasks", b"x" * 300_000).status == 401
            assert call(connection, "POST", "/tasks", {"args": []}, OWN).status == 201


def test_pages_of_others_are_kept_out_whatever_they_carry(closed: RunningApi) -> None:
    assert closed.post(None, {**OWN, "Origin": "http://evil.example"}).kind == "foreign-origin"


def test_the_document_speaks_of_the_token_where_there_is_one(closed: RunningApi, api: RunningApi) -> None:
    document = closed.document.json
    assert document["components"]["securitySchemes"] == {"token": {"type": "http", "scheme": "bearer"}}
    assert document["security"] == [{"token": []}]
    for _, path, operation in closed.document.operations():
        is_open = path in {"/healthz", "/readyz"}
        assert ("401" in operation["responses"]) is not is_open
        assert operation.get("security") == ([] if is_open else None)
    assert "security" not in api.document.json
    assert not any("401" in operation["responses"] for _, _, operation in api.document.operations())


def test_with_a_token_nothing_is_said_of_missing_authentication(closed: RunningApi) -> None:
    closed.drain()
    assert "NO AUTHENTICATION" not in closed.stderr
    assert TOKEN not in closed.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_it_says_loudly_that_it_asks_nobody(start_api: Callable[..., RunningApi], redis_url: str, host: str) -> None:
    api = start_api(redis_url, host=host, no_auth=True)
    assert api.post().status == 201
    api.drain()
    assert f"NO AUTHENTICATION: the API listens on {host}" in api.stderr


def test_on_loopback_alone_it_says_nothing_of_it(start_api: Callable[..., RunningApi], redis_url: str) -> None:
    api = start_api(redis_url)
    api.drain()
    assert "AUTHENTICATION" not in api.stderr


def test_an_empty_token_is_none() -> None:
    with pytest.raises(ConfigurationError, match="token"):
        create_api(App("shop", settings=Settings()), token="")
