"""`lineshaft task ls`."""

from typing import Any

import pytest
import redis

from .conftest import Commands, Enqueued

SESSION = "a" * 32
FIELDS = ["taskID", "task", "queue", "status", "enqueued_at", "due_at", "started_at", "session", "ended_at", "error"]


@pytest.fixture
def seeded(live_broker: Any, enqueued: Enqueued) -> None:
    """One task of each place: in progress, ready, due later, cancelled."""
    live_broker.open(SESSION, 60, {"host": "here", "pid": 1, "queues": "", "concurrency": 5, "started_ms": 0})
    enqueued("shop.count", queue="mail", task_id="runs")
    live_broker.claim(SESSION, 1, ["mail"])
    enqueued("shop.count", task_id="waits")
    enqueued("shop.add", {"left": 1, "right": 2}, queue="mail", task_id="later", delay_ms=60_000)
    enqueued("shop.count", task_id="stopped")
    live_broker.cancel("stopped")


def ids(page: Any) -> list[str]:
    return [item["taskID"] for item in page["items"]]


@pytest.mark.usefixtures("seeded")
def test_all_tasks_are_listed_with_where_they_are(lineshaft: Commands) -> None:
    page = lineshaft("task", "ls", "--json").json
    assert list(page) == ["items", "next"]
    assert page["next"] is None
    assert {item["taskID"]: item["status"] for item in page["items"]} == {
        "stopped": "cancelled",
        "later": "scheduled",
        "waits": "pending",
        "runs": "in-progress",
    }
    assert all(list(item) == FIELDS for item in page["items"])
    assert ids(page)[0] == "stopped"


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--status", "pending"], {"waits"}),
        (["--status", "in-progress"], {"runs"}),
        (["--status", "scheduled"], {"later"}),
        (["--status", "cancelled"], {"stopped"}),
        (["--status", "done"], set()),
        (["--status", "waiting"], set()),
        (["--queue", "mail"], {"runs", "later"}),
        (["--queue", "none"], set()),
        (["--task", "shop.add"], {"later"}),
        (["--task", "shop.count", "--queue", "default"], {"waits", "stopped"}),
    ],
    ids=lambda given: " ".join(given if isinstance(given, list) else sorted(given)),  # the same in each process
)
def test_filters(lineshaft: Commands, words: list[str], found: set[str]) -> None:
    assert set(ids(lineshaft("task", "ls", "--json", *words).json)) == found


def test_a_cursor_leads_through_all_of_them_once(lineshaft: Commands, enqueued: Enqueued) -> None:
    for n in range(5):
        enqueued("shop.count", task_id=f"t{n}")
    listed: list[str] = []
    page = lineshaft("task", "ls", "--limit", "2", "--json").json
    while page["next"]:
        listed += ids(page)
        page = lineshaft("task", "ls", "--limit", "2", "--json", "--cursor", page["next"]).json
    assert [*listed, *ids(page)] == ["t4", "t3", "t2", "t1", "t0"]


@pytest.mark.usefixtures("seeded")
def test_for_people_a_scheduled_task_has_the_time_at_which_it_is_due(lineshaft: Commands) -> None:
    (item,) = lineshaft("task", "ls", "--status", "scheduled", "--json").json["items"]
    assert item["due_at"] > item["enqueued_at"]
    rows = [line.split() for line in lineshaft("task", "ls").out.splitlines()[1:]]
    due = {row[0]: row[4:7] for row in rows if "due" in row}
    assert due == {"later": ["due", item["due_at"][:10], item["due_at"][11:19]]}


@pytest.mark.usefixtures("working")
def test_for_people_an_error_is_in_the_row_and_cannot_write_to_the_terminal(lineshaft: Commands, enqueued: Enqueued) -> None:
    enqueued("shop.fail", {"why": "\x1b[31m" + "no luck" * 20}, task_id="it", wait=True)
    heading, row = lineshaft("task", "ls").out.splitlines()
    assert heading.split() == ["TASKID", "STATUS", "TASK", "QUEUE", "LAST", "ERROR"]
    assert row.split()[:4] == ["it", "failed", "shop.fail", "default"]
    assert r"ValueError: \x1b[31mno luckno luck" in row
    assert row.endswith("...")


def test_for_people_it_says_how_to_go_on(lineshaft: Commands, enqueued: Enqueued) -> None:
    for n in range(2):
        enqueued("shop.count", task_id=f"t{n}")
    ended = lineshaft("task", "ls", "--limit", "1")
    assert len(ended.out.splitlines()) == 2
    cursor = ended.err.strip().rpartition(" --cursor ")[2]
    assert "t0" in lineshaft("task", "ls", "--cursor", cursor).out


def test_what_there_cannot_be_is_refused(lineshaft: Commands, raw: redis.Redis) -> None:
    assert lineshaft("task", "ls", "--status", "dead").refused(2).startswith("there is no status 'dead': they are scheduled, ")
    assert "none that a page gave" in lineshaft("task", "ls", "--cursor", "nonsense").refused(2)
    assert "--limit" in lineshaft("task", "ls", "--limit", "0").refused(2)
    assert raw.keys() == []


def test_what_can_be_no_queue_has_no_tasks_but_an_error(lineshaft: Commands) -> None:
    assert "'a/b' cannot be the name of a queue" in lineshaft("task", "ls", "--queue", "a/b").refused(2)
