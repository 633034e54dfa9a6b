"""The two clocks of a process: wall time for what people read, monotonic time for every decision.

Nothing here decides when a lease is over or a task is due: that is the server's clock, inside the scripts.
"""

import time
from datetime import UTC, datetime

monotonic_s = time.monotonic


def wall_ms() -> int:
    """Milliseconds since the epoch by this machine's clock, which may jump; only ever shown or stored, never compared."""
    return time.time_ns() // 1_000_000


def iso(ms: int | None) -> str | None:
    """A time in milliseconds since the epoch as ISO 8601 in UTC with milliseconds; None stays None."""
    if ms is None:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
