"""A real API process, and plain clients for it: `http.client` for what is proper HTTP, a bare socket for what is not."""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from api.documented import Document

START_S = 30.0
STOP_S = 15.0
ANSWER_S = 20.0
TESTS = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Reply:
    """One answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    took_s: float = 0.0

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def kind(self) -> str:
        """What kind of problem it is."""
        assert self.headers["content-type"] == "application/problem+json", self
        problem = self.json
        assert problem["status"] == self.status
        return problem["type"].removeprefix("urn:lineshaft:problem:")


class Api:
    """An API that listens on a port. Every reply that `call` gets is held against the OpenAPI document."""

    port: int
    headers: Mapping[str, str] = {}  # of the request for the document

    @cached_property
    def document(self) -> Document:
        """Its document."""
        with contextlib.closing(self.connect()) as connection:
            return Document(call(connection, "GET", "/openapi.json", headers=self.headers).json)

    def connect(self) -> http.client.HTTPConnection:
        """A connection that is kept alive."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_S)

    def raw(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=ANSWER_S)

    def call(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Reply:
        """One request on a connection of its own. A body that is no bytes is sent as JSON."""
        with contextlib.closing(self.connect()) as connection:
            reply = call(connection, method, path, body, headers)
        self.document.check(method, path, reply.status, reply.headers, reply.body)
        return reply

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        """GET."""
        return self.call("GET", path, None, headers)

    def post(self, body: Any = None, headers: Mapping[str, str] | None = None) -> Reply:
        """POST /tasks."""
        return self.call("POST", "/tasks", body, headers)


class RunningApi(Api):
    """The API in a process of its own, with us as its supervisor."""

    def __init__(
        self,
        redis_url: str,
        *,
        app: str = "shop:app",
        host: str = "127.0.0.1",
        port: int = 0,
        hosts: tuple[str, ...] = (),
        token: str | None = None,
        no_auth: bool = False,
        **settings: Any,
    ) -> None:
        self._line, theirs = socket.socketpair()
        self._line.settimeout(START_S)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "lineshaft.api.process", str(theirs.fileno()), str(os.getpid())],
                pass_fds=[theirs.fileno()],
                cwd=TESTS,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        orders = {"app": app, "settings": {"redis_url": redis_url, **settings}, "host": host, "port": port}
        self.tell({**orders, "hosts": hosts, "token": token, "no_auth": no_auth, "log_level": "INFO"})
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        with self._line.makefile("rb") as lines:
            said = lines.readline()
        self.said = json.loads(said) if said else {}
        self.url: str = self.said.get("url", "")
        self.port = urlsplit(self.url).port or 0
        self.stderr = ""

    def tell(self, message: dict[str, Any]) -> None:
        """Send it a message."""
        self._line.sendall(json.dumps(message).encode() + b"\n")

    def drain(self) -> int:
        """Have it end in order; gives its exit code."""
        self.tell({"drain": 25})
        return self.ended()

    def leave(self) -> int:
        """End as its supervisor would that was killed; gives its exit code."""
        self._line.close()
        return self.ended()

    def ended(self) -> int:
        """Wait until it has ended; gives its exit code."""
        _, stderr = self.process.communicate(timeout=STOP_S)
        self.stderr = stderr.decode()
        self._line.close()
        return self.process.returncode

    def stop(self) -> None:
        """End it, whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
        if not self.process.stderr.closed:
            self.ended()


def call(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """One request on a connection that stays open."""
    sent = dict(headers or {})
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        sent.setdefault("Content-Type", "application/json")
    began_s = time.monotonic()
    connection.request(method, path, body, sent)
    return reply_of(connection.getresponse(), began_s)


def read_reply(link: socket.socket) -> Reply:
    """Read one answer from a bare connection."""
    answer = http.client.HTTPResponse(link)
    answer.begin()
    return reply_of(answer, time.monotonic())


def reply_of(answer: http.client.HTTPResponse, began_s: float) -> Reply:
    """What an answer says."""
    body = answer.read()
    headers = {name.lower(): value for name, value in answer.getheaders()}
    return Reply(answer.status, headers, body, time.monotonic() - began_s)
