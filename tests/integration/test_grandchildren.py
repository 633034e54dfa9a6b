"""What the tasks of a dead worker process started is gone before any of those tasks runs again."""

import os
import signal
from collections.abc import Callable

from lineshaft import App

from .journal import Journal
from .processes import WorkerProcess, is_alive
from .proxy import Proxy
from .waiting import soon

REAP_S = 5.0  # how late the supervisor hears the answer to its reap; the other worker does not wait for it
DYING_S = 1.0  # what was killed already is seen to be dead by then; less than the supervisor waits for its reap


async def test_a_dead_childs_own_processes_are_killed_before_its_tasks_are_put_back(
    make_app: Callable[..., App], start_worker: Callable[..., WorkerProcess], proxy: Proxy, journal: Journal
):
    """Otherwise two runs of one task would go on side by side."""
    app = make_app("producer")
    breed = app.task(name="breed")(lambda seconds: None)
    no_lease_runs_out = {"lease_s": 60, "renew_s": 20, "look_gap_s": 30}
    doomed = start_worker(url=proxy.url, **no_lease_runs_out)
    child = doomed.child()
    await breed.enqueue(60)
    (line,) = await soon(lambda: journal.lines("bred"))
    other = start_worker(**no_lease_runs_out)
    other.wait_ready()
    rule = proxy.delay(b"reaped", REAP_S, "reply")

    os.kill(child, signal.SIGKILL)
    await soon(lambda: journal.count("start") == 2)
    await soon(
        lambda: not is_alive(int(line.note)), within_s=DYING_S, what=lambda: "a process of the first run beside the second"
    )
    assert rule.happened.is_set()
