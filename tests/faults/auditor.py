"""Says what a fault run lost, ran twice or overwrote. Reads the journals and what the public reads gave, and nothing else."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from statistics import median

from faults.journals import Journals, Line
from faults.reads import Record
from faults.table import FAULTS

OFFERED_S = 10.0  # a live worker starts a task within this time of being offered some
WORKER_S, CHILD_S = 25.0, 1.0  # the product's promises on killed workers and killed children
OWN_ERRORS = {"hopeless": "HopelessError"}
ENDED = ("done", "failed", "cancelled")


@dataclass(frozen=True)
class Accepted:
    """A task that somebody was told is accepted, or that turned out to be."""

    task_id: str
    key: str
    kind: str
    acked: bool
    cancelled: bool


@dataclass(frozen=True)
class Recovery:
    """One task that a fault hit: how long it took until it was started again; `alone` where no other fault was in between."""

    fault: str
    key: str
    seconds: float
    alone: bool


@dataclass
class Audit:
    """The findings. Breaches are lists of (key, why); `faults` of (name, how many tasks in progress it hit).

    `broken` is what the nemesis itself could not do: such a run has shown nothing, and may hide anything.
    """

    accepted: int = 0
    unknown_accepted: int = 0
    ended: int = 0
    cancelled: int = 0
    failed: int = 0
    lost: list[tuple[str, str]] = field(default_factory=list)
    zombies: list[tuple[str, str]] = field(default_factory=list)
    invented: list[tuple[str, str]] = field(default_factory=list)
    silent: list[tuple[str, str]] = field(default_factory=list)
    late: list[tuple[str, str]] = field(default_factory=list)
    broken: list[tuple[str, str]] = field(default_factory=list)
    run_twice: int = 0
    overlaps: int = 0
    recoveries: list[Recovery] = field(default_factory=list)
    faults: list[tuple[str, int]] = field(default_factory=list)
    pauses: int = 0

    @property
    def hits(self) -> int:
        """How many faults hit work in progress."""
        return sum(tasks > 0 for _, tasks in self.faults)

    @property
    def breaches(self) -> dict[str, list[tuple[str, str]]]:
        """What must not be."""
        found = {
            "lost": self.lost, "zombie": self.zombies, "invented": self.invented, "silent": self.silent, "late": self.late,
            "broken": self.broken,
        }  # fmt: skip
        return {name: cases for name, cases in found.items() if cases}

    @property
    def exit_code(self) -> int:
        """0 if all is well, 1 on a breach, 3 if no fault hit any work: then the run has shown nothing."""
        if self.breaches:
            return 1
        return 0 if self.hits else 3


@dataclass
class Run:
    """One run of one task as its worker wrote it down."""

    task_id: str
    key: str
    kind: str
    fence: int
    pid: int
    start_s: float
    end_s: float = float("inf")
    last_s: float = 0.0


def runs_of(journals: Journals) -> list[Run]:
    """All runs, by their start."""
    found: dict[tuple[str, int, int], Run] = {}
    for line in journals.workers:
        name = (line["id"], line["fence"], line["pid"])
        if line["event"] == "start":
            found[name] = Run(line["id"], line["key"], line["kind"], line["fence"], line["pid"], line["at"])
        if line["event"] == "end":
            found[name].end_s = line["at"]
        found[name].last_s = line["at"]
    return sorted(found.values(), key=lambda run: run.start_s)


def accepted_of(journals: Journals, runs: list[Run]) -> dict[str, Accepted]:
    """Every task that was acknowledged, and those of unknown outcome that may have been accepted, by id."""
    intents = {line["key"]: line for line in journals.producers if line["event"] == "intent"}
    cancelled = {line["key"] for line in journals.producers if line["event"] == "cancel"}
    started = {run.key: run.task_id for run in runs}
    found = {}
    for line in journals.producers:
        key = line["key"]
        if line["event"] not in {"ack", "unknown"}:
            continue
        acked, kind = line["event"] == "ack", intents[key]["kind"]
        task_id = line["id"] or started.get(key)
        if task_id is None or (kind == "foreign" and not acked and key not in started):
            continue  # nobody was told of it, and it never ran
        found[task_id] = Accepted(task_id, key, kind, acked, key in cancelled)
    return found


def audit(
    journals: Journals, first: Mapping[str, Record], last: Mapping[str, Record], *, over_http: Mapping[str, Record], real: bool
) -> Audit:
    """Hold the journals against the public reads.

    Args:
        journals: of the run.
        first: what was read when the queue was drained, while those that were paused last were still stopped.
        last: what was read at the very end.
        over_http: some of the same at the very end, read in another way.
        real: whether the product's own times were used; only those are promised.
    """
    found, runs = Audit(), runs_of(journals)
    accepted = accepted_of(journals, runs)
    by_id: defaultdict[str, list[Run]] = defaultdict(list)
    for run in runs:
        by_id[run.task_id].append(run)
    for task in accepted.values():
        record = last.get(task.task_id, Record("absent"))
        _check_end(found, task, record, first.get(task.task_id, record))
        if record.status == "done" and task.task_id not in by_id:
            found.lost.append((task.key, "it is done, and nobody ran it"))
    for task_id, record in last.items():
        _check_writes(found, by_id.get(task_id, []), record, {"when the queue was drained": first, "over HTTP": over_http})
    _check_intended(found, journals, runs, set(accepted))
    _count_twice(found, by_id)
    _check_silent(found, journals, runs)
    _measure_faults(found, journals, runs, by_id)
    if real:
        _check_times(found)
    return found


def _check_end(found: Audit, task: Accepted, record: Record, before: Record) -> None:
    if record.status == "absent" and not task.acked:
        return  # the outcome was unknown, and it was: no
    found.accepted += 1
    found.unknown_accepted += not task.acked
    found.ended += record.status in ENDED
    found.failed += record.status == "failed"
    found.cancelled += record.status == "cancelled"
    why = _why_lost(task, record)
    if not why and before.status not in ENDED:
        why = f"it was {before.status} for as long as those that were paused last were stopped"
    if why:
        found.lost.append((task.key, why))


def _why_lost(task: Accepted, record: Record) -> str:
    if record.status not in ENDED:
        return f"it is {record.status} {record.error_message}".strip()
    own = OWN_ERRORS.get(task.kind)
    if record.status == "failed" and (own is None or not record.error_type.endswith(own)):
        return f"it failed with what is no error of its own: {record.error_type}: {record.error_message}"
    if record.status == "done" and own is not None:
        return "it is done, and always raises"
    if record.status == "cancelled" and not task.cancelled:
        return "it is cancelled, and nobody asked for that"
    return ""


def _check_writes(found: Audit, runs: list[Run], record: Record, others: Mapping[str, Mapping[str, Record]]) -> None:
    if not runs:
        return
    key, highest = runs[0].key, max(run.fence for run in runs)
    if record.fence is not None and record.fence != highest:
        found.zombies.append((key, f"the record is of fence {record.fence}, and {highest} has started"))
    for when, records in others.items():
        other = records.get(runs[0].task_id, record)
        if other != record and other.status in ENDED:
            found.zombies.append((key, f"the record is {record}, and {when} it was {other}"))


def _check_intended(found: Audit, journals: Journals, runs: list[Run], accepted: Collection[str]) -> None:
    said = {line["key"]: line for line in journals.producers if line["event"] != "cancel"}
    for run in {run.task_id: run for run in runs}.values():
        line = said.get(run.key)
        if line is None:
            found.invented.append((run.key, f"{run.task_id} ran, and nobody enqueued it"))
        elif line["event"] == "refused":
            found.invented.append((run.key, f"{run.task_id} ran, and was refused: {line['why']}"))
        elif line["event"] != "intent" and run.task_id not in accepted:
            found.invented.append((run.key, f"{run.task_id} ran, and was enqueued as {line['id']}"))
    for line in journals.producers:
        if line["event"] == "conflict":
            found.invented.append((line["key"], f"the same enqueue was refused as another: {line['why']}"))


def _count_twice(found: Audit, by_id: Mapping[str, list[Run]]) -> None:
    for runs in by_id.values():
        if runs[0].kind in {"flaky", "hopeless"}:
            continue  # those are run again by their own wish
        found.run_twice += len(runs) > 1
        found.overlaps += any(before.last_s > after.start_s for before, after in zip(runs, runs[1:], strict=False))


def _check_silent(found: Audit, journals: Journals, runs: list[Run]) -> None:
    for line in journals.nemesis:
        if line["event"] == "alive":
            heard = {run.pid for run in runs if run.kind == "probe" and run.start_s <= line["since"] + OFFERED_S}
            found.silent += [(str(pid), f"worker {pid} started nothing of what was offered") for pid in line["pids"]
                             if pid not in heard]  # fmt: skip


def _measure_faults(found: Audit, journals: Journals, runs: list[Run], by_id: Mapping[str, list[Run]]) -> None:
    faults = [line for line in journals.nemesis if line["event"] == "fault"]
    healed = {line["number"]: line["at"] for line in journals.nemesis if line["event"] == "heal"}
    (settings,) = [line for line in journals.nemesis if line["event"] == "settings"] or [{"lease_s": 0.0}]
    for line in faults:
        fault, at = FAULTS[line["name"]], line["began"]
        hit = [run for run in runs if run.start_s <= at < run.end_s and (line["pids"] is None or run.pid in line["pids"])]
        hit = [run for run in hit if not _outrun(run, by_id[run.task_id], at)]
        found.faults.append((line["name"], len(hit)))
        if not hit:
            continue
        found.pauses += fault.pauses and healed.get(line["number"], at) - at > settings["lease_s"]
        if fault.kills:
            found.recoveries += [
                Recovery(line["name"], run.key, again_s - at, _is_alone(line, again_s, faults, healed))
                for run in hit
                if (again_s := _next_start(run, by_id[run.task_id], at)) is not None
            ]


def _outrun(run: Run, runs: list[Run], at: float) -> bool:
    """Whether a later run of the task had started by then: this one was over, and its process had not said so."""
    return any(other.fence > run.fence and other.start_s <= at for other in runs)


def _next_start(run: Run, runs: list[Run], at: float) -> float | None:
    return min((other.start_s for other in runs if other.fence > run.fence and other.start_s > at), default=None)


def _is_alone(fault: Line, until_s: float, faults: list[Line], healed: Mapping[int, float]) -> bool:
    return not any(
        other["number"] != fault["number"]
        and other["began"] < until_s
        and healed.get(other["number"], until_s) > fault["began"]
        for other in faults
    )


def _check_times(found: Audit) -> None:
    for recovery in found.recoveries:
        limit_s = CHILD_S if FAULTS[recovery.fault].kills == "child" else WORKER_S
        if recovery.alone and recovery.seconds > limit_s:
            found.late.append(
                (recovery.key, f"started again {recovery.seconds:.2f} s after {recovery.fault}: over {limit_s:g} s")
            )


def spread(seconds: Collection[float]) -> str:
    """Median and maximum."""
    return f"{median(seconds):.2f}/{max(seconds):.2f}" if seconds else "-"
