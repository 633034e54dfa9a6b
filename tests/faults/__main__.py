"""`scripts/faults`: seeded runs of faults against real processes, and what the auditor says of each.

Exit code 0 if all is well, 1 on a breach, 3 if no fault of some run hit any work, 2 for wrong arguments.
"""

import argparse
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

from faults import nemesis
from faults.auditor import Audit, spread
from faults.journals import Journals
from faults.plan import Plan, plan_of
from faults.table import FAULTS

ROOT = Path(__file__).resolve().parents[2]
SHARED_MEMORY = Path("/dev/shm")  # a killed server's `everysec` then loses nothing: its flush to the disk never waits
STORIES = 3
HEAD = (
    f"{'seed':>6} {'accepted':>8} {'unknown':>7} {'ended':>6} {'lost':>4} {'zombie':>6} {'invented':>8} {'silent':>6} "
    f"{'late':>4} {'twice':>5} {'overlap':>7} {'faults':>6} {'hits':>4} {'pauses':>6} {'recovery s':>11} {'wall s':>6}  kinds"
)


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="scripts/faults", description="Seeded fault runs against real processes.")
    parser.add_argument("--seed", type=int, default=1, help="of the first run")
    parser.add_argument("--runs", type=int, default=1, help="how many seeds, one after the other")
    parser.add_argument("--minutes", type=float, help="how long faults strike: 0.15, or 2 with --real")
    parser.add_argument("--real", action="store_true", help="the product's own times in place of short ones")
    parser.add_argument("--only", default="", help="these kinds of faults alone, with commas")
    parser.add_argument("--list", action="store_true", help="list the catalogue of faults")
    parser.add_argument("-v", "--verbose", action="store_true", help="print each plan")
    return parser.parse_args()


def main() -> int:
    """Run them; gives the worst exit code."""
    asked = arguments()
    if asked.list:
        return int(importlib.import_module("faults.catalogue").main_list())
    only = [name for name in asked.only.split(",") if name]
    if unknown := set(only) - set(FAULTS):
        print(f"error: no such fault: {', '.join(sorted(unknown))}; there are: {', '.join(FAULTS)}", file=sys.stderr)
        return 2
    seconds = 60 * (asked.minutes or (2.0 if asked.real else 0.15))
    print(f"commit {commit()}, {'real' if asked.real else 'short'} times, {seconds:g} s of faults in each run")
    print(HEAD, flush=True)
    audits = []
    for seed in range(asked.seed, asked.seed + asked.runs):
        plan = plan_of(seed, seconds, real=asked.real, root=os.geteuid() == 0, only=only)
        if asked.verbose:
            print("\n".join(plan.lines()), flush=True)
        audits.append(run_one(plan))
        if asked.verbose:
            print(
                "       tasks in progress hit:", ", ".join(f"{name} {tasks}" for name, tasks in audits[-1].faults), flush=True
            )
    if len(audits) > 1:
        print(totals(audits))
    codes = {audit.exit_code for audit in audits}
    return 1 if 1 in codes else max(codes)


def run_one(plan: Plan) -> Audit:
    """Run one plan and print its line; the folder is kept where something is wrong."""
    began_s = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix=f"faults-{plan.seed}-", dir=SHARED_MEMORY if SHARED_MEMORY.is_dir() else None))
    try:
        audit = nemesis.run(plan, folder)
    except Exception as error:
        traceback.print_exc()
        audit = Audit(broken=[("run", repr(error))])
    print(line_of(plan, audit, time.monotonic() - began_s), flush=True)
    if audit.exit_code == 0:
        shutil.rmtree(folder)
        return audit
    if not audit.breaches:
        print("       no fault hit any work: this run has shown nothing")
    journals = Journals.read(folder)
    for name, cases in audit.breaches.items():
        for key, why in cases[:STORIES]:
            print(f"       {name}: {key}: {why}")
            for line in journals.story(key):
                print(f"           {line}")
    print(f"       journals and logs: {folder}", flush=True)
    return audit


def line_of(plan: Plan, audit: Audit, wall_s: float) -> str:
    """One run in one line."""
    return (
        f"{plan.seed:>6} {numbers(audit)} {spread([recovery.seconds for recovery in audit.recoveries]):>11} {wall_s:>6.1f}"
        f"  {','.join(plan.kinds)}"
    )


def numbers(audit: Audit) -> str:
    """The columns that are counts."""
    return (
        f"{audit.accepted:>8} {audit.unknown_accepted:>7} {audit.ended:>6} {len(audit.lost):>4} {len(audit.zombies):>6} "
        f"{len(audit.invented):>8} {len(audit.silent):>6} {len(audit.late):>4} {audit.run_twice:>5} {audit.overlaps:>7} "
        f"{len(audit.faults):>6} {audit.hits:>4} {audit.pauses:>6}"
    )


def totals(audits: list[Audit]) -> str:
    """All runs in a few lines."""
    whole = Audit()
    for audit in audits:
        for name, value in vars(audit).items():
            setattr(whole, name, getattr(whole, name) + value)
    lines = [f" total {numbers(whole)}"]
    for name in sorted({name for name, _ in whole.faults}):
        hits = [tasks for kind, tasks in whole.faults if kind == name]
        hit = sum(tasks > 0 for tasks in hits)
        lines.append(f"       {name}: {len(hits)} injected, {hit} hit work in progress, {sum(hits)} tasks in all")
    for name in sorted({recovery.fault for recovery in whole.recoveries}):
        seconds = [recovery.seconds for recovery in whole.recoveries if recovery.fault == name]
        alone = [recovery.seconds for recovery in whole.recoveries if recovery.fault == name and recovery.alone]
        lines.append(
            f"       {name}: {len(seconds)} tasks started again after (median/max) {spread(seconds)} s;"
            f" {len(alone)} with no other fault in between: {spread(alone)} s"
        )
    empty = sum(audit.exit_code == 3 for audit in audits)
    lines.append(
        f"       {len(audits)} runs, {sum(bool(audit.breaches) for audit in audits)} with breaches, {empty} that hit no work"
    )
    return "\n".join(lines)


def commit() -> str:
    """The commit under test, and whether the tree differs from it."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
