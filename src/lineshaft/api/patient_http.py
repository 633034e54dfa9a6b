"""uvicorn's HTTP protocol with limits that it lacks: how large the head of a request may be, and how long it may take.

Without them one client can fill the memory with a head that does not end, and many can each hold a connection for ever.
"""

import asyncio

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from lineshaft.api.answers import PROBLEM
from lineshaft.api.one_write import OneWrite
from lineshaft.api.problems import BAD_REQUEST, HEAD_TOO_LARGE, Problem

HEAD_BYTES = 65_536
HEAD_S = 10.0


class PatientHttp(HttpToolsProtocol):
    """One connection. Whoever runs the server calls `close_if_overdue` now and then."""

    _head_bytes = 0
    _head_since_s: float | None = None  # None while the client owes no head: a request is answered, or none has begun

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client connected, and owes the head of a request from now on."""
        super().connection_made(OneWrite(transport, self.loop))
        self._head_since_s = self.loop.time()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; what it took in without coming to the end of a head is counted."""
        super().data_received(data)
        if self._head_since_s is None or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES:
            self._close_with(Problem(HEAD_TOO_LARGE, f"The head of a request may have {HEAD_BYTES} bytes at most."))

    def on_message_begin(self) -> None:
        """The first byte of a request came."""
        super().on_message_begin()
        if self._head_since_s is None:
            self._head_since_s = self.loop.time()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._head_since_s = None
        self._head_bytes = 0
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP."""
        self._close_with(Problem(BAD_REQUEST, msg))

    def close_if_overdue(self) -> None:
        """Close the connection of a client that has taken too long over the head of its request."""
        if self._head_since_s is not None and self.loop.time() - self._head_since_s > HEAD_S:
            self.transport.close()

    def _close_with(self, problem: Problem) -> None:
        body = msgspec.json.encode(problem.as_json())
        headers = [*self.server_state.default_headers, PROBLEM, (b"content-length", b"%d" % len(body)), *problem.all_headers]
        lines = [b"%b: %b\r\n" % header for header in headers]
        self.transport.write(b"".join([STATUS_LINE[problem.kind.status], *lines, b"\r\n", body]))
        self.transport.close()
