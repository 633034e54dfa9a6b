"""Every kind of Redis URL: plain, TLS, a socket in the file system, and masters behind Sentinel taken apart."""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import trustme

from lineshaft import App, ConfigurationError, ServerUnavailableError
from lineshaft.broker import address
from lineshaft.broker.address import sentinel_url
from lineshaft.broker.connection import Connection
from lineshaft.worker import Worker
from servers import RunningServer


async def runs_a_task(app: App) -> bool:
    @app.task
    async def add(a: int, b: int) -> int:
        return a + b

    async with Worker(app):
        return await (await add.enqueue(40, 2)).result(timeout=20) == 42


async def test_a_socket_in_the_file_system(
    make_app: Callable[..., App], start_server: Callable[..., RunningServer], tmp_path: Path
):
    start_server("--unixsocket", str(tmp_path / "redis.sock"))
    assert await runs_a_task(make_app(url=f"unix://{tmp_path}/redis.sock"))


@contextlib.asynccontextmanager
async def tls_in_front_of(port: int, context: ssl.SSLContext) -> AsyncIterator[int]:
    """Speak TLS to clients, and pass on what they say; gives the port."""
    writers: list[asyncio.StreamWriter] = []

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ssl.SSLError):
            while data := await source.read(65_536):
                target.write(data)
                await target.drain()
        target.transport.abort()

    async def serve(from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", port)
        writers.extend((to_client, to_server))
        await asyncio.gather(pump(from_client, to_server), pump(from_server, to_client))

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    yield listening.sockets[0].getsockname()[1]
    listening.close()
    for writer in writers:
        writer.transport.abort()


@pytest.fixture
def authority(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """A certificate for localhost, and the file of the authority that signed it."""
    made = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.issue_cert("localhost").configure_cert(context)
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return context, tmp_path / "ca.pem"


async def test_tls_with_an_authority_that_is_named(
    make_app: Callable[..., App], server: RunningServer, authority: tuple[ssl.SSLContext, Path]
):
    context, file = authority
    async with tls_in_front_of(server.port, context) as port:
        assert await runs_a_task(make_app(url=f"rediss://localhost:{port}/0?ssl_ca_certs={file}"))


def test_tls_is_verified_unless_the_url_says_otherwise():
    verified, unverified = (
        address._link(url, "test").ssl_context.get()
        for url in ("rediss://localhost/0", "rediss://localhost/0?ssl_cert_reqs=none&ssl_check_hostname=false")
    )
    assert (verified.verify_mode, verified.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert unverified.verify_mode == ssl.CERT_NONE


def test_a_sentinel_url_is_taken_apart():
    found = sentinel_url("redis+sentinel://me:p%40ss@a:1,[::1]:2,b/mill/3?ssl_ca_certs=%2Fca&sentinel_password=s%2Fp")
    assert found.sentinels == (
        "redis://:s%2Fp@a:1?ssl_ca_certs=%2Fca",
        "redis://:s%2Fp@[::1]:2?ssl_ca_certs=%2Fca",
        "redis://:s%2Fp@b:26379?ssl_ca_certs=%2Fca",
    )
    assert found.master == "mill"
    assert found.master_url("10.0.0.7", "6379") == "redis://me:p%40ss@10.0.0.7:6379/3?ssl_ca_certs=%2Fca"
    assert found.master_url("fe80::1", "6379") == "redis://me:p%40ss@[fe80::1]:6379/3?ssl_ca_certs=%2Fca"


def test_a_sentinel_url_over_tls_is_so_for_sentinels_and_master():
    found = sentinel_url("rediss+sentinel://a:1/mill")
    assert (found.sentinels, found.master_url("b", "2")) == (("rediss://a:1",), "rediss://b:2/0")


@pytest.mark.parametrize(
    "url", ["redis+sentinel://a:1", "redis+sentinel:///mill/0", "redis+sentinel://a,,b/mill", "x+sentinel://a/m"]
)
def test_a_sentinel_url_that_lacks_something_is_refused(url: str):
    with pytest.raises(ConfigurationError, match=r"it looks like redis://host:6379/0, .*redis\+sentinel://host:26379"):
        sentinel_url(url)


async def test_a_master_that_no_sentinel_knows_is_said(make_app: Callable[..., App], server: RunningServer):
    """A server that is no sentinel answers the question with an error."""
    app = make_app(url=f"redis+sentinel://127.0.0.1:{server.port}/mill/0")
    with pytest.raises(ServerUnavailableError, match="no sentinel leads to the master 'mill': "):
        await app.get_task("some").status()


async def test_a_name_is_found_again_while_older_looks_still_hang(
    server: RunningServer, redis_url: str, monkeypatch: pytest.MonkeyPatch
):
    healed, begun, let_go = threading.Event(), [], threading.Event()

    def resolve(host: str, port: None) -> None:
        begun.append(host)
        if not healed.is_set():
            let_go.wait(60)

    monkeypatch.setattr(address, "resolve", resolve)
    connection = Connection(lambda: f"redis://localhost:{server.port}/0", name="test", timeout_s=0.1)
    for _ in range(20):  # more than a loop has threads
        with pytest.raises(ServerUnavailableError):
            await connection.call("PING")
    assert begun == ["localhost"] * 20
    healed.set()
    assert await connection.call("PING", timeout_s=10) == b"PONG"
    let_go.set()
    await connection.close()
