"""Names of sessions, and what others can read of them."""

import os
import secrets
import socket
from collections.abc import Sequence

from lineshaft.clock import wall_ms

Record = dict[str, str | int]


def new_session() -> str:
    """A name for one boot of one worker process: 128 random bits."""
    return secrets.token_hex(16)


def session_record(queues: Sequence[str], concurrency: int, pid: int | None = None) -> Record:
    """Who a session is; no queues stands for all."""
    return {
        "host": socket.gethostname(),
        "pid": pid or os.getpid(),
        "queues": ",".join(queues),
        "concurrency": concurrency,
        "started_ms": wall_ms(),
    }
