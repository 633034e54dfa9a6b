"""The journals of a fault run: JSON lines, each flushed before the call that it announces, one file for each who writes."""

import json
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Line = dict[str, Any]


class JournalWriter:
    """Appends lines; what `write` has returned from is flushed."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def write(self, event: str, **facts: Any) -> None:
        """Append one line."""
        self.write_all(event, [facts])

    def write_all(self, event: str, lines: Iterable[Line]) -> None:
        """Append one line for each, all with one flush."""
        at = time.monotonic()
        text = "".join(json.dumps({"event": event, "at": at, **facts}) + "\n" for facts in lines)
        os.write(self._file, text.encode())
        os.fdatasync(self._file)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def read_lines(path: Path) -> list[Line]:
    """The whole lines of one journal; a last one that a killed process did not finish is left out."""
    whole, _, _being_written = path.read_text("utf-8").rpartition("\n")
    return [json.loads(text) for text in whole.splitlines()]


@dataclass
class Journals:
    """All that was written down in one run, by who wrote it.

    Attributes:
        producers: events intent (key, kind, id or null), ack (key, id), unknown, refused, conflict (key), cancel (key, id).
        workers: events start, effect, end, each of a run (id, key, kind, fence, session, pid).
        nemesis: events settings, fault (number, name, pids or null for all), heal (number), missed, offered, alive (pids).
    """

    producers: list[Line] = field(default_factory=list)
    workers: list[Line] = field(default_factory=list)
    nemesis: list[Line] = field(default_factory=list)

    @staticmethod
    def read(folder: Path) -> "Journals":
        """Read the journals in a folder, in the order of time."""
        journals = Journals()
        for role in ("producers", "workers", "nemesis"):
            lines = [line for path in sorted(folder.glob(f"{role}-*.jsonl")) for line in read_lines(path)]
            getattr(journals, role).extend(sorted(lines, key=lambda line: line["at"]))
        return journals

    def story(self, key: str) -> list[Line]:
        """All lines of one task, and of nothing else."""
        return sorted(
            (line for line in [*self.producers, *self.workers] if line.get("key") == key), key=lambda line: line["at"]
        )
