"""Draws what `lineshaft top` shows: from one reading and the size of the terminal to lines that fit it. Reads nothing itself.

What Redis holds is shown without the control characters that may be in it. Without colours nothing is lost: what matters
also stands there as a word or a mark.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from rich.console import Group
from rich.table import Column, Table
from rich.text import Text

from lineshaft.cli.output import STYLES, duration, one_line, text_of
from lineshaft.cli.rates import BARS, PLAIN_BARS, sparkline
from lineshaft.cli.timeline import SESSION_SHOWN
from lineshaft.clock import iso
from lineshaft.inspection.counters import MINUTES, Statistics
from lineshaft.inspection.inspector import QueueCounts, WorkerInfo
from lineshaft.inspection.pages import TaskSummary

KEYS = "up/down select   p pause or resume   space freeze   q quit"
HEAD, FOOT = 2, 1  # lines
ROOMY = 30  # lines from which on there is an empty one between the sections
LEAST_WITH_RATES = 18
WIDE = 120  # columns from which on queues and workers stand side by side
STATES_WIDTH, RATE_WIDTHS = 24, 40
RATE_STYLES = {"done": "green", "failed": "red", "crashed": "red", "retried": "yellow"}
HEADING = "reverse"


@dataclass(frozen=True)
class Reading:
    """What was read at one time: `running` are the tasks that run, the longest first, and may be not all of them."""

    now_ms: int
    statistics: Statistics
    rates: dict[str, list[float]]
    workers: list[WorkerInfo]
    running: list[TaskSummary]


@dataclass
class Picture:
    """What is to be seen.

    Attributes:
        title: which app and server this is.
        default_task: the name that a task without an envelope runs under.
        reading: what was read last, or when it was frozen; None before there is any.
        selected: the queue that keys act on.
        trouble: why there is nothing newer, if so.
        question: what is asked, if anything.
        notice: what came of the last answer.
    """

    title: str
    default_task: str = ""
    reading: Reading | None = None
    selected: str = "default"
    is_frozen: bool = False
    trouble: str = ""
    question: str = ""
    notice: str = ""

    def drawn(self, width: int, height: int, *, is_plain: bool = False) -> Group:
        """The whole picture, for a terminal of this size; `is_plain` says that it has the characters of ASCII alone."""
        head, foot = self._head(), Text(self.question, "bold yellow") if self.question else Text(KEYS, "dim")
        reading = self.reading
        if reading is None:
            return Group(*head, *[Text()] * (height - HEAD - FOOT), foot)
        drawn: list[Any] = list(head)
        room = height - HEAD - FOOT
        if height >= LEAST_WITH_RATES:
            drawn.append(self._counts(reading, width, PLAIN_BARS if is_plain else BARS))
            room -= 1 + len(reading.statistics.states)
        queues, workers, running = self._queues(reading), self._workers(reading), self._running(reading)
        rows = [[queues, workers], [running]] if width >= WIDE else [[queues], [workers], [running]]
        gap = 1 if height >= ROOMY else 0
        room -= len(rows) * (1 + gap)
        wanted = [max(1, *(len(section.rows) for section in row)) for row in rows]
        for row, share in zip(rows, shares(wanted, room), strict=True):
            beside = Table.grid(*(Column(ratio=1) for _ in row), expand=True, padding=(0, 2, 0, 0), pad_edge=False)
            beside.add_row(*(section.drawn(share, is_plain=is_plain) for section in row))
            drawn += [*[Text()] * gap, beside]
            room -= share
        return Group(*drawn, *[Text()] * room, foot)

    def _head(self) -> list[Any]:
        """The title with the time, and a line for what there is to say."""
        grid = Table.grid(expand=True)
        grid.add_column(no_wrap=True, overflow="crop", ratio=1)
        grid.add_column(justify="right", no_wrap=True)
        at = (iso(self.reading.now_ms) or "")[11:19] + " UTC" if self.reading else ""
        if self.is_frozen:
            at = f"FROZEN at {at}: space goes on"
        elif self.trouble and at:
            at = f"as of {at}"
        grid.add_row(Text.assemble(("lineshaft top", "bold"), "  ", one_line(self.title)), Text(at))
        said = Text(one_line(self.trouble), "bold red") if self.trouble else Text(one_line(self.notice), "green")
        said.no_wrap, said.overflow = True, "crop"
        return [grid, said if said.plain or self.reading else Text("reading ...")]

    def _counts(self, reading: Reading, width: int, bars: str) -> Table:
        """Rates to the left, tasks by status to the right."""
        rates = grid_of(("A SECOND", "left"), ("NOW", "right"), (f"{MINUTES} MIN", "right"), ("", "left"))
        for name, mean in reading.statistics.rates.items():
            seen = reading.rates.get(name, [])
            now = seen[-1] if seen else None
            style = RATE_STYLES.get(name, "") if now or mean else ""
            chart = sparkline(seen, width - STATES_WIDTH - RATE_WIDTHS, bars)
            rates.add_row(
                Text(name, style), "-" if now is None else rate_text(now), rate_text(mean), Text(chart, style or "cyan")
            )
        states = grid_of(("STATUS", "left"), ("TASKS", "right"))
        for word, amount in reading.statistics.states.items():
            states.add_row(Text(word, STYLES.get(word, "") if amount else ""), f"{amount:,}")
        both = Table.grid(expand=True, padding=(0, 2, 0, 0))
        both.add_column(ratio=1)
        both.add_column(width=STATES_WIDTH)
        both.add_row(rates, states)
        return both

    def _queues(self, reading: Reading) -> "Section":
        rows = [self._queue(counts) for counts in reading.statistics.queues]
        names = [counts.queue for counts in reading.statistics.queues]
        at = names.index(self.selected) if self.selected in names else 0
        columns = (
            Head("  QUEUE", 1),
            *(Head(name, right=True) for name in ("READY", "SCHEDULED", "IN-PROGRESS", "PAUSED")),
        )
        return Section(columns, rows, len(rows), "", at)

    def _queue(self, counts: QueueCounts) -> list[Text]:
        is_selected = counts.queue == self.selected
        style = "bold" if is_selected else ""
        numbers = [Text(f"{amount:,}", style) for amount in (counts.ready, counts.scheduled, counts.in_progress)]
        paused = Text("yes", "bold yellow") if counts.paused else Text("no", style)
        return [Text(f"{'>' if is_selected else ' '} {one_line(counts.queue)}", style), *numbers, paused]

    def _workers(self, reading: Reading) -> "Section":
        rows = [
            [
                Text(worker.session[:SESSION_SHOWN]),
                Text(one_line(worker.host)),
                Text(str(worker.pid)),
                self._queues_of(worker),
                Text(str(worker.running)),
                Text(duration(reading.now_ms - worker.started_ms) if worker.started_ms else "-"),
            ]
            for worker in reading.workers
        ]
        columns = (
            Head("WORKER"),
            Head("HOST", 1),
            Head("PID", right=True),
            Head("QUEUES", 1),
            Head("RUNNING", right=True),
            Head("UP", right=True, least=8),
        )
        return Section(columns, rows, len(rows), "No worker runs: start one with `lineshaft worker module:name`.")

    def _queues_of(self, worker: WorkerInfo) -> Text:
        """What it takes from; nothing more where it was told to be quiet."""
        return Text("quiet", "bold yellow") if worker.quiet else Text(text_of(worker.queues) if worker.queues else "(all)")

    def _running(self, reading: Reading) -> "Section":
        rows = [
            [
                Text(one_line(summary.envelope.task if summary.envelope else self.default_task)),
                Text(summary.task_id),
                Text(summary.envelope.queue if summary.envelope else "default"),
                Text((summary.session or "-")[:SESSION_SHOWN]),
                Text(duration(reading.now_ms - summary.started_ms) if summary.started_ms else "-"),
            ]
            for summary in reading.running
        ]
        columns = (Head("RUNS NOW", 2), Head("ID"), Head("QUEUE", 1), Head("WORKER"), Head("FOR", right=True, least=8))
        in_all = max(len(rows), reading.statistics.states["in-progress"])
        return Section(columns, rows, in_all, "Nothing runs.")


class Head(NamedTuple):
    """The head of a column: one with a share takes of the room that the others leave."""

    name: str
    share: int | None = None
    right: bool = False
    least: int | None = None


class Section(NamedTuple):
    """A heading with rows below it: `in_all` is how many there would be, `nothing` stands for none, `at` must be seen."""

    columns: Sequence[Head]
    rows: Sequence[Sequence[Text]]
    in_all: int
    nothing: str
    at: int = 0

    def drawn(self, room: int, *, is_plain: bool) -> Any:
        """As many rows as there is room for; the heading says where that is not all of them."""
        start = max(0, min(self.at - room // 2, len(self.rows) - room))
        shown = self.rows[start : start + room]
        table = Table(box=None, expand=True, pad_edge=False, padding=(0, 2, 0, 0), header_style=HEADING)
        more = f" ({len(shown)} of {self.in_all:,})" if len(shown) < self.in_all else ""
        for number, column in enumerate(self.columns):
            table.add_column(
                Text(column.name + (more if number == 0 else "")),
                ratio=column.share,
                justify="right" if column.right else "left",
                no_wrap=True,
                overflow="crop" if is_plain else "ellipsis",
                min_width=column.least,
            )
        for row in shown:
            table.add_row(*row)
        return Group(table, Text(one_line(self.nothing), "dim")) if not shown and room > 0 else table


def grid_of(*columns: tuple[str, str]) -> Table:
    """A table with a heading and no lines, as wide as it must be."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name, justify in columns:
        table.add_column(name, justify="right" if justify == "right" else "left", no_wrap=True)
    return table


def rate_text(rate: float) -> str:
    """A rate, with more digits where it is small."""
    return f"{rate:,.2f}" if rate < 10 else f"{rate:,.1f}"


def shares(wanted: Sequence[int], room: int) -> list[int]:
    """How many lines each of several gets of the room: as many as it wants where that fits, else a fair part."""
    given = [0] * len(wanted)
    for _ in range(max(0, room)):
        lacking = [n for n, amount in enumerate(wanted) if given[n] < amount]
        if not lacking:
            break
        given[min(lacking, key=given.__getitem__)] += 1
    return given
