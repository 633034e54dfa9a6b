"""Where a project's embedded server keeps its state, and how everyone else finds it.

Each project folder has one state folder, in the place that XDG gives for a user's state:

    <state folder>/            0700
    ├── lock                   locked (flock) by the owner as long as it lives; holds its pid, for messages
    ├── state.json             the `RunningServer`, there from when the server is ready until its owner stops it
    ├── server.log             what the server says; server.log.previous is of the start before
    └── data/                  the server's own folder, with a lock that the server itself holds

The lock is the truth and state.json only a note beside it: the kernel drops the lock when the owner ends, however it
ends, and a note outlives a `kill -9`. Nothing here starts one.
"""

import fcntl
import hashlib
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from lineshaft.errors import ConfigurationError, NoServerError

LOCK_NAME = "lock"
STATE_NAME = "state.json"


@dataclass(frozen=True)
class RunningServer:
    """An embedded server that is ready: `pid` is the server's, `owner_pid` that of the `serve` it belongs to."""

    url: str
    pid: int
    port: int
    owner_pid: int
    project: Path
    started_at: datetime


def project_folder(start: Path | None = None) -> Path:
    """The nearest folder from `start` (by default the working folder) up that has a pyproject.toml, else `start`."""
    first = (start or Path.cwd()).resolve()
    for folder in (first, *first.parents):
        if (folder / "pyproject.toml").is_file():
            return folder
    return first


def state_folder(project: Path) -> Path:
    """The folder that keeps a project's state; it need not exist yet.

    Raises:
        ConfigurationError: the user has no home folder, and XDG_STATE_HOME is not set either.
    """
    resolved = project.resolve()
    digest = hashlib.sha256(os.fsencode(resolved)).hexdigest()[:8]
    # 60 characters are at most 240 bytes, so that the digest still fits into the 255 that a file name may have.
    name = resolved.name[:60] or "root"
    return _state_home() / "lineshaft" / f"{name}-{digest}"


def running_server(project: Path | None = None) -> RunningServer | None:
    """The embedded server of `project` (by default the one around the working folder); None where none is ready.

    None, too, where the note about it is malformed, cannot be read, or was left behind by an owner that has ended.
    """
    folder = state_folder(project or project_folder())
    # The lock first: a note that was read before could be a dead owner's, and the lock then its successor's.
    if not _is_locked(folder / LOCK_NAME):
        return None
    return read_state(folder)


def running_url(project: Path | None = None) -> str:
    """The URL of the embedded server of `project` (by default the one around the working folder).

    Raises:
        NoServerError: none runs for that project.
    """
    folder = project or project_folder()
    running = running_server(folder)
    if running is None:
        raise NoServerError(
            f"no Redis URL is set and no Lineshaft server runs for {folder}: start one with `lineshaft serve`, or set REDIS_URL"
        )
    return running.url


def read_state(folder: Path) -> RunningServer | None:
    """What state.json in a state folder says, still true or not; None where it is missing or malformed."""
    try:
        return msgspec.json.decode((folder / STATE_NAME).read_bytes(), type=RunningServer, dec_hook=_path)
    except (OSError, msgspec.MsgspecError):
        return None


def _path(_: type, text: str) -> Path:
    return Path(text)


def _state_home() -> Path:
    chosen = Path(os.environ.get("XDG_STATE_HOME", ""))
    # The XDG Base Directory Specification has relative paths ignored.
    if chosen.is_absolute():
        return chosen
    try:
        return Path.home() / ".local" / "state"
    except RuntimeError as error:
        raise ConfigurationError(
            "there is no home folder to keep the state of an embedded server in: "
            "set XDG_STATE_HOME, or set REDIS_URL to a server you have"
        ) from error


def _is_locked(path: Path) -> bool:
    """Whether somebody has the lock for himself alone; lookers share it for a moment and do not hinder each other."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False
