"""The table of faults: what each strikes, how it is injected and how it is healed."""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import redis

from faults.stage import Stage
from faults.trees import Tree
from integration.waiting import until

Pids = list[int] | None  # the worker processes that are struck; None is all
Place = Literal["tree", "server", "wire"]


@dataclass(frozen=True)
class Strike:
    """One planned fault. `place` is a tree's number, or 0; faults at the same place do not overlap."""

    number: int
    name: str
    place: int
    at_s: float
    for_s: float
    outlasts: bool = False


class NotYet(Exception):
    """It cannot be healed at this moment: try again a little later."""


class Missed(Exception):
    """There was nothing to strike: an earlier fault has ended it and it is not back yet."""


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        strikes: what it strikes.
        leases: how long it lasts at least and at most, in leases.
        inject: does it; gives the worker processes struck.
        heal: undoes it, whatever has happened meanwhile.
        pauses: whether those struck go on afterwards with the tasks that they had.
        kills: "worker" or "child" where those struck die with their tasks.
    """

    strikes: Place
    leases: tuple[float, float]
    inject: Callable[[Stage, Strike], Pids]
    heal: Callable[[Stage, Strike], None]
    pauses: bool = False
    kills: Literal["", "worker", "child"] = ""


def struck(stage: Stage, strike: Strike) -> tuple[Tree, list[int]]:
    """The tree at the strike's place and its worker processes; there must be some."""
    tree = stage.trees[strike.place]
    pids = tree.workers()
    if not tree.is_up() or not pids:
        raise Missed
    return tree, pids


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


def nothing(_stage: Stage, _strike: Strike) -> None:
    """What was struck heals by itself."""


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
    stage.server.restart()


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
        server.restart()
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


def weather(*, split: bool = False, **chances: float) -> Callable[[Stage, Strike], Pids]:
    """A tree's proxy, or the producers', delays, splits, halves or loses."""

    def inject(stage: Stage, strike: Strike) -> Pids:
        stage.proxies[strike.place].set_weather(split=split, **chances)
        return _behind(stage, strike)

    return inject


def calm_weather(stage: Stage, strike: Strike) -> None:
    """Everything passes again."""
    stage.proxies[strike.place].set_weather()


def cut(stage: Stage, strike: Strike) -> Pids:
    """Reset the connections every now and then."""
    stage.proxies[strike.place].cut_every(0.3)
    return _behind(stage, strike)


def stop_cutting(stage: Stage, strike: Strike) -> None:
    """No more resets."""
    stage.proxies[strike.place].calm()


def silence(stage: Stage, strike: Strike) -> Pids:
    """Nothing passes any more on the connections there are, and nobody is told."""
    stage.proxies[strike.place].silence()
    return _behind(stage, strike)


def end_silence(stage: Stage, strike: Strike) -> None:
    """Reset what is still silent."""
    stage.proxies[strike.place].cut()


def _behind(stage: Stage, strike: Strike) -> Pids:
    return stage.trees[strike.place].workers() if strike.place < len(stage.trees) else []


def script_flush(client: redis.Redis) -> None:
    """The server forgets our scripts."""
    client.script_flush()


def client_kill(client: redis.Redis) -> None:
    """The server drops all connections but this one."""
    with contextlib.suppress(redis.ResponseError):
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


BEYOND, SHORT, AWHILE = (1.8, 2.4), (0.2, 0.6), (0.5, 1.2)

FAULTS: dict[str, Fault] = {
    "kill-child": Fault("tree", SHORT, kill_child, nothing, kills="child"),
    "kill-supervisor": Fault("tree", SHORT, kill_supervisor, renew, kills="worker"),
    "kill-all": Fault("tree", SHORT, kill_all, renew, kills="worker"),
    "kill-api": Fault("wire", SHORT, kill_api, nothing),
    "pause-worker": Fault("tree", BEYOND, pause_worker, resume, pauses=True),
    "pause-supervisor": Fault("tree", BEYOND, pause_supervisor, resume, pauses=True),
    "rolling-restart": Fault("tree", SHORT, terminate(1), renew),
    "sigterm-storm": Fault("tree", SHORT, terminate(5), renew),
    "redis-kill": Fault("server", SHORT, kill_server, start_server),
    "redis-restart": Fault("server", SHORT, stop_server, start_server),
    "redis-loading": Fault("server", SHORT, kill_server_with_much, start_server_slowly),
    "redis-pause": Fault("server", (1.2, 1.6), pause_server, resume_server),
    "redis-full": Fault("server", AWHILE, fill_memory, free_memory),
    "script-flush": Fault("server", AWHILE, repeating(script_flush, 0.02), stop_repeating),
    "client-kill": Fault("server", AWHILE, repeating(client_kill, 0.2), stop_repeating),
    "net-delay": Fault("wire", AWHILE, weather(delay=0.2), calm_weather),
    "net-split": Fault("wire", AWHILE, weather(split=True), calm_weather),
    "net-lost-replies": Fault("wire", AWHILE, weather(lose=0.05), calm_weather),
    "net-halved-replies": Fault("wire", AWHILE, weather(halve=0.05), calm_weather),
    "net-resets": Fault("wire", AWHILE, cut, stop_cutting),
    "net-silence": Fault("wire", (0.5, 1.5), silence, end_silence),
}
