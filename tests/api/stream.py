"""A client of `GET /events`."""

import contextlib
import http.client
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Self

from api.running import Api


class Event(NamedTuple):
    """One event; a comment and a field `retry` have a kind of that name, and a text that is not JSON."""

    kind: str
    data: Any


class Stream:
    """One open stream. Use it in a `with`, which closes the connection."""

    def __init__(self, api: Api, query: str = "", headers: Mapping[str, str] | None = None) -> None:
        self._connection = api.connect()
        self._connection.request("GET", f"/events{query}", headers={**api.headers, **(headers or {})})
        self.answer: http.client.HTTPResponse = self._connection.getresponse()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave."""
        self.answer.close()
        self._connection.close()

    def event(self) -> Event | None:
        """The next event; None where the stream ended, and as it should. Fails where the connection only broke."""
        fields: dict[str, str] = {}
        while (line := self.answer.readline()) not in {b"\n", b""}:
            name, _, value = line.decode().removesuffix("\n").partition(": ")
            assert name not in fields
            fields[name or "comment"] = value
        if not fields:
            assert self.answer.isclosed()
            return None
        if "event" in fields:
            assert set(fields) == {"event", "data"}
            return Event(fields["event"], json.loads(fields["data"]))
        ((name, value),) = fields.items()
        return Event(name, value)

    def next(self, kind: str, fits: Callable[[Any], bool] = lambda _: True) -> Any:
        """The data of the next event of a kind that fits; what comes before is passed over."""
        while event := self.event():
            if event.kind == kind and fits(event.data):
                return event.data
        raise AssertionError(f"the stream ended without {kind}")

    def to_the_end(self) -> list[Event]:
        """What still comes until the stream ends."""
        events = []
        while event := self.event():
            events.append(event)
        return events


@contextlib.contextmanager
def streams(api: Api, amount: int, query: str = "") -> Any:
    """Several that have begun."""
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(Stream(api, query)) for _ in range(amount)]
        for each in opened:
            each.next("counts")
        yield opened
