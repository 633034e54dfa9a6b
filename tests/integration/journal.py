"""What the tasks of `shop` wrote down: one line for each thing that happened to a run, in the order in which it happened."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Line:
    """One event of one run: `fence` tells the runs of a task apart, `at_s` is of the machine's monotonic clock."""

    event: str
    task_id: str
    fence: int
    pid: int
    at_s: float
    note: str


class Journal:
    """A file that any number of processes append to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def lines(self, event: str | None = None, task_id: str | None = None) -> list[Line]:
        """The lines of one event, of one task, or all."""
        whole, _, _being_written = self.path.read_text().rpartition("\n")
        found = [read(text) for text in whole.splitlines()]
        return [line for line in found if event in {None, line.event} and task_id in {None, line.task_id}]

    def count(self, event: str, task_id: str | None = None) -> int:
        """How many lines there are of an event."""
        return len(self.lines(event, task_id))

    def started(self) -> dict[str, int]:
        """How often each task was started."""
        counts: defaultdict[str, int] = defaultdict(int)
        for line in self.lines("start"):
            counts[line.task_id] += 1
        return dict(counts)

    def overlaps(self) -> list[tuple[Line, Line]]:
        """Pairs of a run's last sign of life and the start of another run of the same task before it."""
        runs: defaultdict[str, defaultdict[int, list[Line]]] = defaultdict(lambda: defaultdict(list))
        for line in self.lines():
            runs[line.task_id][line.fence].append(line)
        found: list[tuple[Line, Line]] = []
        for of_task in runs.values():
            spans = sorted(((lines[0], lines[-1]) for lines in of_task.values()), key=lambda span: span[0].at_s)
            for (_, last), (first, _) in zip(spans, spans[1:], strict=False):
                if last.at_s > first.at_s:
                    found.append((last, first))
        return found


def read(text: str) -> Line:
    """One line of the file."""
    event, task_id, fence, pid, at_s, *note = text.split(" ", 5)
    return Line(event, task_id, int(fence), int(pid), float(at_s), note[0] if note else "")
