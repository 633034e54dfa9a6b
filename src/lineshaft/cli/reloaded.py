"""What `worker --reload` runs: `lineshaft worker` with the options it was given, which ends when whoever started it does."""

import json
import sys

from lineshaft.cli.output import report
from lineshaft.cli.start import run_worker
from lineshaft.control import die_with


def main() -> int:
    """Run workers for the process that started this one; gives the exit code."""
    parent, options = sys.argv[1:]
    die_with(int(parent))
    try:
        return run_worker(**json.loads(options))
    except Exception as error:  # noqa: BLE001 - a command never ends in a traceback
        return report(error)


if __name__ == "__main__":
    sys.exit(main())
