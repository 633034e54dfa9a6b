"""One connection to Redis, one call at a time.

It sends nothing twice by itself, unless it is told that every call on it may be repeated. A call that was cancelled, that
timed out or that failed drops the connection, so a late reply can never be taken for another's. The address is asked for at
each connect, so a server that moved is found again.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any, cast

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import AuthenticationError, NoPermissionError, NoScriptError, OutOfMemoryError, ResponseError
from redis.exceptions import ConnectionError as BrokenConnectionError

from lineshaft.broker import address
from lineshaft.broker.address import BROKEN
from lineshaft.errors import ConfigurationError, DamagedRecordError, LineshaftError, ServerFullError, ServerUnavailableError

Part = bytes | str | int | float

CLOSE_S = 1.0  # for the server to agree to an end, as TLS has it
SILENCE_S = 10.0  # on a connection that listens, before the server is asked whether it is there, and as long again

_PASSING = (
    "LOADING", "BUSY", "MISCONF", "MASTERDOWN", "READONLY", "CLUSTERDOWN", "NOREPLICAS", "TRYAGAIN", "UNBLOCKED",
)  # fmt: skip


class ScriptUnknownError(LineshaftError):
    """The server does not hold the script under its SHA-1; send its source."""


class Connection:
    """One connection, made when it is first needed and made again after it broke."""

    def __init__(self, find_address: Callable[[], str], *, name: str, timeout_s: float, repeats: bool = False) -> None:
        self._find_address = find_address
        self._name = name
        self._timeout_s = timeout_s
        self._repeats = repeats
        self._turn = asyncio.Lock()
        self._link: AbstractConnection | None = None

    async def call(self, *command: Part, timeout_s: float | None = None) -> Any:
        """Send one command and give its reply.

        Args:
            command: the command's parts.
            timeout_s: how long the whole call may take; the connection's own limit by default.

        Raises:
            ServerUnavailableError: it could not be sent, got no reply in time, or the server is not ready; its attribute
                `sent` says whether the command may have reached the server.
            ServerFullError: the server is at its memory limit and refused a write.
            DamagedRecordError: a key has another type than Lineshaft gives it.
            ConfigurationError: the server refuses this user or this URL.
        """
        async with self._turn:
            request, limit_s = packed(command), timeout_s or self._timeout_s
            try:
                return await self._exchange(request, limit_s)
            except ServerUnavailableError as error:
                if not self._repeats or isinstance(error, ServerFullError):
                    raise
            return await self._exchange(request, limit_s)

    async def calls(self, commands: Sequence[Sequence[Part]]) -> list[Any]:
        """Send several commands in one write and give their replies; raises as `call`, and the first refusal of any."""
        if not commands:
            return []
        if self._repeats:
            await self.call("PING")  # several commands in one write are not repeated, so begin on a connection that works
        async with self._turn:
            all_packed = b"".join(packed(command) for command in commands)
            requests = [all_packed] + [b""] * (len(commands) - 1)
            replies = [await self._exchange(request, self._timeout_s, refusals=True) for request in requests]
        for reply in replies:
            if isinstance(reply, LineshaftError):
                raise reply
        return replies

    async def subscribe(self, channel: str) -> None:
        """Subscribe to a channel; from then on this connection is for `listen` alone.

        Raises:
            ServerUnavailableError: the connection broke.
        """
        await self._drop()
        await self._exchange(packed(("SUBSCRIBE", channel)), self._timeout_s, push=True)

    async def listen(self) -> list[Any]:
        """Wait for the next message of the channels this connection subscribed to, without a time limit.

        After a silence the server is asked whether it is there, so a connection that leads nowhere any more is noticed.

        Raises:
            ServerUnavailableError: the connection broke.
        """
        link = self._link
        if link is None:
            raise unavailable("the connection was lost", sent=False)
        asked = False
        try:
            while True:
                said = cast("Any", await link.read_response(timeout=SILENCE_S, disconnect_on_error=False, push_request=True))
                if said is not None and said != b"PONG":
                    return cast("list[Any]", said)
                if said is None and asked:
                    raise BrokenConnectionError(f"no answer within {SILENCE_S:g} s")
                if said is None:
                    await link.send_packed_command(packed(("PING",)), check_health=False)
                asked = said is None
        except BROKEN as error:
            await self._drop()
            raise unavailable(str(error), sent=True) from error

    async def close(self) -> None:
        """End the connection in order; the next call makes a new one."""
        await self._drop(nowait=False)

    async def _drop(self, *, nowait: bool = True) -> None:
        link, self._link = self._link, None
        if link is not None:
            with contextlib.suppress(*BROKEN):
                async with asyncio.timeout(CLOSE_S):
                    await link.disconnect(nowait=nowait)

    async def _exchange(self, request: bytes, timeout_s: float, *, push: bool = False, refusals: bool = False) -> Any:
        sent = False
        try:
            async with asyncio.timeout(timeout_s):
                if request and self._link is not None and await self._link.can_read():
                    await self._drop()  # it has ended, or has said what nobody asked for; nothing was sent on it yet
                link = self._link or await self._connect()
                sent = True
                if request:
                    await link.send_packed_command(request, check_health=False)
                return cast("Any", await link.read_response(push_request=push))
        except ResponseError as error:
            refusal = refusal_of(error)
            if isinstance(refusal, ServerUnavailableError):
                await self._drop()  # a demoted server stays connected; the next call must look for the new one
            elif refusals:
                return refusal
            raise refusal from error
        except TimeoutError as error:
            await self._drop()
            raise unavailable(f"no answer within {timeout_s:g} s", sent=sent) from error
        except AuthenticationError as error:
            await self._drop()
            raise ConfigurationError(login_refusal(str(error))) from error
        except BROKEN as error:
            await self._drop()
            raise unavailable(str(error), sent=sent) from error
        except BaseException:
            await self._drop()
            raise

    async def _connect(self) -> AbstractConnection:
        self._link = await address.connect(self._find_address(), self._name)
        return self._link


def packed(command: Sequence[Part]) -> bytes:
    """A command as it goes over the wire."""
    pack = cast("Callable[[Any], bytes]", hiredis.pack_command)  # pyright: ignore[reportUnknownMemberType] - its stub is wrong
    return pack(tuple(command))


def login_refusal(said: str) -> str:
    """What to do where Redis does not let us in."""
    if "HELLO" in said or "Authentication required" in said:
        return "Redis wants a password, and none was given; check the Redis URL: redis://:PASSWORD@host:6379/0"
    return f"Redis refuses this user or password: {said.rstrip('.')}; check the Redis URL"


def unavailable(reason: str, *, sent: bool) -> ServerUnavailableError:
    """The error for a server that could not be reached or did not answer."""
    return ServerUnavailableError(f"Redis cannot be reached: {reason.rstrip('.')}", sent=sent)


def refusal_of(error: ResponseError) -> LineshaftError:
    """Turn an error that Redis answered into ours."""
    text = f"{getattr(error, 'status_code', None) or ''} {error}".strip()
    if isinstance(error, NoScriptError):
        return ScriptUnknownError(text)
    if isinstance(error, OutOfMemoryError) or "OOM command not allowed" in text:
        return ServerFullError("Redis is at its memory limit and takes no new work; nothing was written", sent=False)
    if isinstance(error, NoPermissionError):
        return ConfigurationError(f"Redis does not let this user do that: {error}")
    if "WRONGTYPE" in text:
        return DamagedRecordError(f"a key in Redis has another type than Lineshaft gives it: {error}")
    if any(word in text.split(" ", 3)[:3] or f"-{word}" in text for word in _PASSING):
        return ServerUnavailableError(f"Redis is not ready: {text}", sent=False)
    return LineshaftError(f"Redis refused a call: {text}")
