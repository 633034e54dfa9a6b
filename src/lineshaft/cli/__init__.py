"""The command line: `lineshaft ...` and `python -m lineshaft ...`. One file per noun: each parses, calls and prints.

None decides anything about a task.
"""

import importlib
import os
import sys

INTERRUPTED = 130


def main() -> int:
    """Run the command line with this process's arguments; gives the exit code."""
    if sys.stdout is None:  # it was closed by whoever started us, who wants to hear nothing
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - for as long as the process lives
    try:
        importlib.import_module("typer")
    except ModuleNotFoundError:
        sys.stderr.write('error: the command line needs an extra: pip install "lineshaft[all]"\n')
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    try:
        from lineshaft.cli.program import run

        return run()
    except KeyboardInterrupt:
        return INTERRUPTED
