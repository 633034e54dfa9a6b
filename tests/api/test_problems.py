"""The table from errors to problems, and what is said in the log."""

import logging

import pytest

from lineshaft import errors
from lineshaft.api import complaints, problems
from lineshaft.api.complaints import Complaints
from lineshaft.api.problems import Kind, Problem, problem_of

SECRET = "redis://:sesame@10.0.0.1/0 said WRONGTYPE"
KINDS = [kind for kind in vars(problems).values() if isinstance(kind, Kind)]


@pytest.mark.parametrize(
    ("error", "name", "status"),
    [
        (errors.ArgumentError("argument 'a' is wrong", "a"), "wrong-arguments", 422),
        (errors.UnknownTaskError("no task is named 'a'"), "unknown-task", 422),
        (errors.TaskNotFoundError(SECRET), "task-not-found", 404),
        (errors.TaskConflictError("taken"), "task-conflict", 409),
        (errors.TaskEndedError("ended", "done"), "task-ended", 409),
        (errors.TaskNotRetriedError("not ended", "pending"), "task-not-retried", 409),
        (errors.OutcomeUnknownError(SECRET), "outcome-unknown", 503),
        (errors.ServerUnavailableError(SECRET), "redis-away", 503),
        (errors.ServerFullError(SECRET), "redis-full", 503),
        (errors.NoServerError(SECRET), "redis-away", 503),
        (errors.ConfigurationError(SECRET), "misconfigured", 500),
        (errors.DamagedRecordError(SECRET), "damaged-record", 500),
        (errors.UnsupportedVersionError(SECRET), "damaged-record", 500),
        (errors.LineshaftError(SECRET), "internal", 500),
        (KeyError(SECRET), "internal", 500),
        (RecursionError(SECRET), "bad-json", 400),
    ],
)
def test_each_error_leads_to_a_problem_that_tells_no_secret(error: Exception, name: str, status: int) -> None:
    problem = problem_of(error)
    assert (problem.kind.name, problem.kind.status) == (name, status)
    assert "sesame" not in str(problem.as_json())
    assert (problem.kind.headers == problems.RETRY_AFTER) == (status == 503)


def test_only_what_was_not_sent_is_said_to_be_undone() -> None:
    assert "nothing was written" in problem_of(errors.ServerUnavailableError("a", sent=False)).detail
    assert "nothing was written" not in problem_of(errors.ServerUnavailableError("a", sent=True)).detail


def test_every_kind_has_a_name_of_its_own() -> None:
    assert len({kind.type for kind in KINDS}) == len(KINDS)
    assert all(kind.type == f"urn:lineshaft:problem:{kind.name}" for kind in KINDS)


def test_members_stand_beside_the_four_of_the_rfc() -> None:
    problem = Problem(problems.WRONG_FIELD, "so it is", {"field": "delay"})
    assert problem.as_json() == {
        "type": "urn:lineshaft:problem:wrong-field",
        "title": "A field of the body is wrong",
        "status": 422,
        "detail": "so it is",
        "field": "delay",
    }


def test_a_detail_has_an_end() -> None:
    assert len(Problem(problems.WRONG_FIELD, "x" * 100_000).as_json()["detail"]) == problems.DETAIL_KEPT


def say(said: Complaints, error: Exception) -> None:
    said.say(error, problem_of(error))


def test_the_log_says_what_is_wrong_with_the_server_and_not_with_callers(caplog: pytest.LogCaptureFixture) -> None:
    said = Complaints()
    say(said, errors.ArgumentError("a"))
    say(said, errors.TaskNotFoundError("a"))
    assert caplog.records == []
    for _ in range(3):
        say(said, errors.ServerUnavailableError("no route"))
        say(said, errors.DamagedRecordError("torn"))
    assert [record.getMessage() for record in caplog.records] == [
        "answered 503 (redis-away): no route",
        "answered 500 (damaged-record): torn",
    ]


def test_it_says_so_again_after_a_while(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0
    monkeypatch.setattr(complaints, "monotonic_s", lambda: now_s)
    said = Complaints()
    for now_s in (5.0, 14.9, 15.1):  # noqa: B007 - what the clock shows
        say(said, errors.ServerUnavailableError("no route"))
    assert len(caplog.records) == 2


def test_what_nobody_foresaw_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    said = Complaints()
    for _ in range(2):
        say(said, KeyError("oh"))
    assert len(caplog.records) == 2
    assert all(record.levelno == logging.ERROR and record.exc_info for record in caplog.records)
