"""Runs one plan: starts everything, strikes, heals, waits until the queue is drained, and has the auditor look."""

import contextlib
import heapq
import random
import signal
import time
from pathlib import Path

import redis

from faults import foundry
from faults.auditor import OFFERED_S, Audit, accepted_of, audit, runs_of
from faults.journals import Journals, JournalWriter
from faults.plan import TREES, Plan
from faults.reads import read_all, read_over_http
from faults.stage import Stage
from faults.strikes import Missed, NotYet, Strike
from faults.table import FAULTS
from integration.waiting import until
from lineshaft import App, Settings

PRODUCERS_S = 40.0  # how long producers may take beyond their time: the last calls, their repeats
DRAINED_S, DRAINED_REAL_S = 60.0, 120.0
HEALED_S = 60.0
SAMPLE = 100
PROBES, PROBE_S = 60, 0.05
REST_S = 0.5  # for those that were continued to do their worst


def run(plan: Plan, folder: Path) -> Audit:
    """Run it; gives the findings. The journals and logs are in the folder afterwards."""
    stage = Stage(folder, plan.seed, plan.settings, trees=TREES, fsync=plan.fsync, needs=plan.needs)
    try:
        stage.journal.write("settings", seed=plan.seed, lease_s=plan.lease_s)
        stage.wait_ready()
        stage.produce(plan.producers, plan.seconds, plan.patience)
        until(lambda: Journals.read(folder).workers, what=lambda: list(folder.iterdir()))
        nemesis = Nemesis(stage, plan)
        nemesis.strike_all()
        stage.wait_produced(PRODUCERS_S)
        first = read_all(stage.around.direct_url, _ids(folder), DRAINED_REAL_S if plan.real else DRAINED_S)
        nemesis.heal_last()
        offer_work(stage)
        last = read_all(stage.around.direct_url, _ids(folder), 5.0)
        over_http = read_over_http(stage.api_port, random.Random(plan.seed).sample(sorted(last), min(SAMPLE, len(last))))
    finally:
        left = stage.end()
    if left:
        raise RuntimeError(f"left over: {left}")
    return audit(Journals.read(folder), first, last, over_http=over_http, real=plan.real)


def _ids(folder: Path) -> list[str]:
    journals = Journals.read(folder)
    return list(accepted_of(journals, runs_of(journals)))


class Nemesis:
    """Strikes as planned, one thing after the other, from the one thread that started the server."""

    def __init__(self, stage: Stage, plan: Plan) -> None:
        self._stage = stage
        self._began_s = time.monotonic()
        self._agenda: list[tuple[float, int, bool, Strike]] = [
            (strike.at_s, strike.number, False, strike) for strike in plan.strikes
        ]
        self._last: list[Strike] = []
        self._struck: set[tuple[str, int]] = set()

    def strike_all(self) -> None:
        """Inject and heal everything but what is to outlast the work; returns when all that is healed."""
        heapq.heapify(self._agenda)
        while self._agenda:
            at_s, _, heals, strike = heapq.heappop(self._agenda)
            time.sleep(max(0.0, self._began_s + at_s - time.monotonic()))  # the time of the plan
            if heals:
                self._heal(strike)
            elif self._inject(strike):
                if strike.outlasts:
                    self._last.append(strike)
                else:
                    heapq.heappush(self._agenda, (self._now_s() + strike.for_s, strike.number, True, strike))

    def heal_last(self) -> None:
        """Heal what outlasted the work, not before its time."""
        self._agenda = [(strike.at_s + strike.for_s, strike.number, True, strike) for strike in self._last]
        self.strike_all()

    def _now_s(self) -> float:
        return time.monotonic() - self._began_s

    def _inject(self, strike: Strike) -> bool:
        at, where = time.monotonic(), (FAULTS[strike.name].strikes, strike.place)
        try:
            if where in self._struck:
                raise Missed("what was there before is not healed yet")
            pids = FAULTS[strike.name].inject(self._stage, strike)
        except (Missed, redis.RedisError) as error:
            self._stage.journal.write("missed", number=strike.number, name=strike.name, why=repr(error))
            return False
        self._struck.add(where)
        self._stage.journal.write("fault", number=strike.number, name=strike.name, place=strike.place, pids=pids, began=at)
        return True

    def _heal(self, strike: Strike) -> None:
        try:
            FAULTS[strike.name].heal(self._stage, strike)
        except NotYet:
            if self._now_s() > strike.at_s + strike.for_s + HEALED_S:
                raise
            heapq.heappush(self._agenda, (self._now_s() + 0.1, strike.number, True, strike))
        else:
            self._struck.discard((FAULTS[strike.name].strikes, strike.place))
            self._stage.journal.write("heal", number=strike.number, name=strike.name)


def offer_work(stage: Stage) -> None:
    """Offer work until every live worker has started some, or its time is over, and write down who was alive all the time."""
    for slot, tree in enumerate(stage.trees):
        tree.signal(signal.SIGCONT, tree.everybody())
        stage.renew(slot)
    with contextlib.suppress(AssertionError):  # one that never gets a session is silent, and the auditor says so
        stage.wait_ready()
    alive = {pid for tree in stage.trees for pid in tree.workers() or [tree.pid]}
    app, journal = (
        App("probes", settings=Settings(redis_url=stage.around.direct_url)),
        JournalWriter(stage.folder / "producers-probe.jsonl"),
    )
    app.task(foundry.probe.__wrapped__)
    since = time.monotonic()
    number = 0
    while True:
        keys = [f"probe-{stage.seed}-{number + n}" for n in range(PROBES)]
        number += PROBES
        journal.write_all("intent", [{"key": key, "kind": "probe", "id": None, "by": "probe"} for key in keys])
        tasks = app.enqueue_many_sync([app.call("probe", (), {"key": key, "seconds": PROBE_S}) for key in keys])
        journal.write_all("ack", [{"key": key, "id": task.id, "why": ""} for key, task in zip(keys, tasks, strict=True)])
        time.sleep(0.25)  # the next offer
        heard = {run.pid for run in runs_of(Journals.read(stage.folder)) if run.kind == "probe"}
        alive &= {pid for tree in stage.trees for pid in tree.workers() or [tree.pid]}
        if alive <= heard or time.monotonic() > since + OFFERED_S:
            break
    app.run_sync(app.close())
    stage.journal.write("alive", pids=sorted(alive), since=since)
