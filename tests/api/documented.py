"""Holds what the API answers against its own OpenAPI document."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator

METHODS = ("get", "post", "delete", "put", "patch")


class Document:
    """An OpenAPI document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.json = document

    def operations(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Each operation: method, path, what is said of it."""
        for path, item in self.json["paths"].items():
            for method in METHODS:
                if method in item:
                    yield method.upper(), path, item[method]

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """The operation that a request is for, if any."""
        plain = path.partition("?")[0]
        for known_method, template, operation in self.operations():
            pattern = re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(template))
            if method == known_method and re.fullmatch(pattern, plain):
                return operation
        return None

    def schema(self, schema: Mapping[str, Any]) -> Draft202012Validator:
        """A validator for a schema that may refer to the document's components."""
        return Draft202012Validator({**schema, "components": self.json["components"]})

    def check(self, method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Fail where an answer is not what the document says."""
        operation = self.operation(method, path)
        if operation is None:
            assert status in {403, 404, 405, 413} or path == "/openapi.json", (method, path, status)
            return
        assert str(status) in operation["responses"], f"{method} {path} answered {status}, which is not documented: {body!r}"
        response = operation["responses"][str(status)]
        if "content" not in response:
            assert body == b"", (method, path, status)
            return
        media_type = headers["content-type"]
        assert media_type in response["content"], f"{method} {path} answered {status} as {media_type}"
        self.schema(response["content"][media_type]["schema"]).validate(json.loads(body))
        for name in response.get("headers", {}):
            assert name.lower() in headers, f"{method} {path} answered {status} without {name}"
