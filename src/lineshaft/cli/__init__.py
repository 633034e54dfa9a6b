"""The command line: `lineshaft ...` and `python -m lineshaft ...`. One file per noun: each parses, calls and prints.

None decides anything about a task.
"""

import importlib
import sys

INTERRUPTED = 130


def main() -> int:
    """Run the command line with this process's arguments; gives the exit code."""
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
