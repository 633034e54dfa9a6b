"""The responses that FastAPI's operations give, encoded by msgspec like everything else."""

from typing import Any

import msgspec
from fastapi import Response

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


def problem_response(problem: Problem) -> Response:
    """A problem as a response."""
    start, body = problem_answer(problem)
    response = Response(body["body"], start["status"])
    response.raw_headers[:] = start["headers"]
    return response
