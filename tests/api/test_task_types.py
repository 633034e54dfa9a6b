"""`GET /task-types`: what can be queued, with schemas that say the same as the server does."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from api.running import RunningApi
from api.shop import app as shop
from lineshaft import App, Settings, TaskContext
from lineshaft.api.task_types import arguments_schema, task_types


class Line(BaseModel):
    sku: str


class Order(BaseModel):
    lines: list[Line]


@dataclass
class Parcel:
    street: str
    weight: float = 1.0


class Strange: ...


def schema_of(function: Any) -> dict[str, Any]:
    app = App("types", settings=Settings())
    app.task(function)
    schema = arguments_schema(app.registry.get(function.__name__).signature)
    Draft202012Validator.check_schema(schema)
    return schema


def fits(schema: dict[str, Any], value: object) -> bool:
    return Draft202012Validator(schema).is_valid(value)


def test_every_task_is_told_by_its_name(api: RunningApi) -> None:
    reply = api.get("/task-types")
    assert reply.status == 200
    assert [kind["task"] for kind in reply.json] == sorted(spec.name for spec in shop.registry)
    (resize,) = [kind for kind in reply.json if kind["task"] == "resize"]
    assert resize == {
        "task": "resize",
        "queue": "default",
        "is_default": False,
        "description": None,
        "positional": ["path", "width"],
        "takes_more": False,
        "arguments": {
            "type": "object",
            "properties": {"path": {"type": "string"}, "width": {"type": "integer"}},
            "required": ["path"],
            "additionalProperties": False,
        },
    }
    assert [kind["task"] for kind in reply.json if kind["is_default"]] == ["ping"]
    assert {kind["task"]: kind["queue"] for kind in reply.json}["send"] == "post"
    assert {kind["task"]: kind["takes_more"] for kind in reply.json}["anything"]


@pytest.mark.parametrize(
    ("task", "kwargs"),
    [
        *[("resize", {"path": "a"}), ("resize", {"path": 1}), ("resize", {}), ("resize", {"path": "a", "wdth": 1})],
        *[
            ("send", {"parcel": {"street": "Elm"}}),
            ("send", {"parcel": {}}),
            ("send", {"parcel": {"street": "a"}, "express": 1}),
        ],
        *[("anything", {"a": 1}), ("sleep", {"seconds": 1}), ("sleep", {"seconds": "1"}), ("ping", {}), ("ping", {"a": 1})],
    ],
)
def test_a_schema_and_the_server_are_of_one_mind(api: RunningApi, task: str, kwargs: dict[str, Any]) -> None:
    (schema,) = [kind["arguments"] for kind in api.get("/task-types").json if kind["task"] == task]
    accepted = api.post({"task": task, "kwargs": kwargs}).status == 201
    assert fits(schema, kwargs) is accepted


def test_a_description_is_what_the_author_says() -> None:
    app = App("types", settings=Settings())

    @app.task
    async def sweep() -> None:
        """Sweep the floor."""

    assert {kind["task"]: kind["description"] for kind in task_types(app)}["sweep"] == "Sweep the floor."


def test_a_context_is_no_argument_and_an_argument_without_annotation_may_be_anything() -> None:
    def task(ctx: TaskContext, a, *, b=1, **rest: int): ...  # type: ignore[no-untyped-def]

    schema = schema_of(task)
    assert schema["properties"] == {"a": {}, "b": {}}
    assert schema["required"] == ["a"]
    assert schema["additionalProperties"] == {"type": "integer"}


def test_models_are_defined_once_and_found() -> None:
    def task(one: Order, many: list[Order], parcel: Parcel | None = None): ...  # type: ignore[no-untyped-def]

    schema = schema_of(task)
    order = {"lines": [{"sku": "a"}]}
    assert fits(schema, {"one": order, "many": [order], "parcel": {"street": "Elm"}})
    assert fits(schema, {"one": order, "many": [], "parcel": None})
    assert not fits(schema, {"one": {"lines": [{}]}, "many": []})
    assert not fits(schema, {"one": order, "many": [order], "parcel": {}})
    assert set(schema["$defs"]) == {"Line", "Parcel"}


def test_limits_and_choices_are_told() -> None:
    def task(n: Annotated[int, msgspec.Meta(ge=1)], word: Literal["a", "b"]): ...  # type: ignore[no-untyped-def]

    schema = schema_of(task)
    assert fits(schema, {"n": 1, "word": "a"})
    assert not fits(schema, {"n": 0, "word": "a"})
    assert not fits(schema, {"n": 1, "word": "c"})


def test_what_no_schema_can_tell_may_be_anything() -> None:
    def task(a: Strange, b: "nowhere.Known", c: complex, d: list[Strange]): ...  # type: ignore[no-untyped-def, name-defined]  # noqa: F821

    assert set(schema_of(task)["properties"]) == {"a", "b", "c", "d"}
    assert fits(schema_of(task), {"a": 1, "b": [], "c": "x", "d": [1]})


def test_positional_only_arguments_have_no_name_to_go_by() -> None:
    app = App("types", settings=Settings())

    @app.task
    def join(a: int, /, b: int, *more: int) -> int:
        return a + b + sum(more)

    (told,) = [kind for kind in task_types(app) if kind["task"] == "join"]
    assert (told["positional"], told["takes_more"]) == (["a", "b"], True)
    assert set(told["arguments"]["properties"]) == {"b"}
