"""The API's process: what it says when it starts, when it cannot, and how it ends."""

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.running import RunningApi, call
from integration.proxy import Proxy
from integration.waiting import until
from lineshaft.api.listening import listen, url_of
from lineshaft.errors import ConfigurationError
from servers import RunningServer, free_port

StartApi = Callable[..., RunningApi]


def test_it_says_where_it_listens(start_api: StartApi, redis_url: str) -> None:
    port = free_port()
    api = start_api(redis_url, port=port)
    assert api.said == {"ready": True, "url": f"http://localhost:{port}"}
    assert api.post().status == 201


def test_it_listens_on_loopback_alone(api: RunningApi) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing: only asks which address would be used
        own = probe.getsockname()[0]
    with pytest.raises(OSError):
        socket.create_connection((own, api.port), timeout=2).close()


def test_a_taken_port_is_said_in_one_line(start_api: StartApi, redis_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        api = start_api(redis_url, port=port)
        assert list(api.said) == ["failed"]
        assert f"port {port}" in api.said["failed"]
        assert "--port" in api.said["failed"]
        assert "\n" not in api.said["failed"]
        assert api.ended() == 2


@pytest.mark.parametrize(
    ("orders", "hint"),
    [
        ({"app": "nowhere:app"}, "nowhere"),
        ({"app": "shop:nothing"}, "nothing"),
        ({"app": "shop"}, "module:name"),
        ({"lease_s": 1.0}, "lease_s"),
        ({"nonsense": 1}, "nonsense"),
        ({"host": "no.such.host.invalid"}, "--host"),
        ({"host": "192.0.2.1"}, "--host"),
    ],
)
def test_what_keeps_it_from_starting_is_said(start_api: StartApi, redis_url: str, orders: dict, hint: str) -> None:
    api = start_api(redis_url, **orders)
    assert list(api.said) == ["failed"]
    assert hint in api.said["failed"]
    assert "\n" not in api.said["failed"]
    assert api.ended() == 2
    assert "Traceback" not in api.stderr


def test_it_starts_without_redis(start_api: StartApi) -> None:
    api = start_api(f"redis://127.0.0.1:{free_port()}/0")
    assert api.get("/healthz").status == 200


def test_it_drains_and_answers_what_it_was_asked(start_api: StartApi, server: RunningServer, redis_url: str) -> None:
    proxy = Proxy(server.port)
    try:
        api = start_api(proxy.url)
        assert api.post().status == 201
        held = proxy.delay(b"EVALSHA", 1.0)
        with contextlib.closing(api.connect()) as idle, ThreadPoolExecutor(1) as pool:
            assert call(idle, "GET", "/healthz").status == 200
            asked = pool.submit(api.post)
            assert held.happened.wait(20)
            api.tell({"drain": 25})
            until(lambda: refuses(api.port))
            assert asked.result().status == 201
            assert api.ended() == 0
    finally:
        proxy.stop()


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_it_ends_within_its_time_whatever_its_clients_do(start_api: StartApi, redis_url: str) -> None:
    api = start_api(redis_url)
    with contextlib.closing(api.raw()) as link:
        link.sendall(b"POST /tasks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{")
        api.get("/healthz")
        began_s = time.monotonic()
        assert api.drain() == 0
        assert time.monotonic() - began_s < 5


def test_it_ends_with_its_supervisor(start_api: StartApi, redis_url: str) -> None:
    api = start_api(redis_url)
    assert api.leave() == 75


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_are_the_supervisors_alone(start_api: StartApi, redis_url: str, number: signal.Signals) -> None:
    api = start_api(redis_url)
    os.kill(api.process.pid, number)
    assert api.post().status == 201
    assert api.drain() == 0


def test_it_says_nothing_as_long_as_nothing_is_wrong(start_api: StartApi, redis_url: str) -> None:
    api = start_api(redis_url)
    api.post()
    api.post({"task": "nope"})
    api.get("/nope")
    api.drain()
    assert api.stderr == ""


def test_localhost_stands_for_all_its_addresses() -> None:
    sockets = listen("localhost", 0)
    assert "127.0.0.1" in {opened.getsockname()[0] for opened in sockets}
    assert len({opened.getsockname()[1] for opened in sockets}) == 1
    for opened in sockets:
        opened.close()


@pytest.mark.parametrize(
    ("host", "shown"), [("127.0.0.1", "localhost"), ("0.0.0.0", "localhost"), ("::", "localhost"), ("127.0.0.2", "127.0.0.2")]
)
def test_urls_are_such_as_can_be_opened(host: str, shown: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        assert url_of(host, [opened]) == f"http://{shown}:{opened.getsockname()[1]}"


def test_a_port_for_others_is_refused_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(ConfigurationError, match=r"port 80.*--port"):
        listen("127.0.0.1", 80)
