"""Reads the Lua scripts: resolves their shared parts and hashes them. Their headers are for people, and for `docs/headers.py`.

A script names the shared parts it needs with lines `--@use <name>`; each is replaced by `scripts/shared/<name>.lua`. The
result is what the server runs, and its SHA-1 is its name there, so old and new workers run side by side.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

NAMES = (
    "open", "close", "enqueue", "claim", "finish", "fail", "release", "renew", "reap", "promote", "cancel", "retry", "watch",
    "pause", "resume", "order",
)  # fmt: skip

_USE = re.compile(r"^--@use (\w+)$", re.MULTILINE)


@dataclass(frozen=True)
class Script:
    """One transition: its source as the server gets it, and the SHA-1 the server knows it by."""

    name: str
    source: bytes
    sha: str


@cache
def load(name: str) -> Script:
    """Read one script, once per process.

    Raises:
        FileNotFoundError: there is no such script, or it uses a shared part that does not exist.
    """
    folder = resources.files("lineshaft.protocol") / "scripts"
    text = (folder / f"{name}.lua").read_text("utf-8")
    source = _USE.sub(lambda use: (folder / "shared" / f"{use[1]}.lua").read_text("utf-8").rstrip(), text).encode()
    # Redis names scripts by SHA-1; it is a name, not a safeguard.
    sha = hashlib.sha1(source, usedforsecurity=False).hexdigest()
    return Script(name, source, sha)
