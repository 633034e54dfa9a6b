"""Remembers how each test that the catalogue of faults cites ended when it last ran in this checkout: `.faults.json`."""

import fcntl
import json
from pathlib import Path
from typing import IO, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / ".faults.json"
NEVER = "not run here yet"


class Result(NamedTuple):
    """How a test ended: `passed` or `failed`, on which day, at which commit (with a + where files had been changed)."""

    outcome: str
    date: str
    commit: str


def read(path: Path = FILE) -> dict[str, Result]:
    """The last result of each test; what cannot be read counts as not run."""
    try:
        with path.open() as file:
            return parsed(file)
    except OSError:
        return {}


def parsed(file: IO[str]) -> dict[str, Result]:
    """The results in a file, without those that are not whole."""
    try:
        entries = json.load(file)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(entries, dict):
        return {}
    return {test: Result(**entry) for test, entry in entries.items() if is_whole(entry)}


def is_whole(entry: object) -> bool:
    """Whether it has all the parts of a result, and nothing else."""
    return isinstance(entry, dict) and entry.keys() == set(Result._fields) and all(isinstance(v, str) for v in entry.values())


def merge(ends: dict[str, str], date: str, commit: str, path: Path = FILE) -> None:
    """Put the outcomes of one session into the file; other sessions may be doing the same."""
    with path.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        results = parsed(file) | {test: Result(outcome, date, commit) for test, outcome in ends.items()}
        file.truncate(0)
        json.dump({test: result._asdict() for test, result in sorted(results.items())}, file, indent=1)


def said(result: Result | None) -> str:
    """A result in one line."""
    return " ".join(result) if result else NEVER
