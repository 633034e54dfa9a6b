"""What `GET /task-types` says of each task: where it waits, and which arguments fit, as a JSON Schema made from annotations."""

import inspect
from typing import Any

import msgspec

from lineshaft.app import App
from lineshaft.registry import TaskSpec
from lineshaft.signature import Signature

Schema = dict[str, Any]

REFERENCE = "#/$defs/{name}"
BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def task_types(app: App) -> list[dict[str, Any]]:
    """The tasks of an app by their names."""
    return [_view(spec, app.default_task) for spec in sorted(app.registry, key=lambda spec: spec.name)]


def arguments_schema(signature: Signature) -> Schema:
    """A JSON Schema of the object that holds the arguments by name; what an annotation does not tell may be anything."""
    named = {p.name: p for p in signature.parameters if p.kind in BY_NAME}
    rest = next((p for p in signature.parameters if p.kind is p.VAR_KEYWORD), None)
    schemas, definitions = _schemas([signature.hints.get(p.name, Any) for p in (*named.values(), *([rest] if rest else []))])
    schema: Schema = {
        "type": "object",
        "properties": dict(zip(named, schemas, strict=False)),
        "required": [name for name, p in named.items() if p.default is p.empty],
        "additionalProperties": schemas[-1] if rest else False,
    }
    return {**schema, "$defs": definitions} if definitions else schema


def _view(spec: TaskSpec, default_task: str) -> dict[str, Any]:
    parameters = spec.signature.parameters
    return {
        "task": spec.name,
        "queue": spec.queue,
        "is_default": spec.name == default_task,
        "description": inspect.getdoc(spec.function),
        "positional": [p.name for p in parameters if p.kind in BY_POSITION],
        "takes_more": any(p.kind is p.VAR_POSITIONAL for p in parameters),
        "arguments": arguments_schema(spec.signature),
    }


def _schemas(types: list[Any]) -> tuple[list[Schema], Schema]:
    """A schema of each type, and the definitions that they refer to."""
    definitions: Schema = {}

    def describe(kind: Any) -> Schema:
        """What msgspec does not know by itself: pydantic models; anything else may be anything."""
        if not hasattr(kind, "model_json_schema"):
            return {}
        schema: Schema = kind.model_json_schema(ref_template=REFERENCE.replace("name", "model"))
        definitions.update(schema.pop("$defs", {}))
        return schema

    def made(kinds: list[Any]) -> tuple[tuple[Schema, ...], Schema]:
        return msgspec.json.schema_components(kinds, schema_hook=describe, ref_template=REFERENCE)

    def told(kind: Any) -> Any:
        try:
            made([kind])
        except (TypeError, msgspec.ValidationError):
            return Any
        return kind

    schemas, components = made([told(kind) for kind in types])
    return list(schemas), {**components, **definitions}
