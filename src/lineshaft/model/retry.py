"""When a failed try is tried again: a pure function of the policy, the number of the try and the error."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, cast

from lineshaft.errors import ArgumentError, ConfigurationError

Seconds = float | timedelta
Backoff = Literal["exponential", "linear", "constant"] | Callable[[int], float]


def seconds(value: Seconds, setting: str) -> float:
    """A time as seconds.

    Raises:
        ConfigurationError: it is negative, not finite or not a time at all; the message names the setting.
    """
    amount = cast("object", value.total_seconds() if isinstance(value, timedelta) else value)
    if isinstance(amount, bool) or not isinstance(amount, int | float) or not 0 <= amount < float("inf"):
        raise ConfigurationError(f"{setting} must be a time of 0 or more seconds, or a timedelta; it is {value!r}")
    return float(amount)


@dataclass(frozen=True, kw_only=True)
class Retry:
    """How often, on what and how soon a failed task is tried again.

    Attributes:
        tries: how many runs there are at most, the first included.
        on: only these exceptions are tried again.
        give_up: these never are, even where `on` has them.
        backoff: "exponential" doubles the delay with each try, "linear" adds `base`, "constant" keeps it; or a function
            from the number of the try that failed (1 for the first) to seconds.
        base: delay after the first failed try.
        cap: the delay never exceeds this.
        jitter: the part of the delay that is random, 0 to 1. With 0.5 ("equal jitter": Marc Brooker, "Exponential Backoff
            And Jitter", AWS Architecture Blog, 2015) a delay of 8 s becomes one between 4 and 8 s.
    """

    tries: int = 3
    on: tuple[type[BaseException], ...] | type[BaseException] = (Exception,)
    give_up: tuple[type[BaseException], ...] | type[BaseException] = ()
    backoff: Backoff = "exponential"
    base: Seconds = 1.0
    cap: Seconds = 600.0
    jitter: float = 0.5

    def __post_init__(self) -> None:
        if self.tries < 1:
            raise ConfigurationError(f"Retry(tries={self.tries}) would never run the task: it counts runs, the first included")
        if not 0 <= self.jitter <= 1:
            raise ConfigurationError(f"Retry(jitter={self.jitter}) must be between 0 and 1")
        if not callable(self.backoff) and self.backoff not in {"exponential", "linear", "constant"}:
            raise ConfigurationError(
                f'Retry(backoff={self.backoff!r}) must be "exponential", "linear", "constant" or a function'
            )
        seconds(self.base, "Retry(base)")
        seconds(self.cap, "Retry(cap)")

    def delay_s(self, failed_try: int, error: BaseException, chance: Callable[[], float] = random.random) -> float | None:
        """Seconds until the next try, or None when there is none.

        Args:
            failed_try: the number of the try that failed, 1 for the first.
            error: what it raised.
            chance: a number from 0 up to 1; the only source of randomness here.
        """
        if failed_try >= self.tries or isinstance(error, self.give_up) or not isinstance(error, self.on):
            return None
        if isinstance(error, ArgumentError):  # the arguments will not fit the next time either
            return None
        whole = min(self._whole_delay_s(failed_try), seconds(self.cap, "Retry(cap)"))
        return whole * (1 - self.jitter) + whole * self.jitter * chance()

    def _whole_delay_s(self, failed_try: int) -> float:
        base = seconds(self.base, "Retry(base)")
        if callable(self.backoff):
            return seconds(self.backoff(failed_try), "what Retry(backoff) returned")
        if self.backoff == "exponential":
            return float(base * 2 ** min(failed_try - 1, 64))
        return base * failed_try if self.backoff == "linear" else base
