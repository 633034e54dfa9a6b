"""Processes of the benchmark: each in a process group of its own, and none left when the benchmark ends."""

import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import cast

from bench.contender import BenchError

STOP_LIMIT_S = 5
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>

_LIBC = ctypes.CDLL(None)


@contextmanager
def child(arguments: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """Start a program and stop it at the end of the block: SIGTERM to its group, SIGKILL after 5 s.

    Its stdout is the caller's to read, its stderr is ours. On Linux it gets SIGTERM also where this process is killed
    outright and no block ends.
    """
    process = subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_end_with_parent,
    )
    try:
        yield process
    finally:
        _stop(process)


def json_line(arguments: Sequence[str]) -> dict[str, float]:
    """Run a program until it prints a line of JSON, and give that; what it prints before goes to stderr."""
    with child(arguments) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("{"):
                return cast("dict[str, float]", json.loads(line))
            print(line, end="", file=sys.stderr)
    raise BenchError(f"`{' '.join(arguments)}` ended ({process.returncode}) before it reported a figure")


def _end_with_parent() -> None:
    if sys.platform == "linux":
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _stop(process: subprocess.Popen[str]) -> None:
    """End the group, also where its leader is gone already and left others behind."""
    _signal_group(process, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_LIMIT_S)
    _signal_group(process, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _signal_group(process: subprocess.Popen[str], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
