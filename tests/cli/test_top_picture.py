"""The picture of `lineshaft top` at all sizes of a terminal, without one."""

import io

import pytest
from rich.console import Console

from lineshaft.cli.top_picture import KEYS, Picture, Reading, shares
from lineshaft.inspection.counters import RATES, Statistics
from lineshaft.inspection.inspector import QueueCounts, WorkerInfo
from lineshaft.inspection.pages import TaskSummary

WORDS = ("scheduled", "pending", "in-progress", "done", "failed", "cancelled", "expired")


def reading(queues: int, workers: int, running: int) -> Reading:
    """So many of each, with names that say which."""
    return Reading(
        now_ms=1_700_000_000_000,
        statistics=Statistics(
            states=dict.fromkeys(WORDS, 0) | {"in-progress": running},
            queues=[QueueCounts(f"queue-{number}", number, 0, 0, paused=False) for number in range(queues)],
            rates=dict.fromkeys(RATES, 0.5),
            counted={},
            live_sessions=workers,
        ),
        rates={name: [1.0] * 400 for name in RATES},
        workers=[WorkerInfo(f"{number:032}", 1, "mill", [], 0, 0) for number in range(workers)],
        running=[
            TaskSummary(f"task-{number}", "in-progress", None, None, 1_699_999_990_000, f"{number:032}")
            for number in range(running)
        ],
    )


def drawn(picture: Picture, width: int, height: int, *, is_plain: bool = False) -> list[str]:
    """The lines of the picture."""
    file = io.StringIO()
    console = Console(file=file, width=width, height=height, color_system=None)
    console.print(picture.drawn(width, height, is_plain=is_plain))
    return file.getvalue().splitlines()


@pytest.mark.parametrize("amounts", [(1, 0, 0), (1, 1, 1), (40, 40, 40), (2, 1, 100), (100, 1, 0)], ids=str)
@pytest.mark.parametrize("size", [(80, 24), (100, 30), (140, 40), (200, 60), (80, 18), (80, 12)], ids=str)
def test_it_fills_the_terminal_exactly(size: tuple[int, int], amounts: tuple[int, int, int]) -> None:
    lines = drawn(Picture("shop", reading=reading(*amounts)), *size)
    assert len(lines) == size[1]
    assert max(map(len, lines)) <= size[0]
    assert lines[-1].rstrip() == KEYS


@pytest.mark.parametrize("size", [(80, 24), (140, 40)], ids=str)
def test_the_selected_queue_is_always_seen_and_the_heading_says_what_is_not(size: tuple[int, int]) -> None:
    for selected in ("queue-0", "queue-30", "queue-99"):
        text = "\n".join(drawn(Picture("shop", reading=reading(100, 3, 3), selected=selected), *size))
        assert f"> {selected} " in text
        assert " of 100)" in text


def test_where_there_is_room_all_is_seen() -> None:
    text = "\n".join(drawn(Picture("shop", "shop.count", reading(6, 3, 9)), 100, 45))
    assert all(f"queue-{number}" in text for number in range(6))
    assert all(f"shop.count {' ' * 10}" in text and f"task-{number}" in text for number in range(9))
    assert " of " not in text


def test_a_worker_that_was_told_to_be_quiet_takes_from_no_queue() -> None:
    seen = reading(1, 0, 0)
    seen.workers.extend(
        [WorkerInfo("a" * 32, 1, "mill", [], 0, 0), WorkerInfo("b" * 32, 2, "mill", ["mail"], 1, 0, quiet=True)]
    )
    lines = drawn(Picture("shop", reading=seen), 80, 24)
    assert [line.split()[3] for line in lines if " mill " in line] == ["(all)", "quiet"]


def test_what_redis_holds_cannot_write_to_the_terminal_and_is_no_markup() -> None:
    hostile = reading(0, 0, 0)
    hostile.statistics.queues.append(QueueCounts("[red]a\x1b[2Jb", 0, 0, 0, paused=True))
    text = "\n".join(drawn(Picture("shop", reading=hostile), 80, 24))
    assert r"[red]a\x1b[2Jb" in text
    assert "\x1b" not in text


def test_before_there_is_a_reading_it_says_so_or_why_there_is_none() -> None:
    assert drawn(Picture("shop"), 80, 24)[1].rstrip() == "reading ..."
    assert drawn(Picture("shop", trouble="Redis is\naway"), 80, 24)[1].rstrip() == "Redis is away"


def test_a_terminal_without_other_characters_gets_ascii_alone() -> None:
    assert "\n".join(drawn(Picture("shop", reading=reading(50, 50, 50)), 80, 24, is_plain=True)).isascii()


@pytest.mark.parametrize(
    ("wanted", "room", "given"),
    [
        ([1, 1, 1], 10, [1, 1, 1]),
        ([9, 9, 9], 10, [4, 3, 3]),
        ([1, 9, 9], 10, [1, 5, 4]),
        ([0, 2, 99], 10, [0, 2, 8]),
        ([5, 5, 5], 2, [1, 1, 0]),
        ([5, 5, 5], -3, [0, 0, 0]),
        ([], 5, []),
    ],
)
def test_room_is_shared_fairly(wanted: list[int], room: int, given: list[int]) -> None:
    assert shares(wanted, room) == given
