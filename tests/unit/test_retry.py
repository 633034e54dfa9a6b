"""When a failed try is tried again: a pure function, here with a chance that is fixed."""

import re
from datetime import timedelta
from typing import Any

import pytest

from lineshaft.errors import ArgumentError, ConfigurationError
from lineshaft.model.retry import Retry, seconds

ERROR = ValueError("no")


def delays(policy: Retry, chance: float = 1.0) -> list[float | None]:
    """The delay after each failed try, until there is none."""
    found: list[float | None] = []
    while not found or (found[-1] is not None and len(found) < 50):
        found.append(policy.delay_s(len(found) + 1, ERROR, lambda: chance))
    return found


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Retry(), [1, 2, None]),
        (Retry(tries=1), [None]),
        (Retry(tries=6), [1, 2, 4, 8, 16, None]),
        (Retry(tries=6, cap=5), [1, 2, 4, 5, 5, None]),
        (Retry(tries=4, base=0.5), [0.5, 1, 2, None]),
        (Retry(tries=4, base=timedelta(seconds=2), cap=timedelta(seconds=3)), [2, 3, 3, None]),
        (Retry(tries=5, backoff="linear", base=3), [3, 6, 9, 12, None]),
        (Retry(tries=4, backoff="constant", base=3), [3, 3, 3, None]),
        (Retry(tries=4, backoff=lambda failed: failed * 10.0), [10, 20, 30, None]),
        (Retry(tries=3, backoff=lambda failed: timedelta(minutes=failed)), [60, 120, None]),
        (Retry(tries=3, backoff=lambda _: 10_000.0), [600, 600, None]),
        (Retry(tries=3, base=0), [0, 0, None]),
    ],
    ids=lambda given: re.sub(r" at 0x\w+", "", repr(given)),  # the same in each process
)
def test_each_backoff_gives_its_delays(policy: Retry, expected: list[float | None]):
    assert delays(policy) == expected


@pytest.mark.parametrize(
    ("jitter", "chance", "expected"),
    [(0.5, 0.0, 4), (0.5, 0.5, 6), (0.5, 1.0, 8), (0, 0.0, 8), (0, 1.0, 8), (1, 0.0, 0), (1, 0.25, 2), (1, 1.0, 8)],
)
def test_jitter_is_the_part_of_a_delay_that_is_left_to_chance(jitter: float, chance: float, expected: float):
    assert Retry(tries=9, jitter=jitter).delay_s(4, ERROR, lambda: chance) == expected


def test_with_jitter_a_delay_never_exceeds_the_cap():
    assert Retry(tries=99, cap=7, jitter=1).delay_s(50, ERROR, lambda: 0.999) <= 7


@pytest.mark.parametrize("failed_try", [60, 1000, 10**6])
def test_a_late_try_is_no_overflow(failed_try: int):
    assert Retry(tries=10**9).delay_s(failed_try, ERROR, lambda: 1.0) == 600


def test_real_chance_stays_within_its_bounds_and_varies():
    found = {Retry(tries=9).delay_s(4, ERROR) for _ in range(100)}

    assert all(4 <= delay <= 8 for delay in found)
    assert len(found) > 50


@pytest.mark.parametrize(
    ("options", "error", "again"),
    [
        ({}, ValueError(), True),
        ({}, KeyboardInterrupt(), False),
        ({"on": OSError}, ConnectionError(), True),
        ({"on": (OSError, KeyError)}, KeyError(), True),
        ({"on": OSError}, ValueError(), False),
        ({"on": ()}, ValueError(), False),
        ({"give_up": ValueError}, UnicodeError(), False),
        ({"give_up": (KeyError, ValueError)}, ValueError(), False),
        ({"on": Exception, "give_up": OSError}, ConnectionError(), False),
        ({"on": BaseException}, KeyboardInterrupt(), True),
        ({}, ArgumentError("x"), False),
        ({}, TypeError(), True),
    ],
)
def test_the_error_says_whether_there_is_another_try(options: dict[str, Any], error: BaseException, again: bool):
    """Arguments that do not fit the function will not fit the next time either."""
    assert (Retry(**options).delay_s(1, error, lambda: 1.0) is not None) is again


@pytest.mark.parametrize(
    "options",
    [
        {"tries": 0},
        {"tries": -1},
        {"jitter": -0.1},
        {"jitter": 1.1},
        {"backoff": "sometimes"},
        {"base": -1},
        {"base": float("nan")},
        {"base": "1"},
        {"cap": float("inf")},
        {"cap": timedelta(seconds=-1)},
        {"cap": True},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_by_name(options: dict[str, Any]):
    (name,) = options
    with pytest.raises(ConfigurationError, match=name):
        Retry(**options)


@pytest.mark.parametrize("returned", [-1, float("nan"), None, "soon"])
def test_a_backoff_that_returns_no_time_is_refused(returned: Any):
    with pytest.raises(ConfigurationError, match="backoff"):
        Retry(backoff=lambda _: returned).delay_s(1, ERROR)


@pytest.mark.parametrize(
    ("given", "expected"), [(0, 0.0), (1, 1.0), (0.25, 0.25), (timedelta(minutes=1, milliseconds=5), 60.005)]
)
def test_times_are_seconds_or_timedeltas(given: Any, expected: float):
    found = seconds(given, "delay")

    assert found == expected
    assert isinstance(found, float)


@pytest.mark.parametrize("given", [-0.001, float("nan"), float("inf"), "5", None, True, timedelta(-1)])
def test_what_is_no_time_is_refused_by_the_name_of_its_setting(given: Any):
    with pytest.raises(ConfigurationError, match="delay must be a time"):
        seconds(given, "delay")
