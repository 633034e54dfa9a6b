"""Answers over ASGI: JSON and problems, each made whole before anything is sent. Knows nothing of tasks."""

import msgspec
from starlette.types import Message, Send

from lineshaft.api.problems import MEDIA_TYPE, Headers, Problem

ALWAYS: Headers = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
JSON = (b"content-type", b"application/json")
PROBLEM = (b"content-type", MEDIA_TYPE.encode())

Answer = tuple[Message, Message]


def json_answer(status: int, body: bytes, headers: Headers = ()) -> Answer:
    """An answer in JSON."""
    return _answer(status, JSON, body, headers)


def problem_answer(problem: Problem) -> Answer:
    """A refusal."""
    return _answer(problem.kind.status, PROBLEM, msgspec.json.encode(problem.as_json()), problem.all_headers)


async def send_answer(answer: Answer, send: Send) -> None:
    """Send it."""
    start, body = answer
    await send(start)
    await send(body)


def _answer(status: int, kind: tuple[bytes, bytes], body: bytes, headers: Headers) -> Answer:
    length = (b"content-length", b"%d" % len(body))
    return (
        {"type": "http.response.start", "status": status, "headers": [kind, length, *ALWAYS, *headers]},
        {"type": "http.response.body", "body": body},
    )
