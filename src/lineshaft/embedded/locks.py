"""Locks on files, which the kernel drops when the last process that holds one ends, however it ends.

They are flocks: one belongs to an opened file and is inherited with its descriptor. The files are never deleted,
since a lock on a deleted file keeps nobody out. Network file systems emulate flocks without inheritance: there, the
server of a killed owner is not waited for.
"""

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

POLL_INTERVAL_S = 0.02


def take_lock(path: Path, timeout_s: float, gives_up: Callable[[], bool] = lambda: False) -> int | None:
    """Lock the file at `path` for this process alone and return the descriptor that holds the lock.

    None where somebody else still has it when the time is over, or when `gives_up` says so. The file is made if need
    be, for this user only. Children do not inherit the descriptor unless it is passed to them.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + timeout_s
    try:
        while not _try_lock(descriptor):
            if gives_up() or time.monotonic() > deadline:
                os.close(descriptor)
                return None
            time.sleep(POLL_INTERVAL_S)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def drop_lock(descriptor: int) -> None:
    """Give the lock free for everybody, and close the descriptor."""
    # Said aloud, since a process forked off this one would keep the lock with its copy of the descriptor.
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)
