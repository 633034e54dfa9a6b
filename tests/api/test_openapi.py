"""The OpenAPI document: whole, valid, and true. (That it is true every other test checks too, for each reply it gets.)"""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from jsonschema import Draft202012Validator

from api.running import RunningApi

OPERATIONS = {
    ("POST", "/tasks"),
    ("GET", "/tasks"),
    ("POST", "/tasks/batch"),
    ("POST", "/tasks/{task_id}/retry"),
    ("GET", "/tasks/{task_id}"),
    ("DELETE", "/tasks/{task_id}"),
    ("GET", "/tasks/{task_id}/status"),
    ("GET", "/tasks/{task_id}/result"),
    ("GET", "/queues"),
    ("POST", "/queues/{queue}/pause"),
    ("POST", "/queues/{queue}/resume"),
    ("GET", "/workers"),
    ("GET", "/stats"),
    ("GET", "/events"),
    ("GET", "/task-types"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
}


def schemas_in(value: Any) -> Iterator[dict[str, Any]]:
    """Every schema of a document, wherever it stands."""
    if isinstance(value, dict):
        if isinstance(value.get("schema"), dict):
            yield value["schema"]
        for name, item in value.items():
            if name not in {"example", "examples"}:
                yield from schemas_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from schemas_in(item)


def test_it_is_openapi_3_1(api: RunningApi) -> None:
    reply = api.get("/openapi.json")
    assert reply.headers["content-type"] == "application/json"
    assert reply.json["openapi"].startswith("3.1.")
    assert reply.json["info"]["title"]
    assert reply.json["info"]["version"]


def test_it_describes_every_operation(api: RunningApi) -> None:
    assert {(method, path) for method, path, _ in api.document.operations()} == OPERATIONS


def test_every_operation_has_a_name_of_its_own_and_words(api: RunningApi) -> None:
    operations = [operation for _, _, operation in api.document.operations()]
    assert len({operation["operationId"] for operation in operations}) == len(OPERATIONS)
    for operation in operations:
        assert operation["summary"]
        assert operation["description"]
        assert operation["tags"]


def test_every_parameter_of_a_path_is_declared(api: RunningApi) -> None:
    for _, path, operation in api.document.operations():
        declared = {(parameter["in"], parameter["name"]) for parameter in operation.get("parameters", [])}
        in_path = {parameter for parameter in declared if parameter[0] == "path"}
        assert in_path == {("path", name) for name in re.findall(r"{(\w+)}", path)}


def test_the_key_of_a_new_task_is_described(api: RunningApi) -> None:
    operation = api.document.operation("POST", "/tasks")
    assert operation is not None
    (parameter,) = operation["parameters"]
    assert (parameter["in"], parameter["name"], parameter["required"]) == ("header", "Idempotency-Key", False)
    schema = api.document.schema(parameter["schema"])
    for fitting in (parameter["example"], "a", '"a"', "a" * 255):
        schema.validate(fitting)
    for wrong in ("", " a", "a\\b", 'a"b', "é", "a" * 256):
        with pytest.raises(jsonschema.ValidationError):
            schema.validate(wrong)


def test_every_schema_is_one(api: RunningApi) -> None:
    document = api.document.json
    found = [*document["components"]["schemas"].values(), *schemas_in(document["paths"])]
    assert len(found) > len(OPERATIONS)
    for schema in found:
        Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere(api: RunningApi) -> None:
    text = json.dumps(api.document.json)
    names = {part.partition('"')[0] for part in text.split('"$ref": "')[1:]}
    assert names
    for name in names:
        target = api.document.json
        for step in name.removeprefix("#/").split("/"):
            target = target[step]


def test_every_refusal_is_a_problem_with_an_example_that_fits(api: RunningApi) -> None:
    for method, path, operation in api.document.operations():
        refusals = {status: response for status, response in operation["responses"].items() if int(status) >= 400}
        assert {"400", "403", "413", "500"} <= set(refusals), (method, path)
        for status, response in refusals.items():
            (media_type,) = response["content"]
            assert media_type == "application/problem+json"
            content = response["content"][media_type]
            for example in content["examples"].values():
                api.document.schema(content["schema"]).validate(example["value"])
                assert example["value"]["status"] == int(status)


@pytest.mark.parametrize(
    ("method", "path", "statuses"),
    [
        ("POST", "/tasks", {"200", "201", "408", "409", "422", "503"}),
        ("POST", "/tasks/batch", {"200", "408", "422", "503"}),
        ("POST", "/tasks/{task_id}/retry", {"200", "404", "409", "503"}),
        ("GET", "/tasks/{task_id}", {"200", "304", "404", "503"}),
        ("GET", "/tasks/{task_id}/result", {"200", "202", "404", "422", "503"}),
        ("GET", "/tasks/{task_id}/status", {"200", "404", "503"}),
        ("DELETE", "/tasks/{task_id}", {"200", "202", "404", "409", "503"}),
        ("GET", "/tasks", {"200", "422", "503"}),
        ("GET", "/queues", {"200", "503"}),
        ("POST", "/queues/some/pause", {"200", "422", "503"}),
        ("POST", "/queues/some/resume", {"200", "422", "503"}),
        ("GET", "/stats", {"200", "503"}),
        ("GET", "/events", {"200", "422", "503"}),
        ("GET", "/workers", {"200", "503"}),
        ("GET", "/task-types", {"200"}),
        ("GET", "/healthz", {"200"}),
        ("GET", "/readyz", {"200", "503"}),
    ],
)
def test_every_status_is_there(api: RunningApi, method: str, path: str, statuses: set[str]) -> None:
    operation = api.document.operation(method, path)
    assert operation is not None
    assert set(operation["responses"]) - {"400", "403", "413", "431", "500"} == statuses


def test_the_body_of_a_new_task_is_described_strictly(api: RunningApi) -> None:
    operation = api.document.operation("POST", "/tasks")
    assert operation is not None
    body = operation["requestBody"]
    assert not body.get("required", False)
    content = body["content"]["application/json"]
    validator = api.document.schema(content["schema"])
    for example in content["examples"].values():
        validator.validate(example["value"])
    for wrong in ({"tsak": "ping"}, {"args": {}}, {"delay": -1}, {"id": "a/b"}, {"queue": "a b"}):
        with pytest.raises(jsonschema.ValidationError):
            validator.validate(wrong)


def test_the_body_of_a_batch_is_described(api: RunningApi) -> None:
    operation = api.document.operation("POST", "/tasks/batch")
    assert operation is not None
    body = operation["requestBody"]
    assert body["required"]
    content = body["content"]["application/json"]
    validator = api.document.schema(content["schema"])
    for example in content["examples"].values():
        validator.validate(example["value"])
    validator.validate([{}] * 1_000)
    for wrong in ({}, [{"tsak": "ping"}], [{}] * 1_001):
        with pytest.raises(jsonschema.ValidationError):
            validator.validate(wrong)


def test_answers_may_have_no_other_fields(api: RunningApi) -> None:
    schemas = api.document.json["components"]["schemas"]
    for name in (
        "Created",
        "StatusView",
        "TaskView",
        "QueueView",
        "WorkerView",
        "TaskTypeView",
        "Cancelled",
        "Cancelling",
        "Retried",
        "Unfinished",
        "BatchView",
        "ItemView",
        "TaskPage",
        "TaskRow",
        "QueueState",
        "StatisticsView",
        "States",
        "Rates",
        "Minute",
    ):
        assert schemas[name]["additionalProperties"] is False
        assert set(schemas[name]["required"]) == set(schemas[name]["properties"])
    assert "ValidationError" not in schemas
