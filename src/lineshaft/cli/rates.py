"""How fast tasks come and go from one reading of the counters to the next, and the last of these rates as a little chart."""

from collections import deque
from collections.abc import Sequence

from lineshaft.inspection.counters import RATES, Counted

KEPT = 300  # readings
BARS = "▁▂▃▄▅▆▇█"
PLAIN_BARS = "_.:-=+*#"  # for terminals whose encoding lacks the others


class Rates:
    """The rates between the last readings, as numbers a second, the newest last."""

    def __init__(self) -> None:
        self._before: Counted | None = None
        self._seen = {name: deque[float](maxlen=KEPT) for name in RATES}

    def add(self, counted: Counted) -> None:
        """Take a reading. One that is not later than that before it tells no rate: the server's clock went back."""
        before, self._before = self._before, counted
        if before is None or counted.now_ms <= before.now_ms:
            return
        for name, seen in self._seen.items():
            seen.append(1000 * between(before, counted, name) / (counted.now_ms - before.now_ms))

    def seen(self) -> dict[str, list[float]]:
        """The rates so far, by what was counted."""
        return {name: list(seen) for name, seen in self._seen.items()}


def between(before: Counted, after: Counted, name: str) -> int:
    """How often something happened from one reading to another; none where the counters were emptied meanwhile."""
    counted_before = {minute: counts[name] for minute, counts in before.minutes.items()}
    return sum(max(0, counts[name] - counted_before.get(minute, 0)) for minute, counts in after.minutes.items())


def sparkline(rates: Sequence[float], width: int, bars: str = BARS) -> str:
    """The last rates, one character each, the highest of them as the highest bar; a space for none."""
    shown = rates[-width:] if width > 0 else ()
    highest = max(shown, default=0.0)
    return "".join(bars[min(len(bars) - 1, int(len(bars) * rate / highest))] if rate > 0 else " " for rate in shown)
