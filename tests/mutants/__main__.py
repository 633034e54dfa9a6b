"""The command behind `scripts/mutants`."""

import sys
import tempfile
import time
from pathlib import Path

from .mutant import Mutant
from .running import Found, Mill
from .table import TABLE


def main(names: list[str]) -> int:
    """Run the mutants whose names contain one of these, or all; 0 when every one of them is killed."""
    chosen = [mutant for mutant in TABLE if not names or any(name in mutant.name for name in names)]
    if not chosen:
        sys.stderr.write(f"error: no mutant is called {' or '.join(names)}\n")
        return 2
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        return run(Mill(Path(folder)), chosen)


def run(mill: Mill, mutants: list[Mutant]) -> int:
    """Run the tests without a mutant, then each mutant whose tests passed, and print the table."""
    began_s = time.monotonic()
    failed = mill.unmutated_failures(mutants)
    for test in failed:
        print(f"fails without a mutant: {test}", flush=True)
    provable = [mutant for mutant in mutants if not any(test.startswith(mutant.tests) for test in failed)]
    print(f"the tests ran without a mutant in {time.monotonic() - began_s:.0f} s; {len(failed)} failed", flush=True)
    killed = 0
    for found in mill.try_all(provable):
        print(row(found), flush=True)
        killed += found.verdict == "killed"
    print(f"{killed} of {len(mutants)} mutants killed in {time.monotonic() - began_s:.0f} s")
    return 0 if killed == len(mutants) and not failed else 1


def row(found: Found) -> str:
    """One line of the table."""
    return f"{found.verdict:8} {found.seconds:5.1f} s  {found.mutant.name:50} {found.by}"


sys.exit(main(sys.argv[1:]))
