"""Faults of the network: bad weather in a proxy, and lost packets between places."""

from collections.abc import Callable

from faults.stage import Stage
from faults.strikes import Pids, Strike, struck
from faults.surroundings import place_of


def weather(*, split: bool = False, **chances: float) -> Callable[[Stage, Strike], Pids]:
    """A tree's proxy, or the producers', delays, splits, halves or loses."""

    def inject(stage: Stage, strike: Strike) -> Pids:
        stage.around.proxies[strike.place].set_weather(split=split, **chances)
        return _behind(stage, strike)

    return inject


def calm_weather(stage: Stage, strike: Strike) -> None:
    """Everything passes again."""
    stage.around.proxies[strike.place].set_weather()


def cut(stage: Stage, strike: Strike) -> Pids:
    """Reset the connections every now and then."""
    stage.around.proxies[strike.place].cut_every(0.3)
    return _behind(stage, strike)


def stop_cutting(stage: Stage, strike: Strike) -> None:
    """No more resets."""
    stage.around.proxies[strike.place].calm()


def silence(stage: Stage, strike: Strike) -> Pids:
    """Nothing passes any more on the connections there are, and nobody is told."""
    stage.around.proxies[strike.place].silence()
    return _behind(stage, strike)


def end_silence(stage: Stage, strike: Strike) -> None:
    """Reset what is still silent."""
    stage.around.proxies[strike.place].cut()


def _behind(stage: Stage, strike: Strike) -> Pids:
    return stage.trees[strike.place].workers() if strike.place < len(stage.trees) else []


def lose(*, towards_server: bool, from_server: bool) -> Callable[[Stage, Strike], Pids]:
    """What a worker's place and the server's send to each other is lost, one way or both."""

    def inject(stage: Stage, strike: Strike) -> Pids:
        _, pids = struck(stage, strike)
        place = place_of(strike.place)
        ways = [(place, "server")] * towards_server + [("server", place)] * from_server
        stage.cuts[strike.number] = ways
        _lose_all(stage, ways)
        return pids

    return inject


def lose_nothing(stage: Stage, strike: Strike) -> None:
    """Everything passes again there; what others lose they still lose."""
    assert stage.around.network is not None
    stage.cuts.pop(strike.number)
    stage.around.network.heal()
    for ways in stage.cuts.values():
        _lose_all(stage, ways)


def _lose_all(stage: Stage, ways: list[tuple[str, str]]) -> None:
    assert stage.around.network is not None
    for source, target in ways:
        stage.around.network.one_way(source, target)
