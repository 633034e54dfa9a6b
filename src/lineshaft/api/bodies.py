"""Reads a request's body, up to its limits: no more bytes than allowed, and no longer than a client may take."""

import asyncio
import contextlib
from collections.abc import Mapping

from starlette.types import Receive, Scope

from lineshaft.api.deadlines import Deadlines
from lineshaft.api.problems import BAD_REQUEST, BODY_TOO_LARGE, BODY_TOO_SLOW, Problem, Refused, refused

BODY_S = 10.0  # how long a client may take to send a body
LINGER_S = 1.0
LINGER_BYTES = 16 * 1_048_576

_ONCE = (b"host", b"origin", b"content-length", b"transfer-encoding", b"sec-fetch-site", b"idempotency-key", b"authorization")


class Gone(Exception):
    """The client went away before it had sent the whole body; there is nobody to answer."""


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    """The headers by name, in lower case.

    Raises:
        Refused: one that decides something stands there twice.
    """
    given = scope["headers"]
    headers = dict(given)
    if len(headers) != len(given):
        names = [name for name, _ in given]
        for name in _ONCE:
            if names.count(name) > 1:
                raise refused(BAD_REQUEST, f"The header {name.decode()} stands in the request more than once.")
    return headers


def too_large(headers: Mapping[bytes, bytes], limit: int) -> Problem | None:
    """Why the body is refused before it is read: what the headers say of it."""
    length = headers.get(b"content-length")
    if length is None:
        return None
    if not length.isdigit():
        return Problem(BAD_REQUEST, "The header content-length is not a number.")
    if len(length) > len(str(limit)) + 20 or int(length) > limit:
        return too_large_problem(limit)
    return None


def too_large_problem(limit: int) -> Problem:
    """The problem of a body beyond the limit."""
    return Problem(BODY_TOO_LARGE, f"The body may have {limit} bytes at most: store more elsewhere and pass where it is.")


def has_body(scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
    """Whether a body may follow the head."""
    if b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0":
        return True
    return not str(scope["http_version"]).startswith("1")  # later versions need neither header


async def read_body(receive: Receive, limit: int, deadlines: Deadlines) -> bytes:
    """Read the whole body. What it is said to be does not matter: it is JSON, or it is refused as none.

    Raises:
        Refused: it is larger than the limit, or takes longer than the deadlines allow.
        Gone: the client went away.
    """
    try:
        return await deadlines.within(_read(receive, limit))
    except TimeoutError:
        raise refused(BODY_TOO_SLOW, "The body took too long to arrive.") from None


async def linger(receive: Receive) -> None:
    """Take in and drop what a client still sends of a body that was refused, within bounds.

    Without this the connection would be reset under the client's hands, and it might never read the answer.
    """
    taken = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            while taken < LINGER_BYTES:
                message = await receive()
                taken += len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return


async def _read(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    left = limit
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Gone
        part: bytes = message.get("body", b"")
        left -= len(part)
        if left < 0:
            raise Refused(too_large_problem(limit))
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)
