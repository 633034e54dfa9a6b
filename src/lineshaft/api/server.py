"""uvicorn as a child of our supervisor: it leaves the signals alone, tells when it listens, and closes what is overdue."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Generator
from socket import socket
from typing import Protocol, runtime_checkable

import uvicorn
from starlette.types import ASGIApp

try:
    from lineshaft.api.patient_http import PatientHttp
except ImportError:  # httptools is an optional extra; h11 limits the size of a head by itself, and not its time
    http_protocol: type[asyncio.Protocol] | str = "h11"
else:
    http_protocol = PatientHttp

GRACE_S = 3
LOOK_TICKS = 10  # uvicorn ticks every 0.1 s


def configuration(api: ASGIApp) -> uvicorn.Config:
    """How uvicorn is run: our log, no access log, no trust in proxies' headers, no WebSockets."""
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    return uvicorn.Config(
        api,
        http=http_protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )


@runtime_checkable
class Patient(Protocol):
    """A connection that does not wait for ever."""

    def close_if_overdue(self) -> None:
        """Close it where its client takes too long."""

    def drain(self) -> None:
        """Close it where its client would keep the server from stopping."""


class Server(uvicorn.Server):
    """One server; set `should_exit` to have it stop.

    Args:
        config: made by `configuration`.
        on_listening: called when it takes connections.
        on_stopping: called when it takes no more, before it waits for the requests that are under way.
    """

    def __init__(
        self, config: uvicorn.Config, on_listening: Callable[[], None], on_stopping: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__(config)
        self._on_listening = on_listening
        self._on_stopping = on_stopping

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Signals are the supervisor's alone."""
        yield

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Start, then tell."""
        await super().startup(sockets)
        self._on_listening()

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Tell, then stop."""
        self._on_stopping()
        for connection in self._patient():
            connection.drain()
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Look at the connections once a second."""
        if counter % LOOK_TICKS == 0:
            for connection in self._patient():
                connection.close_if_overdue()
        return await super().on_tick(counter)

    def _patient(self) -> list[Patient]:
        return [each for each in list[object](self.server_state.connections) if isinstance(each, Patient)]
