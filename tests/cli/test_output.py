"""What is printed where: on a pipe, on a terminal, and where NO_COLOR is set."""

import os
import subprocess

import pytest

from lineshaft.cli.output import aligned, duration, laid_out, one_line, text_of, visible

from .conftest import COMMAND, SECONDS, Commands, Enqueued
from .terminal import Terminal

SHOWS = (("queue", "ls"), ("task", "show", "it"), ("worker", "ls"), ("task", "show", "it", "--json"), ("--help",))


def on_a_terminal(commands: Commands, *words: str, **env: str) -> str:
    """What a command writes to a terminal."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [*COMMAND, *words], cwd=commands.folder, env={**commands.env, **env}, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    written = b""
    try:
        while chunk := os.read(ours, 65536):
            written += chunk
    except OSError:  # Linux says so where the other end was closed
        pass
    os.close(ours)
    assert process.wait(SECONDS) == 0
    return written.decode()


@pytest.fixture
def with_a_task(lineshaft: Commands, enqueued: Enqueued) -> Commands:
    enqueued("shop.count", task_id="it")
    return lineshaft


@pytest.mark.parametrize("words", SHOWS, ids=" ".join)
def test_a_pipe_gets_no_escape_codes(with_a_task: Commands, words: tuple[str, ...]) -> None:
    ended = with_a_task(*words)
    assert ended.code == 0
    assert "\x1b" not in ended.out + ended.err


@pytest.mark.parametrize("words", SHOWS[:-1], ids=" ".join)
def test_no_color_gets_none_on_a_terminal_either(with_a_task: Commands, words: tuple[str, ...]) -> None:
    assert "\x1b" not in on_a_terminal(with_a_task, *words, NO_COLOR="1")


def test_a_terminal_gets_a_drawn_table_and_colours(with_a_task: Commands) -> None:
    table = on_a_terminal(with_a_task, "queue", "ls")
    assert "\x1b[1m" in table
    assert "─" in table
    assert "\x1b[34mpending" in on_a_terminal(with_a_task, "task", "show", "it")
    assert "No worker runs: start one with `lineshaft worker module:name`." in on_a_terminal(with_a_task, "worker", "ls")


def on_the_screen(commands: Commands, *words: str, width: int) -> list[str]:
    """The lines that a command leaves on a terminal that is so wide."""
    commands.env.pop("COLUMNS", None)
    with Terminal(commands, *words, width=width, height=40) as terminal:
        assert terminal.ended() == 0
        return [line for line in terminal.lines if line]


@pytest.mark.usefixtures("working")
@pytest.mark.parametrize("width", [80, 100, 140])
def test_no_terminal_is_too_narrow_for_ids_and_times(lineshaft: Commands, enqueued: Enqueued, width: int) -> None:
    failed = enqueued("shop.fail", {"why": "no luck " * 20}, wait=True)
    later = enqueued("shop.anything", queue="a-queue", delay_ms=60_000)
    rows = lineshaft("task", "ls", "--json").json["items"]
    times = {row["taskID"]: (row["due_at"] or row["ended_at"])[:19].replace("T", " ") for row in rows}
    lines = on_the_screen(lineshaft, "task", "ls", width=width)
    for task_id in (failed, later):
        assert sum(task_id in line for line in lines) == 1
        assert sum(times[task_id] in line for line in lines) == 1
    assert "ValueError: no luck" in "".join(lines)
    (worker,) = lineshaft("worker", "ls", "--json").json
    lines = on_the_screen(lineshaft, "worker", "ls", width=width)
    assert sum(worker["session"] in line for line in lines) == 1
    assert sum(worker["started_at"] in line for line in lines) == 1


@pytest.mark.usefixtures("working")
def test_where_a_terminal_is_too_narrow_a_row_goes_on_below(lineshaft: Commands, enqueued: Enqueued) -> None:
    enqueued("shop.fail", {"why": "no luck"}, task_id="f" * 40, wait=True)
    lines = on_the_screen(lineshaft, "task", "ls", width=80)
    assert [line.split() for line in lines[:2]] == [["TASKID", "STATUS", "TASK", "QUEUE"], ["LAST", "ERROR"]]
    assert set(lines[2]) == {"─"}
    assert lines[3].split() == ["f" * 40, "failed", "shop.fail", "default"]
    assert lines[4].startswith("    2")
    assert lines[4].endswith("  ValueError: no luck")
    assert len(lines) == 5


def test_what_is_not_there_takes_no_line_below(lineshaft: Commands, enqueued: Enqueued) -> None:
    enqueued("shop.count", task_id="i" * 46)
    lines = on_the_screen(lineshaft, "task", "ls", width=100)
    assert [line.split()[0] for line in lines[:2]] == ["TASKID", "ERROR"]
    assert len(lines) == 4


@pytest.mark.parametrize(
    ("widths", "room", "lines"),
    [
        ([5, 5], 12, [{0: 5, 1: 5}]),
        ([5, 5], 11, [{0: 5}, {1: 5}]),
        ([5, 90], 40, [{0: 5, 1: 33}]),
        ([5, 90], 27, [{0: 5, 1: 20}]),
        ([5, 90], 26, [{0: 5}, {1: 22}]),
        ([36, 11, 10, 7, 19, 60], 80, [{0: 36, 1: 11, 2: 10, 3: 7}, {4: 19, 5: 55}]),
        ([90, 5], 40, [{0: 40}, {1: 5}]),
        ([5], 2, [{0: 2}]),
    ],
)
def test_columns_stand_side_by_side_as_far_as_they_fit(widths: list[int], room: int, lines: list[dict[int, int]]) -> None:
    assert laid_out(widths, room) == lines


def test_a_terminal_gets_json_indented_and_a_pipe_on_one_line(with_a_task: Commands) -> None:
    assert on_a_terminal(with_a_task, "queue", "ls", "--json").startswith('[\r\n  {\r\n    "queue": "default"')
    assert with_a_task("queue", "ls", "--json").out.count("\n") == 1


@pytest.mark.usefixtures("working")
def test_an_encoding_that_lacks_a_character_is_no_reason_to_fail(lineshaft: Commands, enqueued: Enqueued) -> None:
    enqueued("shop.count", {"of": "世界"}, task_id="it", wait=True)
    ended = lineshaft("task", "show", "it", PYTHONIOENCODING="latin-1")
    assert ended.code == 0
    assert r'{"\u4e16\u754c":3}' in ended.out
    assert lineshaft("--help", PYTHONIOENCODING="latin-1").code == 0


def test_columns_are_aligned_numbers_to_the_right() -> None:
    assert aligned([["A", "NUMBER"], ["long", "5"]], [False, True]) == "A     NUMBER\nlong       5"
    assert aligned([["A", "B"], ["x", ""]], [False, False]) == "A  B\nx"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (True, "yes"), (False, "no"), (0, "0"), ([], "-"), (["a", "b"], "a, b"), ("a\n b", "a b"), ("", "")],
)
def test_a_value_has_one_line_of_text(value: object, text: str) -> None:
    assert text_of(value) == text


def test_control_characters_are_shown_not_sent() -> None:
    assert one_line(" first \r\n\n second\x1b[31m\x9b\x00\udcff ") == r"first second\x1b[31m\x9b\x00\udcff"
    assert visible("tab\tGrüße 世界") == "tab Grüße 世界"


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (-5, "0 ms"),
        (999, "999 ms"),
        (1234, "1.2 s"),
        (59_999, "59 s"),
        (60_000, "1m 00s"),
        (3_599_999, "59m 59s"),
        (7_500_000, "2h 05m"),
        (90_000_000, "1d 01h"),
    ],
)
def test_a_duration_is_told_in_its_two_largest_units(ms: int, text: str) -> None:
    assert duration(ms) == text
