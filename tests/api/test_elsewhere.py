"""The API where others run it: below a path of another app, on another ASGI server's events, on uvicorn without httptools."""

import asyncio
import contextlib
import json
from typing import Any

import pytest

from api.conftest import LocalApi
from api.running import call
from lineshaft import App, Settings
from lineshaft.api import create_api, server


def ask(redis_url: str, method: str, path: str, body: bytes = b"", **scope: Any) -> tuple[int, dict[str, str], Any]:
    """One request, straight to the application."""
    app = App("mounted", settings=Settings(redis_url=redis_url))
    messages = [{"type": "http.request", "body": body[:3], "more_body": True}, {"type": "http.request", "body": body[3:]}]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    async def run() -> None:
        headers = [(b"host", b"localhost")]
        whole = {"type": "http", "http_version": "1.1", "method": method, "path": path, "query_string": b""}
        await create_api(app)({**whole, "headers": headers, **scope}, receive, send)
        await app.close()

    asyncio.run(run())
    start, *rest = sent
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], headers, json.loads(b"".join(message["body"] for message in rest))


def test_below_a_path_of_another_app(redis_url: str) -> None:
    status, headers, body = ask(redis_url, "POST", "/jobs/tasks", root_path="/jobs")
    assert status == 201
    assert headers["location"] == f"/jobs/tasks/{body['taskID']}"
    assert ask(redis_url, "GET", f"{headers['location']}/status", root_path="/jobs")[2] == {"status": "pending"}
    assert ask(redis_url, "GET", headers["location"], root_path="/jobs")[2]["task"] == "lineshaft.ping"


def test_http_2_needs_no_header_for_a_body(redis_url: str) -> None:
    body = b'{"id":"over-http-2"}'
    assert ask(redis_url, "POST", "/tasks", body, http_version="2")[::2] == (201, {"taskID": "over-http-2"})


def test_without_httptools(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "http_protocol", "h11")
    api = LocalApi(App("plain", settings=Settings()), redis_url)
    try:
        task_id = api.post({"task": "lineshaft.ping"}).json["taskID"]
        assert api.get(f"/tasks/{task_id}/status").json == {"status": "pending"}
        assert api.post(b"x" * 2_000_000).kind == "body-too-large"
        with contextlib.closing(api.connect()) as connection:
            assert call(connection, "HEAD", f"/tasks/{task_id}").body == b""
            assert call(connection, "POST", "/tasks", b"{").kind == "bad-json"
            assert call(connection, "GET", "/readyz").status == 200
    finally:
        api.stop()
