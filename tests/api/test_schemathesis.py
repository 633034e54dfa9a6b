"""Many requests made up from the OpenAPI document, proper ones and others: every answer is one that the document knows of."""

from collections.abc import Mapping

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi import checks

from api.running import ANSWER_S, RunningApi
from api.test_openapi import OPERATIONS

EXAMPLES = 100  # for each of the tests below: some forty, half a second each

# An operation -> why nothing is made up for it.
LEFT_OUT = {
    ("GET", "/events"): "a stream does not end; test_events.py has it",
}
# An operation -> checks that say too much of it, and why.
TOO_STRICT = {
    ("POST", "/tasks"): (
        checks.positive_data_acceptance,
        "the document cannot say which tasks the app knows, nor which arguments they take",
    ),
    ("POST", "/tasks/batch"): (checks.negative_data_rejection, "each item is judged for itself, and the answer is 200"),
    ("GET", "/tasks"): (checks.positive_data_acceptance, "the document cannot say which cursors were given out"),
}
# They take neither parameters nor a body, so nothing that they are sent is wrong.
TAKES_NOTHING = {("GET", path) for path in ("/healthz", "/queues", "/readyz", "/stats", "/task-types", "/workers")}

ASKED = sorted(OPERATIONS - set(LEFT_OUT))
ONE_TASK = sorted((method, path) for method, path in OPERATIONS if "{task_id}" in path)


@pytest.mark.parametrize(("method", "path"), ASKED)
def test_what_is_proper(api: RunningApi, method: str, path: str) -> None:
    send_many(api, method, path, GenerationMode.POSITIVE)


@pytest.mark.parametrize(("method", "path"), sorted(set(ASKED) - TAKES_NOTHING))
def test_what_is_wrong(api: RunningApi, method: str, path: str) -> None:
    send_many(api, method, path, GenerationMode.NEGATIVE)


@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize(("method", "path"), ONE_TASK)
def test_what_is_asked_of_a_task_that_is_there(api: RunningApi, method: str, path: str, ended: bool) -> None:
    api.post({"id": "some"})
    if ended or path.endswith("/result"):  # which would wait for the end
        api.call("DELETE", "/tasks/some")
    send_many(api, method, path, GenerationMode.POSITIVE, {"task_id": "some"})


def test_what_is_left_out_is_there_and_no_more_than_said(api: RunningApi) -> None:
    assert set(LEFT_OUT) | set(TOO_STRICT) <= OPERATIONS
    taking = {(method, path) for method, path, of in api.document.operations() if "parameters" in of or "requestBody" in of}
    assert OPERATIONS - taking == TAKES_NOTHING


def send_many(
    api: RunningApi, method: str, path: str, mode: GenerationMode, path_parameters: Mapping[str, str] | None = None
) -> None:
    """Send the same requests at each run, and have each answer checked."""
    schema = schemathesis.openapi.from_dict(api.document.json)
    schema.config.update(base_url=f"http://127.0.0.1:{api.port}")
    excluded = [check for check, _ in [TOO_STRICT.get((method, path), (None, ""))] if check]
    given_path = None if path_parameters is None else dict(path_parameters)

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(schema[path][method].as_strategy(mode, path_parameters=given_path))
    def send(case: Case) -> None:
        case.call_and_validate(timeout=ANSWER_S, excluded_checks=excluded)

    send()
