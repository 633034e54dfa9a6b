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
    """Run the tests without a mutant, then each mutant, and print the table."""
    began_s = time.monotonic()
    for failure in mill.unmutated_failures(mutants):
        sys.stderr.write(f"error: the tests do not pass without a mutant:\n{failure}\n")
        return 2
    print(f"the tests pass without a mutant ({time.monotonic() - began_s:.0f} s)", flush=True)
    killed = 0
    for found in mill.try_all(mutants):
        print(row(found), flush=True)
        killed += found.verdict == "killed"
    print(f"{killed} of {len(mutants)} mutants killed in {time.monotonic() - began_s:.0f} s")
    return 0 if killed == len(mutants) else 1


def row(found: Found) -> str:
    """One line of the table."""
    return f"{found.verdict:8} {found.seconds:5.1f} s  {found.mutant.name:50} {found.by}"


sys.exit(main(sys.argv[1:]))
