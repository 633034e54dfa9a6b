"""What commands print: tables and records for people, JSON for programs, and each error as one line on stderr.

On a terminal, tables are drawn and coloured; anywhere else they are aligned text. A row that is wider than the terminal goes on
below it, since nobody can copy an id that is broken over lines. What Redis holds is shown without the control characters that
may be in it, so that a task cannot write to somebody's terminal.
"""

import os
import re
import sys
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

import typer

from lineshaft.telemetry import visible

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.text import Text

USAGE_ERROR = 2
NOTHING = "-"  # in a cell
GAP, INDENT = 2, 4  # between columns; of what goes on below
LAST_AT_LEAST = 20  # characters of the last column, the one that is folded, or it goes below
UNITS = ((86_400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s"))  # seconds in a large one, and in the next

STYLES = {
    "done": "green",
    "failed": "red",
    "cancelled": "yellow",
    "expired": "yellow",
    "in-progress": "cyan",
    "pending": "blue",
    "scheduled": "blue",
    "waiting": "blue",
    "ok": "green",
    "warning": "yellow",
    "wrong": "red",
    "cannot verify": "yellow",
}


def print_json(value: Any) -> None:
    """Print a value as JSON: on one line, or indented on a terminal."""
    import msgspec

    encoded = msgspec.json.encode(value)
    if sys.stdout.isatty():
        encoded = msgspec.json.format(encoded, indent=2)
    typer.echo(encoded)


def print_table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], nothing: str) -> None:
    """Print rows under a heading. On a terminal, `nothing` stands in for a table without rows."""
    heads = [column.replace("_", "-").upper() for column in columns]
    cells = [[text_of(row[column]) for column in columns] for row in rows]
    right = [bool(rows) and all(type(row[column]) is int for row in rows) for column in columns]
    if not sys.stdout.isatty():
        typer.echo(aligned([heads, *cells], right))
    elif not rows:
        typer.echo(nothing)
    else:
        print_rich(drawn(heads, cells, right, console().width))


def print_record(record: Mapping[str, Any]) -> None:
    """Print one thing, a field to a line."""
    cells = [[name, text_of(value)] for name, value in record.items()]
    if sys.stdout.isatty():
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 2))
        grid.add_column()
        grid.add_column(overflow="fold")
        for name, cell in cells:
            grid.add_row(Text(name, "bold"), styled(cell))
        print_rich(grid)
    else:
        typer.echo(aligned(cells, [False, False]))


def print_text(text: str) -> None:
    """Print a longer text after an empty line."""
    typer.echo("\n" + "\n".join(visible(line) for line in text.splitlines()))


def print_rich(renderable: Any) -> None:
    """Draw something on the terminal; where NO_COLOR is set, without a single escape code."""
    console().print(renderable)


def console(*, stderr: bool = False) -> "Console":
    """Where to draw; without colours where NO_COLOR is set."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, color_system=None if os.environ.get("NO_COLOR") else "auto")


@contextmanager
def progress(total: int, what: str) -> Generator[Callable[[int], None]]:
    """Show on a terminal how far something is, while the block runs; gives what to call with each further step."""
    if not sys.stderr.isatty() or not total:
        yield lambda _: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    above = sys.stdout.isatty()  # what is printed meanwhile then stands above the bar
    with Progress(*columns, console=console(stderr=True), transient=True, redirect_stdout=above) as bar:
        task = bar.add_task(what, total=total)
        yield lambda steps: bar.advance(task, steps)


def drawn(heads: Sequence[str], cells: Sequence[Sequence[str]], right: Sequence[bool], room: int) -> "Group":
    """A table for a terminal that is so wide; what is not there takes no line below."""
    from rich.cells import cell_len
    from rich.console import Group
    from rich.constrain import Constrain
    from rich.padding import Padding
    from rich.rule import Rule
    from rich.table import Column, Table

    lines = laid_out([max(map(cell_len, column)) for column in zip(heads, *cells, strict=True)], room)

    def line(row: Sequence[str], number: int, style: str) -> Padding:
        columns = lines[number]
        grid = Table.grid(
            *(Column(width=width, justify="right" if right[n] else "left", overflow="fold") for n, width in columns.items()),
            padding=(0, GAP),
        )
        grid.add_row(*(styled(row[n]) for n in columns), style=style)
        return Padding(grid, (0, 0, 0, INDENT if number else 0))

    def drawn_row(row: Sequence[str], style: str = "") -> Iterator[Padding]:
        for number, columns in enumerate(lines):
            if number == 0 or any(row[n] != NOTHING for n in columns):
                yield line(row, number, style)

    widest = max(
        sum(columns.values()) + GAP * (len(columns) - 1) + (INDENT if number else 0) for number, columns in enumerate(lines)
    )
    rule = Constrain(Rule(style=""), widest)
    return Group(*drawn_row(heads, "bold"), rule, *(part for row in cells for part in drawn_row(row)))


def laid_out(widths: Sequence[int], room: int) -> list[dict[int, int]]:
    """On which line each column stands, and how wide: all of it, but that the last one takes what is left of its line."""
    lines: list[dict[int, int]] = [{}]
    left = room
    for n, width in enumerate(widths):
        least = min(width, LAST_AT_LEAST) if n == len(widths) - 1 else width
        if least > left and lines[-1]:
            lines.append({})
            left = room - INDENT
        lines[-1][n] = max(1, min(width, left))
        left -= width + GAP
    return lines


def aligned(lines: Sequence[Sequence[str]], right: Sequence[bool]) -> str:
    """Lines of cells as text, two spaces between columns, those of numbers to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if is_right else cell.ljust(width)
            for cell, width, is_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def text_of(value: Any) -> str:
    """A value as one cell: a dash for what is not there, words for yes and no, a list with commas."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(text_of(item) for item in cast("Sequence[Any]", value)) or NOTHING
    return one_line(str(value))


def duration(ms: int) -> str:
    """How long something takes, in its two largest units; a time that went backwards is none."""
    seconds = max(0, ms) / 1000
    for large_s, large, small_s, small in UNITS:
        if seconds >= large_s:
            return f"{int(seconds // large_s)}{large} {int(seconds % large_s // small_s):02}{small}"
    if seconds < 1:
        return f"{round(1000 * seconds)} ms"
    return f"{seconds:.1f} s" if seconds < 10 else f"{int(seconds)} s"


def styled(cell: str) -> "Text":
    """A cell for a drawn table; a status word has its colour. Never read as markup."""
    from rich.text import Text

    return Text(cell, STYLES.get(cell, ""))


def one_line(text: str) -> str:
    """The text on one line, without control characters."""
    return visible(re.sub(r"\s*[\r\n\t]+\s*", " ", text.strip()))


def mute_stdout() -> None:
    """Whoever read stdout has gone: send what is still in the buffer nowhere."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def report(error: Exception) -> int:
    """Say on stderr, in one line, what went wrong and what to do; gives the exit code.

    With LINESHAFT_DEBUG=1 the traceback comes first.
    """
    if os.environ.get("LINESHAFT_DEBUG", "0") not in {"", "0"}:
        traceback.print_exception(error)
    message, code = verdict(error)
    if message:
        print(f"error: {one_line(message)}", file=sys.stderr)  # not by typer, which would print into a bar
    return code


def verdict(error: Exception) -> tuple[str, int]:
    """What to say about an error, and the exit code: 2 for wrong use or settings, 1 for what did not work out."""
    if isinstance(error, typer.TyperException):
        return usage_message(error), error.exit_code
    from lineshaft.errors import (
        ArgumentError,
        ConfigurationError,
        LineshaftError,
        ServerFullError,
        ServerUnavailableError,
        UnknownTaskError,
    )

    if isinstance(error, ConfigurationError | ArgumentError | UnknownTaskError):
        return str(error), USAGE_ERROR
    if isinstance(error, ServerUnavailableError) and not isinstance(error, ServerFullError):
        return f"{error}; check that it runs, and the URL in --redis-url or REDIS_URL", 1
    if isinstance(error, LineshaftError):
        return str(error), 1
    if isinstance(error, OSError):
        return str(error), 1
    said = f"{type(error).__qualname__}: {error}" if str(error) else type(error).__qualname__
    return f"{said} (unexpected; LINESHAFT_DEBUG=1 shows where)", 1


def usage_message(error: typer.TyperException) -> str:
    """What typer says of wrong use, and where the help is; nothing where the help itself was printed."""
    said = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    return f"{said} (see `{context.command_path} --help`)" if said and context else said
