"""A plugin of pytest that notes how the tests of the catalogue of faults end, and writes it down after the session."""

import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

import lineshaft
from faults.catalogue import cited
from faults.results import FILE, ROOT, merge


def pytest_configure(config: pytest.Config) -> None:
    """Begin to note, unless it is another package than this checkout's that is tested.

    Where several processes share the tests, the first one, which runs none, hears of all ends and notes them.
    """
    is_one_of_several = hasattr(config, "workerinput")
    if Path(lineshaft.__file__).is_relative_to(ROOT / "src") and not is_one_of_several:
        config.pluginmanager.register(Recorder(cited()), "fault-results")


class Recorder:
    """Notes how cited tests end.

    A cited id without brackets stands for all cases of that test: it has failed if any of those that ran has.
    """

    def __init__(self, cited: Iterable[str], path: Path = FILE) -> None:
        self._cited = frozenset(cited)
        self._path = path
        self._ends: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called after each phase of each test."""
        for test in {report.nodeid, report.nodeid.partition("[")[0]} & self._cited:
            if report.failed:
                self._ends[test] = "failed"
            elif report.passed and report.when == "call":
                self._ends.setdefault(test, "passed")

    def pytest_sessionfinish(self) -> None:
        """Called at the end of the session, however it ends."""
        if self._ends:
            merge(self._ends, f"{datetime.now(UTC):%Y-%m-%d}", commit(), self._path)


def commit() -> str:
    """The commit of this checkout, short."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--exclude=*", "--dirty=+"]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return found or "no commit"
