"""From a Redis URL to a connection with the server it names; through Sentinel, with whichever server is the master now.

`redis://`, `rediss://` (TLS) and `unix://` are as redis-py reads them. `redis+sentinel://host:port,host:port/<master>/<db>`
asks those sentinels, `rediss+sentinel://` does all of it over TLS. User and password are the master's; those of the
sentinels, where they have some, are the query parameters `sentinel_username` and `sentinel_password`. Other query
parameters, such as `ssl_ca_certs`, go to every connection.

The way to find a master is that of https://redis.io/docs/latest/develop/reference/sentinel-clients/: ask one sentinel after
the other, and have the server itself confirm that it is a master, for a sentinel may have heard of a failover late.
"""

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncGenerator, Awaitable
from concurrent.futures import Future
from ipaddress import ip_address
from threading import Thread
from typing import Any, NamedTuple, cast
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from redis.asyncio.connection import AbstractConnection, parse_url
from redis.asyncio.connection import Connection as TcpConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as BrokenConnectionError
from redis.exceptions import RedisError
from redis.maint_notifications import MaintNotificationsConfig

from lineshaft.errors import ConfigurationError

BROKEN = (RedisError, OSError, RuntimeError)  # the last is uvloop's, of a transport that was closed under us
SENTINEL_S = 0.5  # for one sentinel and the server it names; the next is asked after that
SENTINEL_PORT = 26379
FORMS = "redis://host:6379/0, rediss://host:6379/0, unix:///path or redis+sentinel://host:26379,host:26379/master/0"


resolve = socket.getaddrinfo


class SentinelUrl(NamedTuple):
    """Where the sentinels are, the name of the master they watch, and the URL of that master less its address."""

    sentinels: tuple[str, ...]
    master: str
    scheme: str
    credentials: str
    tail: str

    def master_url(self, host: str, port: str) -> str:
        """The URL of the master that stands there."""
        return f"{self.scheme}://{self.credentials}{f'[{host}]' if ':' in host else host}:{port}{self.tail}"


async def connect(url: str, name: str) -> AbstractConnection:
    """Connect to the server that a URL names, and say to it who this is.

    Raises:
        ConfigurationError: the URL is not one.
        RedisError, OSError: the server, or every sentinel, could not be reached or refused; or no master is known.
    """
    if urlsplit(url).scheme.endswith("+sentinel"):
        return await _connect_to_master(sentinel_url(url), name)
    return await _connected(url, name)


def sentinel_url(url: str) -> SentinelUrl:
    """Take the URL of a master behind Sentinel apart.

    Raises:
        ConfigurationError: it is not one.
    """
    parts = urlsplit(url)
    scheme = parts.scheme.removesuffix("+sentinel")
    credentials, at, hosts = parts.netloc.rpartition("@")
    master, _, database = parts.path.strip("/").partition("/")
    query = dict(parse_qsl(parts.query))
    username, password = query.pop("sentinel_username", ""), query.pop("sentinel_password", "")
    if scheme not in {"redis", "rediss"} or not master or not all(hosts.split(",")):
        raise ConfigurationError(f"the Redis URL cannot be used: it needs hosts and the master's name; it looks like {FORMS}")
    for_all = f"?{urlencode(query)}" if query else ""
    before = f"{quote(username, safe='')}:{quote(password, safe='')}@" if password else ""
    return SentinelUrl(
        sentinels=tuple(f"{scheme}://{before}{_with_port(host)}{for_all}" for host in hosts.split(",")),
        master=unquote(master),
        scheme=scheme,
        credentials=credentials + at,
        tail=f"/{database or 0}{for_all}",
    )


async def _connect_to_master(target: SentinelUrl, name: str) -> AbstractConnection:
    reasons: list[str] = []
    for sentinel in random.sample(target.sentinels, len(target.sentinels)):
        try:
            async with asyncio.timeout(SENTINEL_S):
                link = await _connected(sentinel, name)
                found = await _ask(link, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", target.master)
                await _dropped(link)
                if found is None:
                    reasons.append(f"it does not know {target.master!r}")
                    continue
                link = await _connected(target.master_url(*(part.decode() for part in found)), name)
                role = (await _ask(link, "ROLE"))[0].decode()
                if role == "master":
                    return link
                await _dropped(link)
                reasons.append(f"the server it names is a {role}")
        except BROKEN as error:  # an OSError may be the time limit
            reasons.append(str(error) or f"no answer within {SENTINEL_S:g} s")
    raise BrokenConnectionError(f"no sentinel leads to the master {target.master!r}: {'; '.join(dict.fromkeys(reasons))}")


async def _connected(url: str, name: str) -> AbstractConnection:
    link = _link(url, name)
    await _look_up(urlsplit(url).hostname or "")
    async with _dropped_on_error(link):
        await cast("Awaitable[None]", link.connect())  # type: ignore[no-untyped-call]
    return link


async def _ask(link: AbstractConnection, *command: str) -> Any:
    async with _dropped_on_error(link):
        await link.send_command(*command)
        return cast("Any", await link.read_response())


async def _look_up(host: str) -> None:
    """Wait until a name can be looked up, and leave what it leads to, which the system now knows, to the connection.

    A resolver that hangs does so for up to a minute. Loops look names up in a pool of a few threads, which it would fill: long
    after the name is known again, nothing could connect. So each look has a thread of its own, and may be left behind.
    """
    if not host or _is_number(host):
        return
    answer = Future[OSError | None]()
    Thread(target=_answer, args=(host, answer), name="lineshaft-lookup", daemon=True).start()
    if error := await asyncio.shield(asyncio.wrap_future(answer)):
        raise error


def _answer(host: str, answer: Future[OSError | None]) -> None:
    try:
        resolve(host, None)
    except OSError as error:
        answer.set_result(error)
    else:
        answer.set_result(None)


def _is_number(host: str) -> bool:
    with contextlib.suppress(ValueError):
        ip_address(host.partition("%")[0])
        return True
    return False


def _link(url: str, name: str) -> AbstractConnection:
    """A connection object, not yet connected, with nothing left to redis-py's own timeouts and retries."""
    try:
        options: dict[str, Any] = dict(parse_url(url))
        kind = options.pop("connection_class", TcpConnection)
        options.update(
            socket_timeout=None,
            socket_connect_timeout=None,
            retry=Retry(NoBackoff(), 0),
            protocol=3,
            client_name=name,
            driver_info=None,
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
        return cast("AbstractConnection", kind(**options))
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"the Redis URL cannot be used: {error}; it looks like {FORMS}") from error


@contextlib.asynccontextmanager
async def _dropped_on_error(link: AbstractConnection) -> AsyncGenerator[None]:
    try:
        yield
    except BaseException:
        await _dropped(link)
        raise


async def _dropped(link: AbstractConnection) -> None:
    with contextlib.suppress(*BROKEN):
        await link.disconnect(nowait=True)


def _with_port(host: str) -> str:
    has_port = host.rpartition(":")[2].isdigit() and not host.endswith("]")
    return host if has_port else f"{host}:{SENTINEL_PORT}"
