"""Addresses and methods: probes, HEAD, and what there is not."""

import contextlib

import pytest

from api.running import RunningApi


def test_health_and_readiness(api: RunningApi) -> None:
    health, readiness = api.get("/healthz"), api.get("/readyz")
    assert (health.status, health.json) == (200, {"status": "ok"})
    assert (readiness.status, readiness.json) == (200, {"status": "ready"})


@pytest.mark.parametrize(
    "path", ["/nope", "/assets/", "/tasks/", "/tasks/a/b", "/tasks/a/status/", "/tasks//status/x", "/docs", "/Tasks", "/%00"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH"])
def test_what_is_not_there_is_a_problem(api: RunningApi, method: str, path: str) -> None:
    reply = api.call(method, path)
    assert reply.status == 404
    if method == "HEAD":
        assert reply.body == b""
    else:
        assert reply.kind == "not-found"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/", {"GET", "HEAD"}),
        ("/tasks", {"POST", "GET", "HEAD"}),
        ("/tasks/some/retry", {"POST"}),
        ("/tasks/some/result", {"GET", "HEAD"}),
        ("/tasks/batch", {"POST", "GET", "HEAD", "DELETE"}),
        ("/tasks/some", {"GET", "HEAD", "DELETE"}),
        ("/tasks/some/status", {"GET", "HEAD"}),
        ("/queues", {"GET", "HEAD"}),
        ("/queues/some/pause", {"POST"}),
        ("/queues/some/resume", {"POST"}),
        ("/workers", {"GET", "HEAD"}),
        ("/stats", {"GET", "HEAD"}),
        ("/task-types", {"GET", "HEAD"}),
        ("/healthz", {"GET", "HEAD"}),
        ("/readyz", {"GET", "HEAD"}),
        ("/openapi.json", {"GET", "HEAD"}),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(api: RunningApi, path: str, allowed: set[str]) -> None:
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - allowed:
        reply = api.call(method, path)
        assert (reply.status, reply.kind) == (405, "method-not-allowed")
        assert set(reply.headers["allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    "path",
    [
        *("/queues", "/workers", "/stats", "/healthz", "/readyz", "/openapi.json", "/tasks/some", "/tasks/some/status"),
        *("/tasks", "/tasks/none", "/tasks/none/status"),
    ],
)
def test_head_is_get_without_the_body(api: RunningApi, path: str) -> None:
    api.post({"id": "some"})
    with contextlib.closing(api.connect()) as connection:
        for _ in range(2):
            connection.request("HEAD", path)
            head = connection.getresponse()
            assert head.read() == b""
    get = api.get(path)
    assert head.status == get.status
    for name in ("content-type", "content-length", "allow"):
        assert head.headers.get(name) == get.headers.get(name)


def test_answers_are_neither_kept_nor_guessed_at(api: RunningApi) -> None:
    api.post({"id": "some"})
    for reply in (api.post(), api.get("/tasks/some/status"), api.get("/tasks/some/result"), api.get("/nope"), api.post(b"{")):
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "server" not in reply.headers
        assert not any(name.startswith("access-control") for name in reply.headers)
