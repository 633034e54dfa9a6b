"""The responses that FastAPI's operations give, encoded by msgspec like everything else."""

import hashlib
import re
from typing import Any

import msgspec
from fastapi import Request, Response

from lineshaft.api.answers import ALWAYS, problem_answer
from lineshaft.api.problems import Problem


class JsonResponse(Response):
    """A value as JSON."""

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200) -> None:
        super().__init__(content, status_code)
        self.raw_headers.extend(ALWAYS)

    def render(self, content: Any) -> bytes:
        """Encode it."""
        return msgspec.json.encode(content)


def tagged_response(request: Request, content: Any) -> Response:
    """A value as JSON with a tag of its content: 304 without the value where the request has that tag already."""
    response: Response = JsonResponse(content)
    tag = f'"{hashlib.blake2b(response.body, digest_size=16).hexdigest()}"'
    known = ",".join(request.headers.getlist("if-none-match"))
    if known.strip() == "*" or tag in re.findall(r'"[^"]*"', known):
        response = Response(status_code=304)
    response.headers["etag"] = tag
    response.headers["cache-control"] = "private, no-cache"  # a browser may keep it, and asks each time whether it still holds
    return response


def problem_response(problem: Problem) -> Response:
    """A problem as a response."""
    start, body = problem_answer(problem)
    response = Response(body["body"], start["status"])
    response.raw_headers[:] = start["headers"]
    return response
