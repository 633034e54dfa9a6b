"""One run: what it is told while it goes on, when it ended, and how many more may begin."""

import itertools
from collections.abc import Callable

import pytest

from lineshaft import App, Settings
from lineshaft.model.task import TaskContext
from lineshaft.protocol import wire
from lineshaft.protocol.reply import Claim
from lineshaft.worker import end, executor
from lineshaft.worker.end import Ending
from lineshaft.worker.executor import Executor
from lineshaft.worker.run import Run, Stop, Table

STARTED_MS, STARTED_S = 1_700_000_000_000, 50.0


@pytest.fixture
def app() -> App:
    return App("test", settings=Settings())


@pytest.fixture
def new_run() -> Callable[[], Run]:
    """Make runs of different tasks that began at the same time."""
    numbers = itertools.count()
    return lambda: Run(Claim(f"task-{next(numbers)}", b"7:default", None, 0, 0), STARTED_MS, STARTED_S)


def context_of(run: Run) -> TaskContext:
    run.context = TaskContext(run.claim.task_id, "work", "default", 1, 0, 7, "s", None)
    return run.context


@pytest.mark.parametrize("first", [Stop.CANCELLED, Stop.TIMEOUT, Stop.DRAIN])
def test_a_loss_overrules_every_other_reason(new_run: Callable[[], Run], first: Stop):
    run = new_run()
    context = context_of(run)
    run.ask_to_stop(first)
    assert (run.stop, context.cancelled, context.lost) == (first, True, False)

    run.ask_to_stop(Stop.LOST)

    assert (run.stop, context.cancelled, context.lost) == (Stop.LOST, True, True)


@pytest.mark.parametrize("first", list(Stop))
@pytest.mark.parametrize("second", [Stop.CANCELLED, Stop.TIMEOUT, Stop.DRAIN])
def test_every_other_reason_counts_only_where_it_comes_first(new_run: Callable[[], Run], first: Stop, second: Stop):
    run = new_run()
    run.ask_to_stop(first)
    run.ask_to_stop(second)
    assert run.stop is first


def test_the_end_of_a_run_is_its_start_by_the_servers_clock_and_what_has_passed_since(
    new_run: Callable[[], Run], app: App, monkeypatch: pytest.MonkeyPatch
):
    """Whatever the clock of this machine says."""
    monkeypatch.setattr(end, "monotonic_s", lambda: STARTED_S + 2.5)

    ended = Ending(app).returned(new_run(), "s", "value")

    outcome = wire.decode_outcome(ended.outcome)
    assert (ended.kind, outcome.started_ms, outcome.ended_ms) == ("finish", STARTED_MS, STARTED_MS + 2500)


@pytest.mark.parametrize("how", ["returned", "raised"])
def test_a_run_that_is_lost_sends_nothing_however_it_ends(new_run: Callable[[], Run], app: App, how: str):
    """Its task may be another's by now; and where it is not, whoever finds that out counts a crash and no try."""
    run = new_run()
    run.ask_to_stop(Stop.LOST)
    ended = getattr(Ending(app), how)(run, "s", ValueError("whatever"))
    assert ended.kind == "none"


def test_while_too_many_ends_wait_for_redis_nothing_more_begins(new_run: Callable[[], Run], app: App):
    table = Table()
    runs = Executor(app, table, 2, lambda _: None, lambda: None)
    most = executor.UNDELIVERED_PER_SLOT * 2 + executor.UNDELIVERED_AT_LEAST
    for _ in range(most):
        run = new_run()
        table.add(run)
        table.end(run)
    assert runs.free_slots == 2
    one_more = new_run()
    table.add(one_more)
    table.end(one_more)
    assert runs.free_slots == 0
    table.remove(one_more.key)
    assert runs.free_slots == 2
