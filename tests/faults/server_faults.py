"""Faults of the server: killed, stopped, loading, full, forgetful, without disk, with a clock that jumps."""

import contextlib
import os
import signal
from collections.abc import Callable

import redis

from faults.stage import Stage
from faults.strikes import Pids, Strike
from integration.processes import is_alive
from integration.waiting import until
from lineshaft import Settings


def kill_server(stage: Stage, _strike: Strike) -> Pids:
    """kill -9 of the server; what it has written it finds again."""
    stage.server.kill()
    return None


def stop_server(stage: Stage, _strike: Strike) -> Pids:
    """SIGTERM of the server: an ordinary restart."""
    stage.server.stop()
    return None


def start_server(stage: Stage, _strike: Strike) -> None:
    """Start it again on its data."""
    stage.around.restart_server()


def pause_server(stage: Stage, _strike: Strike) -> Pids:
    """SIGSTOP of the server."""
    _signal_server(stage, signal.SIGSTOP)
    return None


def resume_server(stage: Stage, _strike: Strike) -> None:
    """SIGCONT of the server."""
    _signal_server(stage, signal.SIGCONT)


def _signal_server(stage: Stage, number: signal.Signals) -> None:
    os.kill(stage.server.pid, number)


def kill_server_with_much(stage: Stage, _strike: Strike) -> Pids:
    """kill -9 of the server after its log was rewritten, so that it loads a snapshot when it is back."""
    with stage.client() as client:
        client.bgrewriteaof()
        until(lambda: not client.info("persistence")["aof_rewrite_in_progress"])
    stage.server.kill()
    return None


def start_server_slowly(stage: Stage, strike: Strike) -> None:
    """Start it again, loading so slowly that clients see it load."""
    server, arguments = stage.server, stage.server.arguments
    server.arguments = (*arguments, "--key-load-delay", "200", "--loading-process-events-interval-bytes", "1024")
    try:
        stage.around.restart_server()
    finally:
        server.arguments = arguments


def repeating(act: Callable[[redis.Redis], object], every_s: float) -> Callable[[Stage, Strike], Pids]:
    """Do something to the server again and again."""

    def inject(stage: Stage, strike: Strike) -> Pids:
        stage.repeat(strike.number, act, every_s)
        return None

    return inject


def stop_repeating(stage: Stage, strike: Strike) -> None:
    """End that."""
    stage.loops.pop(strike.number)()


def fill_memory(stage: Stage, _strike: Strike) -> Pids:
    """No room for new work."""
    with stage.client() as client:
        client.config_set("maxmemory", client.info("memory")["used_memory"])
    return None


def free_memory(stage: Stage, _strike: Strike) -> None:
    """Room again; a server that was restarted has it anyway."""
    with stage.client() as client:
        client.config_set("maxmemory", 0)


def script_flush(client: redis.Redis) -> None:
    """The server forgets our scripts."""
    client.script_flush()


def client_kill(client: redis.Redis) -> None:
    """The server drops all connections but this one."""
    with contextlib.suppress(redis.ResponseError):
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def fill_disk(stage: Stage, _strike: Strike) -> Pids:
    """No byte more for the server's log."""
    assert stage.around.disk is not None
    stage.around.disk.fill()
    return None


def free_disk(stage: Stage, _strike: Strike) -> None:
    """Room again; a server that must not go on without its log has ended, and is started again."""
    assert stage.around.disk is not None
    stage.around.disk.free()
    if not is_alive(stage.server.pid):
        stage.around.restart_server()


def shift_clock(leases: tuple[float, ...], *, of_server: bool) -> Callable[[Stage, Strike], Pids]:
    """A wall clock jumps by one of these, in leases: a tree's, or the server's."""

    def inject(stage: Stage, strike: Strike) -> Pids:
        lease_s = float(stage.settings.get("lease_s", Settings().lease_s))
        stage.around.clocks[-1 if of_server else strike.place].set(round(leases[strike.number % len(leases)] * lease_s))
        return None if of_server else stage.trees[strike.place].workers()

    return inject


def set_clock_right(*, of_server: bool) -> Callable[[Stage, Strike], None]:
    """It jumps back."""

    def heal(stage: Stage, strike: Strike) -> None:
        stage.around.clocks[-1 if of_server else strike.place].set(0)

    return heal
