"""`lineshaft task show`, `wait`, `cancel` and `retry`."""

import re
import signal
from collections.abc import Callable

import pytest
import redis

from servers import RunningServer

from . import shop
from .conftest import SECONDS, Commands, Enqueued

FIELDS = [
    *("taskID", "task", "queue", "status", "tries", "crashes"),
    *("enqueued_at", "due_at", "started_at", "session", "ended_at", "result", "error", "attempts"),
]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_a_waiting_task_is_shown_with_exactly_the_fields_of_the_api(lineshaft: Commands, enqueued: Enqueued) -> None:
    enqueued("shop.count", task_id="it")
    shown = lineshaft("task", "show", "it", "--json").json
    assert list(shown) == FIELDS
    assert TIME.fullmatch(shown.pop("enqueued_at"))
    assert shown == {
        "taskID": "it",
        "task": "shop.count",
        "queue": "default",
        "status": "pending",
        "tries": 0,
        "crashes": 0,
        "due_at": None,
        "started_at": None,
        "session": None,
        "ended_at": None,
        "result": None,
        "error": None,
        "attempts": [],
    }


def test_a_task_that_is_due_later_says_when(lineshaft: Commands, enqueued: Enqueued) -> None:
    enqueued("shop.count", task_id="it", delay_ms=90_000)
    due = lineshaft("task", "show", "it", "--json").json["due_at"]
    assert TIME.fullmatch(due)
    lines = lineshaft("task", "show", "it").out.splitlines()
    assert f"due_at       {due}" in lines
    assert lines[-1].split() in (["+1m", second, "due", "-", "-", "-", "-"] for second in ("29s", "30s", "31s"))


@pytest.mark.usefixtures("working")
def test_a_done_task_is_shown_with_its_result_and_times(lineshaft: Commands, enqueued: Enqueued) -> None:
    enqueued("shop.count", task_id="it", wait=True)
    shown = lineshaft("task", "show", "it", "--json").json
    assert (shown["status"], shown["tries"], shown["result"], shown["error"]) == ("done", 1, {"sheep": 3}, None)
    assert all(TIME.fullmatch(shown[name]) for name in ("enqueued_at", "started_at", "ended_at"))


@pytest.mark.usefixtures("working")
def test_a_failed_task_is_shown_with_its_error(lineshaft: Commands, enqueued: Enqueued) -> None:
    enqueued("shop.fail", {"why": "no luck"}, task_id="it", wait=True)
    shown = lineshaft("task", "show", "it", "--json").json
    assert (shown["status"], shown["result"]) == ("failed", None)
    assert list(shown["error"]) == ["type", "message", "traceback"]
    assert (shown["error"]["type"], shown["error"]["message"]) == ("ValueError", "no luck")
    for_people = lineshaft("task", "show", "it").out
    assert "error        ValueError: no luck\n" in for_people
    assert for_people.count("Traceback (most recent call last):\n") == 1


@pytest.mark.usefixtures("working")
def test_for_people_there_is_a_line_for_each_field(lineshaft: Commands, enqueued: Enqueued) -> None:
    enqueued("shop.count", {"of": "Grüße"}, task_id="it", wait=True)
    lines = lineshaft("task", "show", "it").out.splitlines()
    assert [line.split()[0] for line in lines[: lines.index("")]] == FIELDS[:-1]
    assert {"status       done", 'result       {"Grüße":3}', "error        -"} <= set(lines)


@pytest.mark.usefixtures("working")
def test_what_a_task_says_cannot_write_to_the_terminal(lineshaft: Commands, enqueued: Enqueued) -> None:
    enqueued("shop.fail", {"why": "\x1b[31m red \x9b1m\n\nand\tmore"}, task_id="it", wait=True)
    for words in (("task", "show", "it"), ("task", "wait", "it"), ("task", "show", "it", "--json")):
        ended = lineshaft(*words)
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", ended.out + ended.err), words
    assert lineshaft("task", "wait", "it").refused(1) == r"task it failed: ValueError: \x1b[31m red \x9b1m and more"


def test_a_task_of_a_foreign_program_is_shown_as_the_default_task(lineshaft: Commands, raw: redis.Redis) -> None:
    raw.set("task:it:status", "pending")
    shown = lineshaft("task", "show", "it", "--json").json
    assert (shown["task"], shown["queue"], shown["enqueued_at"]) == ("shop.count", "default", None)


@pytest.mark.parametrize("verb", ["show", "wait", "cancel", "retry"])
def test_an_unknown_id_is_said_to_be(lineshaft: Commands, verb: str) -> None:
    assert lineshaft("task", verb, "nope").refused(1).startswith("there is no task 'nope': it never was")
    for id_ in ("a b", "x:status", "", "a" * 65, "\x1b[31m"):
        assert "an id is 1 to 64 of 0-9, A-Z, a-z, _ and -" in lineshaft("task", verb, id_).refused(1)


@pytest.mark.usefixtures("working")
def test_waiting_prints_the_result_as_json_however_often(lineshaft: Commands, enqueued: Enqueued) -> None:
    enqueued("shop.anything", {"value": [1, None, 1.5]}, task_id="it")
    for _ in range(2):
        ended = lineshaft("task", "wait", "it", "--timeout", "30")
        assert (ended.code, ended.out, ended.err) == (0, "[1,null,1.5]\n", "")


@pytest.mark.usefixtures("working")
def test_waiting_as_json_prints_the_whole_task_also_of_one_that_failed(lineshaft: Commands, enqueued: Enqueued) -> None:
    enqueued("shop.count", task_id="well")
    assert lineshaft("task", "wait", "well", "--json").json["result"] == {"sheep": 3}
    enqueued("shop.fail", {"why": "no luck"}, task_id="ill")
    ended = lineshaft("task", "wait", "ill", "--json")
    assert (ended.code, ended.err) == (1, "error: task ill failed: ValueError: no luck\n")
    assert ended.json["error"]["message"] == "no luck"


@pytest.mark.parametrize(
    ("word", "said"), [("cancelled", "task it was cancelled"), ("expired", "task it was not started in time")]
)
def test_waiting_for_a_task_that_never_ran_says_why(lineshaft: Commands, raw: redis.Redis, word: str, said: str) -> None:
    raw.set("task:it:status", word)
    assert lineshaft("task", "wait", "it").refused(1) == said


def test_waiting_has_an_end(lineshaft: Commands, enqueued: Enqueued) -> None:
    enqueued("shop.count", task_id="it")
    assert lineshaft("task", "wait", "it", "--timeout", "0.2").refused(1) == "task it had not ended after 0.2 s; it is kept"
    assert "'--timeout'" in lineshaft("task", "wait", "it", "--timeout", "soon").refused(2)


def test_waiting_says_when_the_server_is_away_and_when_it_is_back(
    alone: Commands, start_server: Callable[..., RunningServer]
) -> None:
    server = start_server("--appendonly", "yes", "--appendfsync", "always")
    alone.env["REDIS_URL"] = server.url
    alone("enqueue", "demo.echo", "--id", "it")
    process = alone.started("task", "wait", "it", "--timeout", str(SECONDS))
    with redis.Redis.from_url(server.url) as client:
        while not client.hexists("lineshaft:watched", "it"):
            assert process.poll() is None
    said = (line for line in process.stderr if not line.startswith(b"The task waits: no worker runs"))
    server.stop()
    assert next(said) == b"Redis cannot be reached: waiting until it is back\n"
    server.restart()
    assert next(said) == b"Redis is back\n"
    assert alone("task", "cancel", "it").out == "cancelled\n"
    assert next(said) == b"error: task it was cancelled\n"
    assert process.communicate(timeout=SECONDS)[0] == b""
    assert process.returncode == 1


def test_cancelling_a_task_that_has_not_started(lineshaft: Commands, raw: redis.Redis, enqueued: Enqueued) -> None:
    enqueued("shop.count", task_id="it")
    ended = lineshaft("task", "cancel", "it")
    assert (ended.code, ended.out, ended.err) == (0, "cancelled\n", "")
    assert raw.get("task:it:status") == "cancelled"


@pytest.mark.usefixtures("working")
def test_cancelling_a_task_that_runs(lineshaft: Commands, enqueued: Enqueued) -> None:
    enqueued("shop.hold", task_id="it")
    assert shop.held.wait(SECONDS)
    assert lineshaft("task", "cancel", "it").out == "cancelling\n"
    assert lineshaft("task", "wait", "it").refused(1) == "task it was cancelled"


@pytest.mark.usefixtures("working")
def test_a_task_that_has_ended_cannot_be_cancelled(lineshaft: Commands, enqueued: Enqueued) -> None:
    enqueued("shop.count", task_id="it", wait=True)
    assert lineshaft("task", "cancel", "it").refused(1) == "task it cannot be cancelled: it has ended, as 'done'"


def test_several_are_cancelled_although_one_cannot_be(lineshaft: Commands, enqueued: Enqueued) -> None:
    enqueued("shop.count", task_id="one")
    enqueued("shop.count", task_id="two")
    ended = lineshaft("task", "cancel", "one", "nope", "a b", "two")
    assert (ended.code, ended.out) == (1, "one  cancelled\ntwo  cancelled\n")
    assert [line.split(":")[1] for line in ended.err.splitlines()] == [" there is no task 'nope'", " there is no task 'a b'"]


@pytest.mark.usefixtures("working")
def test_a_task_that_failed_runs_again(lineshaft: Commands, enqueued: Enqueued) -> None:
    enqueued("shop.fail", {"why": "no luck"}, task_id="it", wait=True)
    ended = lineshaft("task", "retry", "it")
    assert (ended.code, ended.out, ended.err) == (0, "pending\n", "")
    assert "no luck" in lineshaft("task", "wait", "it").refused(1)
    assert lineshaft("task", "retry", "it").out == "pending\n"


def test_a_task_that_has_not_ended_is_not_run_again(lineshaft: Commands, raw: redis.Redis, enqueued: Enqueued) -> None:
    enqueued("shop.count", task_id="it")
    assert lineshaft("task", "retry", "it").refused(1) == "task it cannot be retried: it has not ended, it is 'pending'"
    assert raw.llen("task_queue") == 1


def test_retrying_without_a_server_says_what_to_check(alone: Commands) -> None:
    alone.env["REDIS_URL"] = "redis://127.0.0.1:1/0"
    assert (
        alone("task", "retry", "one", "two").refused(1).endswith("check that it runs, and the URL in --redis-url or REDIS_URL")
    )


def test_ctrl_c_ends_a_wait_quietly(lineshaft: Commands, raw: redis.Redis, enqueued: Enqueued) -> None:
    enqueued("shop.count", task_id="it")
    process = lineshaft.started("task", "wait", "it")
    while not raw.hexists("lineshaft:watched", "it"):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out, err) == (130, b"", b"")
