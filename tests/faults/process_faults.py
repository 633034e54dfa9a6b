"""Faults of processes: killed, stopped and told to end."""

import signal
import time
from collections.abc import Callable

from faults.stage import Stage
from faults.strikes import NotYet, Pids, Strike, struck


def kill_child(stage: Stage, strike: Strike) -> Pids:
    """kill -9 of a worker process."""
    tree, pids = struck(stage, strike)
    return tree.signal(signal.SIGKILL, pids)


def kill_supervisor(stage: Stage, strike: Strike) -> Pids:
    """kill -9 of a supervisor; its children end with it."""
    tree, pids = struck(stage, strike)
    tree.signal(signal.SIGKILL)
    return pids


def kill_all(stage: Stage, strike: Strike) -> Pids:
    """kill -9 of a whole tree at once."""
    tree, pids = struck(stage, strike)
    tree.kill_all()
    return pids


def kill_api(stage: Stage, _strike: Strike) -> Pids:
    """kill -9 of the API's process; no worker is struck."""
    tree = stage.trees[0]
    tree.signal(signal.SIGKILL, tree.apis())
    return []


def pause_worker(stage: Stage, strike: Strike) -> Pids:
    """SIGSTOP of a whole tree."""
    tree, pids = struck(stage, strike)
    tree.signal(signal.SIGSTOP, tree.everybody())
    return pids


def pause_supervisor(stage: Stage, strike: Strike) -> Pids:
    """SIGSTOP of a supervisor alone; its workers' permit runs out."""
    tree, pids = struck(stage, strike)
    tree.signal(signal.SIGSTOP)
    return pids


def terminate(times: int) -> Callable[[Stage, Strike], Pids]:
    """SIGTERM, once to drain or again and again."""

    def inject(stage: Stage, strike: Strike) -> Pids:
        tree, pids = struck(stage, strike)
        for _ in range(times):
            tree.signal(signal.SIGTERM)
            time.sleep(0.05)  # each is to be a signal of its own: those that wait together are one
        return pids

    return inject


def resume(stage: Stage, strike: Strike) -> None:
    """SIGCONT."""
    stage.trees[strike.place].resume()


def renew(stage: Stage, strike: Strike) -> None:
    """Start a new tree in the old one's place, once that has ended."""
    if stage.trees[strike.place].is_up():
        raise NotYet
    stage.renew(strike.place)
