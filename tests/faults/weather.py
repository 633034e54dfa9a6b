"""A proxy with weather: for a while it delays, splits, halves or drops what passes, as its seed says."""

import random
from collections.abc import Mapping

from integration.proxy import Direction, Proxy, Rule

CALM: Mapping[str, float] = {}
STORM = ("delay", "lose", "halve")


class WeatherProxy(Proxy):
    """Passes everything on while it is calm; else each chunk has a chance to be delayed, halved or lost with its connection."""

    def __init__(self, port: int, seed: str) -> None:
        self._chance = random.Random(seed)
        self._weather = CALM
        super().__init__(port)

    def set_weather(self, *, split: bool = False, **chances: float) -> None:
        """From now on: `delay`, `lose` and `halve` are chances from 0 to 1 for each reply, `delay` for each request too.

        Nothing given is calm weather.
        """
        unknown = set(chances) - set(STORM)
        if unknown:
            raise ValueError(f"there is no such weather: {unknown}")
        self._split = split
        self._weather = chances

    def _rule_for(self, direction: Direction, data: bytes) -> Rule | None:
        for action in STORM:
            share = self._weather.get(action, 0.0)
            if (action == "delay" or direction == "reply") and share > 0 and self._chance.random() < share:
                return Rule(direction, b"", action, delay_s=self._chance.uniform(0.01, 0.3))
        return super()._rule_for(direction, data)
