"""Rates between readings, and their chart."""

import pytest

from lineshaft.cli.rates import KEPT, PLAIN_BARS, Rates, between, sparkline
from lineshaft.inspection.counters import RATES, Counted

NONE = dict.fromkeys(RATES, 0)


def reading(now_s: float, **done: int) -> Counted:
    """A reading at this time in which so many were done in the minutes `m0`, `m1`, ..."""
    return Counted(round(1000 * now_s), {int(minute[1:]): NONE | {"done": amount} for minute, amount in done.items()})


@pytest.mark.parametrize(
    ("before", "after", "amount"),
    [
        (reading(10, m0=5), reading(11, m0=7), 2),
        (reading(59, m0=5), reading(61, m1=3, m0=7), 5),
        (reading(10, m0=5), reading(200, m3=1, m2=1, m1=1, m0=5), 3),
        (reading(10, m0=5), reading(600, m10=4), 4),
        (reading(10, m0=5), reading(11, m0=0), 0),
    ],
    ids=["within a minute", "over its end", "over several", "after a long while", "emptied"],
)
def test_what_came_between_two_readings_is_told_by_minutes(before: Counted, after: Counted, amount: int) -> None:
    assert between(before, after, "done") == amount


def test_a_rate_is_a_number_a_second_of_the_servers_time() -> None:
    rates = Rates()
    assert rates.seen() == {name: [] for name in RATES}
    for taken in (reading(10, m0=5), reading(12, m0=9), reading(12, m0=30), reading(11, m0=30), reading(15, m0=36)):
        rates.add(taken)
    assert rates.seen() == {name: [0.0, 0.0] for name in RATES} | {"done": [2.0, 1.5]}


def test_no_more_rates_are_kept_than_can_be_shown() -> None:
    rates = Rates()
    for second in range(KEPT + 50):
        rates.add(reading(second, m0=second))
    assert len(rates.seen()["done"]) == KEPT


def test_a_chart_has_one_character_for_each_of_the_last_rates() -> None:
    assert sparkline([0, 0.1, 1, 4, 8], 80) == " ▁▂▅█"
    assert sparkline([8, 4, 0, 1], 3) == "█ ▃"
    assert sparkline([1, 2], 80, PLAIN_BARS) == "=#"
    assert sparkline([1, 2], 0) == sparkline([], 80) == ""
    assert sparkline([0, 0], 80) == "  "
