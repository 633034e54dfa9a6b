"""A clock that stands still until a test moves it, for the scripts that ask what time it is."""

import weakref
from datetime import UTC, datetime

from lineshaft.broker.broker import Broker, ms
from lineshaft.clock import wall_ms
from lineshaft.model.retry import Seconds, seconds


class Clock:
    """The time that tasks are enqueued and run at. It starts at the present."""

    def __init__(self) -> None:
        self.now_ms = wall_ms()
        self._guided: weakref.WeakSet[Broker] = weakref.WeakSet()

    def __repr__(self) -> str:
        return f"Clock({self.now.isoformat()})"

    @property
    def now(self) -> datetime:
        """The time it shows, in UTC."""
        return datetime.fromtimestamp(self.now_ms / 1000, UTC)

    def advance(self, by: Seconds) -> None:
        """Move on, by seconds or a timedelta. Nothing runs by that: what is due then is run by the next drain.

        Raises:
            ConfigurationError: it is negative, or not a time.
        """
        self.advance_ms(ms(seconds(by, "advance")))

    def advance_ms(self, by_ms: int) -> None:
        """Move on by whole milliseconds."""
        self.now_ms += by_ms
        for broker in self._guided:
            broker.now = self._now_us

    def guide(self, broker: Broker) -> Broker:
        """Have the scripts of a broker take this clock's time, now and after every move; gives the broker."""
        broker.now = self._now_us
        self._guided.add(broker)
        return broker

    @property
    def _now_us(self) -> str:
        return str(self.now_ms * 1000)
