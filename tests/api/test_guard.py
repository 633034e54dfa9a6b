"""Foreign hosts and pages are refused, so that a page in a browser cannot reach the API of whoever looks at it."""

import contextlib
from collections.abc import Callable

import pytest

from api.running import RunningApi, read_reply
from lineshaft.api.guard import ANY_HOST, LOOPBACK, Guard, hosts_for

LOCAL_HOSTS = ["localhost", "localhost:{port}", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:{port}", "[::1]", "[::1]:{port}"]
FOREIGN_HOSTS = [
    *("evil.example", "evil.example:{port}", "localhost.evil.example", "evil.example:localhost", "127.0.0.1.evil.example"),
    *("localhost@evil.example", "evil.example#localhost", "localhost:80:80", "localhost:x", "[::2]", "::1"),
    *("0.0.0.0", "127.0.0.2", "", ":{port}", "localhost.", "192.168.0.1"),
]  # fmt: skip
OWN_ORIGINS = [
    "http://localhost:{port}",
    "http://127.0.0.1:{port}",
    "https://localhost",
    "HTTP://LOCALHOST:9",
    "http://[::1]:1",
]
FOREIGN_ORIGINS = [
    *("http://evil.example", "https://evil.example:{port}", "null", "", "file://", "file://localhost", "localhost:{port}"),
    *("http://localhost.evil.example", "http://localhost@evil.example", "chrome-extension://localhost", "http://"),
    "http://evil.example/http://localhost",
]  # fmt: skip


@pytest.mark.parametrize("host", LOCAL_HOSTS)
def test_local_names_are_let_in(api: RunningApi, host: str) -> None:
    headers = {"Host": host.format(port=api.port)}
    assert api.post(headers=headers).status == 201
    assert api.get("/healthz", headers).status == 200


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/tasks"), ("GET", "/healthz"), ("GET", "/tasks/a/status"), ("GET", "/no")]
)
def test_foreign_names_are_refused(api: RunningApi, unchanged, method: str, path: str, host: str) -> None:
    with unchanged():
        reply = api.call(method, path, headers={"Host": host.format(port=api.port)})
    assert (reply.status, reply.kind) == (403, "foreign-host")


@pytest.mark.parametrize("origin", OWN_ORIGINS)
def test_own_pages_are_let_in(api: RunningApi, origin: str) -> None:
    headers = {"Origin": origin.format(port=api.port), "Sec-Fetch-Site": "same-origin"}
    assert api.post(headers=headers).status == 201
    assert api.get("/queues", headers).status == 200


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/tasks"), ("DELETE", "/tasks/some"), ("GET", "/queues"), ("OPTIONS", "/tasks")]
)
def test_foreign_pages_are_refused(api: RunningApi, unchanged, method: str, path: str, origin: str) -> None:
    api.post({"id": "some"})
    with unchanged():
        reply = api.call(method, path, headers={"Origin": origin.format(port=api.port)})
    assert (reply.status, reply.kind) == (403, "foreign-origin")
    assert "access-control-allow-origin" not in reply.headers


def test_a_cross_site_request_without_origin_may_look_and_not_touch(api: RunningApi, unchanged) -> None:
    api.post({"id": "some"})
    headers = {"Sec-Fetch-Site": "cross-site"}
    with unchanged():
        for method, path in (("POST", "/tasks"), ("DELETE", "/tasks/some"), ("PUT", "/tasks")):
            assert api.call(method, path, headers=headers).kind == "foreign-origin"
        assert api.get("/tasks/some/status", headers).status == 200  # a link that somebody followed
    for site in ("same-origin", "same-site", "none"):
        assert api.post(headers={"Sec-Fetch-Site": site}).status == 201


def test_a_refusal_tells_the_names_to_use(api: RunningApi) -> None:
    detail = api.get("/healthz", {"Host": "evil.example"}).json["detail"]
    assert "'evil.example'" in detail
    assert "localhost" in detail


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET /healthz HTTP/1.1\r\n\r\n", 400),
        ("GET /healthz HTTP/1.0\r\n\r\n", 200),  # an old probe; no browser speaks it
        ("GET /healthz HTTP/1.0\r\nHost: evil.example\r\n\r\n", 403),
        ("GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: evil.example\r\nHost: localhost\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\nOrigin: http://localhost\r\n\r\n", 400),
        ("GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),  # the Host header decides
    ],
)
def test_hosts_that_are_missing_or_doubled(api: RunningApi, head: str, status: int) -> None:
    with contextlib.closing(api.raw()) as link:
        link.sendall(head.encode())
        assert read_reply(link).status == status


def test_names_can_be_added(start_api: Callable[..., RunningApi], redis_url: str) -> None:
    api = start_api(redis_url, hosts=("tasks.example",))
    assert api.post(headers={"Host": "Tasks.Example"}).status == 201
    assert api.post(headers={"Host": "tasks.example", "Origin": "https://tasks.example"}).status == 201
    assert api.post(headers={"Host": "localhost"}).status == 201
    assert api.post(headers={"Host": "evil.example"}).status == 403


def test_bound_to_every_address_any_name_will_do_and_pages_must_be_its_own(
    start_api: Callable[..., RunningApi], redis_url: str
) -> None:
    api = start_api(redis_url, host="0.0.0.0")
    assert api.post(headers={"Host": "tasks.example:3000"}).status == 201
    assert api.post(headers={"Host": "tasks.example:3000", "Origin": "http://tasks.example:3000"}).status == 201
    for origin in ("http://evil.example", "http://tasks.example:81", "http://localhost:3000", "null"):
        assert api.post(headers={"Host": "tasks.example:3000", "Origin": origin}).kind == "foreign-origin"
    api.drain()
    assert "whoever reaches it" in api.stderr


@pytest.mark.parametrize(
    ("bound", "given", "hosts"),
    [
        ("127.0.0.1", (), LOOPBACK),
        ("localhost", (), LOOPBACK),
        ("::1", (), LOOPBACK),
        ("127.0.0.5", (), LOOPBACK | {"127.0.0.5"}),
        ("127.0.0.1", ("a.example",), LOOPBACK | {"a.example"}),
        ("0.0.0.0", (), {ANY_HOST}),
        ("::", (), {ANY_HOST}),
        ("10.0.0.5", (), {ANY_HOST}),
        ("tasks.example", (), {ANY_HOST}),
        ("10.0.0.5", ("a.example",), LOOPBACK | {"10.0.0.5", "a.example"}),
    ],
)
def test_which_names_go_with_which_address(bound: str, given: tuple[str, ...], hosts: set[str]) -> None:
    assert hosts_for(bound, given) == hosts


def test_an_origin_of_another_port_is_another_page_where_any_host_will_do() -> None:
    guard = Guard({ANY_HOST})
    own = {b"host": b"a.example:1", b"origin": b"http://a.example:1"}
    assert guard.problem("POST", "/tasks", own, "1.1") is None
    assert guard.problem("POST", "/tasks", {**own, b"origin": b"http://a.example:2"}, "1.1") is not None
