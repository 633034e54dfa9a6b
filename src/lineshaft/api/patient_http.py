"""uvicorn's HTTP protocol with limits that it lacks: how large the head of a request may be, and how long a client may take.

Without them one client can fill the memory with a head that does not end, and many can each hold a connection for ever, by
not sending what they owe or by not taking in what they asked for.
"""

import asyncio

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from lineshaft.api.answers import PROBLEM
from lineshaft.api.one_write import OneWrite
from lineshaft.api.problems import BAD_REQUEST, HEAD_TOO_LARGE, Problem

HEAD_BYTES = 65_536
HEAD_S = 10.0
STALLED_S = 30.0  # how long a client may take in nothing of an answer
STALLED_DRAINING_S = 1.0  # and when the server is about to stop


class PatientHttp(HttpToolsProtocol):
    """One connection. Whoever runs the server calls `close_if_overdue` now and then."""

    _head_bytes = 0
    _head_since_s: float | None = None  # None while the client owes no head: a request is answered, or none has begun
    _unsent_bytes = 0
    _taken_in_s = 0.0  # when the client was last seen to take something in, or to have nothing to take in

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client connected, and owes the head of a request from now on."""
        super().connection_made(OneWrite(transport, self.loop))
        self._head_since_s = self._taken_in_s = self.loop.time()

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
        """Close the connection of a client that has taken too long over the head of its request, or with our answer."""
        if self._head_since_s is not None and self.loop.time() - self._head_since_s > HEAD_S:
            self.transport.close()
        self._abort_if_stalled(STALLED_S)

    def drain(self) -> None:
        """The server is about to stop: do not wait for a client that takes nothing in."""
        self._abort_if_stalled(STALLED_DRAINING_S)

    def _abort_if_stalled(self, limit_s: float) -> None:
        unsent_bytes = self.transport.get_write_buffer_size()
        if unsent_bytes == 0 or unsent_bytes < self._unsent_bytes:
            self._taken_in_s = self.loop.time()
        self._unsent_bytes = unsent_bytes
        if unsent_bytes and self.loop.time() - self._taken_in_s > limit_s:
            self.transport.abort()

    def _close_with(self, problem: Problem) -> None:
        body = msgspec.json.encode(problem.as_json())
        headers = [*self.server_state.default_headers, PROBLEM, (b"content-length", b"%d" % len(body)), *problem.all_headers]
        lines = [b"%b: %b\r\n" % header for header in headers]
        self.transport.write(b"".join([STATUS_LINE[problem.kind.status], *lines, b"\r\n", body]))
        self.transport.close()
