"""`python -m model` explores every scope and prints what it found; see the package for its options."""

import argparse
import sys

from .explorer import Found, explore, told
from .flaws import Flaw
from .scopes import SCOPES, deeper, flawed

ROW = "{:<38} {:>9} {:>10} {:>6} {:>8}"


def main() -> int:
    """Explore; the exit code is 1 when something is wrong, or when a flaw was not found."""
    parser = argparse.ArgumentParser(prog="python -m model", description="explore the protocol's abstract states")
    parser.add_argument("--deep", action="store_true", help="one more of everything that is limited; takes hours")
    parser.add_argument("--flaw", choices=[str(flaw) for flaw in Flaw], help="leave one rule out and print the counterexample")
    parser.add_argument("--scope", default="", help="only scopes whose names begin so")
    given = parser.parse_args()
    if given.flaw:
        found = explore(flawed(Flaw(given.flaw)))
        show(found)
        return 0 if found.wrong else 1
    chosen = [scope for scope in SCOPES if scope.name.startswith(given.scope)]
    print(ROW.format("scope", "states", "steps", "depth", "seconds"))
    searched = []
    for scope in chosen:
        searched.append(explore(deeper(scope) if given.deep else scope))
        show(searched[-1])
    states, steps = sum(found.states for found in searched), sum(found.steps for found in searched)
    print(ROW.format("all", states, steps, "", f"{sum(found.seconds for found in searched):.1f}"))
    return int(any(found.wrong for found in searched))


def show(found: Found) -> None:
    """One row, and the trace to what is wrong."""
    print(ROW.format(found.scope.name, found.states, found.steps, found.depth, f"{found.seconds:.1f}"), flush=True)
    if found.wrong:
        print(found.wrong, *told(found.trace), sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
