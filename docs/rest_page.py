"""`docs/reference/rest.md`: every operation, its answers and the shapes of bodies, from the API's own OpenAPI document."""

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

from lineshaft.api.application import create_api
from lineshaft.demo import app

INTRODUCTION = """\
# REST

`lineshaft serve` answers on <http://localhost:3000>. Bodies are JSON in UTF-8. `GET /openapi.json` gives the document that this
page is made from, with examples of every refusal. [Other languages](../how-to/other-languages.md) has the same in use.

A refusal is a problem as RFC 9457 has them: `type`, `title`, `status`, `detail`, and sometimes more. The last part of its
`type` stands in brackets below, so that programs can tell refusals apart.
"""
METHODS = ("get", "post", "put", "patch", "delete")


def page() -> str:
    """The page."""
    document = _document()
    common = _common_refusals(document)
    lines = [INTRODUCTION, "## What any operation may answer", ""]
    lines += [f"- {status}: {text}" for status, text in sorted(common)]
    for path, operations in document["paths"].items():
        for method in METHODS:
            if method in operations:
                lines += _operation(f"{method.upper()} {path}", operations[method], common)
    lines += ["", "## Shapes"]
    for name, schema in sorted(document["components"]["schemas"].items()):
        lines += _shape(name, schema)
    return "\n".join([*lines, ""])


def _document() -> dict[str, Any]:
    """What `GET /openapi.json` answers."""
    parts: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: MutableMapping[str, Any]) -> None:
        parts.append(message.get("body", b""))

    request = {"type": "http", "http_version": "1.1", "method": "GET", "path": "/openapi.json", "root_path": ""}
    scope = request | {"query_string": b"", "headers": [(b"host", b"localhost")]}

    async def ask() -> None:
        await create_api(app)(scope, receive, send)

    asyncio.run(ask())
    document: dict[str, Any] = json.loads(b"".join(parts))
    return document


def _refusals(operation: dict[str, Any]) -> set[tuple[str, str]]:
    """Every single refusal of an operation: the document joins those that share a status."""
    return {
        (status, each)
        for status, response in operation["responses"].items()
        if status >= "400"
        for each in response["description"].split("; ")
    }


def _common_refusals(document: dict[str, Any]) -> set[tuple[str, str]]:
    operations = [one[method] for one in document["paths"].values() for method in METHODS if method in one]
    return set.intersection(*map(_refusals, operations))


def _operation(heading: str, operation: dict[str, Any], common: set[tuple[str, str]]) -> list[str]:
    lines = ["", f"## {heading}", "", f"{operation['summary']}."]
    if operation.get("description"):
        lines[-1] += " " + " ".join(operation["description"].split())
    parameters = operation.get("parameters", [])
    if parameters:
        lines += ["", "| Parameter | In | Meaning |", "|---|---|---|"]
        lines += [f"| `{each['name']}` | {each['in']} | {_cell(each.get('description', ''))} |" for each in parameters]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body:
        lines += ["", f"Takes {_type(body)}."]
    lines += ["", "| Status | Meaning | Body |", "|---|---|---|"]
    for status, response in sorted(operation["responses"].items()):
        if status < "400":
            lines.append(f"| {status} | {_cell(response['description'])} | {_body(response)} |")
    lines += [f"| {status} | {_cell(text)} | a problem |" for status, text in sorted(_refusals(operation) - common)]
    return lines


def _body(response: dict[str, Any]) -> str:
    for media_type, content in response.get("content", {}).items():
        return _type(content["schema"]) if media_type == "application/json" and content.get("schema") else f"`{media_type}`"
    return ""


def _shape(name: str, schema: dict[str, Any]) -> list[str]:
    lines = ["", f"### {name}", ""]
    if schema.get("description"):
        lines += [" ".join(schema["description"].split()), ""]
    if "properties" not in schema:
        return [*lines, f"{_type(schema).capitalize()}."]
    required = set(schema.get("required", ()))
    lines += ["| Field | Type | Meaning |", "|---|---|---|"]
    for field, of in schema["properties"].items():
        optional = "" if field in required else ", may be left out"
        lines.append(f"| `{field}` | {_type(of)}{optional} | {_cell(of.get('description', ''))} |")
    return lines


def _type(schema: dict[str, Any]) -> str:
    """A type in words, with links to the shapes that have names."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in schema or "const" in schema:
        return " or ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    for one_of in ("anyOf", "oneOf", "allOf"):
        if one_of in schema:
            return " or ".join(dict.fromkeys(_type(each) for each in schema[one_of]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    named = schema.get("format") or schema.get("type") or "any value"
    return named if isinstance(named, str) else " or ".join(named)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
