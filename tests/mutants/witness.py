"""A pytest plugin: says which package was tested, and which test failed first, to whoever asked for it.

`MUTANT_WITNESS` names the file it writes to, one JSON object to a line.
"""

import json
import os
from pathlib import Path

import pytest

import lineshaft


def say(**fact: str) -> None:
    """Append one fact."""
    with Path(os.environ["MUTANT_WITNESS"]).open("a") as file:
        file.write(json.dumps(fact) + "\n")


def pytest_sessionstart() -> None:
    """Say where the package comes from."""
    say(package=str(Path(lineshaft.__file__).resolve().parent))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Say that a test failed, in which phase, and with what."""
    if report.failed:
        say(failed=report.nodeid, phase=report.when, error=report.longreprtext.strip().rpartition("\n")[2][:200])
