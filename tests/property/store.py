"""A keyspace in plain Python, for the model: a key of another type reads as nothing and keeps nothing.

It shares no code with the product, and it spells every key by itself.
"""

from typing import Any, TypeVar

Value = TypeVar("Value", dict, list, set)


class Refused(Exception):
    """The call must raise, and must have changed nothing."""


class Full(Refused):
    """So must a call for which there is no memory."""


class Scores(dict):
    """A sorted set: member -> score."""

    def upto(self, score: float) -> list[str]:
        """The members with at most this score, lowest first."""
        return [member for member in self.in_order() if self[member] <= score]

    def in_order(self) -> list[str]:
        """The members, lowest first; those of one score by name."""
        return sorted(self, key=lambda member: (self[member], member))


KINDS = {str: "string", list: "list", set: "set", dict: "hash", Scores: "zset"}


class Store:
    """Names and values; `expiring` names have a time to live."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.values: dict[str, Any] = {}
        self.expiring: set[str] = set()

    # Names.

    def own(self, name: str) -> str:
        return f"{self.prefix}lineshaft:{name}"

    def task(self, task_id: str, part: str = "") -> str:
        return f"{self.prefix}task:{task_id}" + (f":{part}" if part else "")

    def ready(self, queue: str) -> str:
        return f"{self.prefix}task_queue" + ("" if queue == "default" else f":{queue}")

    # Values.

    def exists(self, name: str) -> bool:
        return bool(self.values.get(name))

    def of(self, name: str, kind: type[Value]) -> Value:
        """The value under a name, to read and to change; a passing one where the key has another type."""
        if not self.exists(name):
            self.values[name] = kind()
        found = self.values[name]
        return found if type(found) is kind else kind()

    def fits(self, name: str, kind: type) -> bool:
        return not self.exists(name) or type(self.values[name]) is kind

    def need(self, name: str, kind: type[Value]) -> Value:
        """As `of`, for what a call cannot do without."""
        if not self.fits(name, kind):
            raise Refused(name)
        return self.of(name, kind)

    def get(self, name: str) -> Any:
        found = self.values.get(name)
        return found if isinstance(found, str) else None

    def put(self, name: str, text: str, *, expires: bool = False) -> None:
        self.delete(name)
        self.values[name] = text
        if expires:
            self.expiring.add(name)

    def delete(self, name: str) -> None:
        self.values.pop(name, None)
        self.expiring.discard(name)

    def seen(self) -> dict[str, tuple[str, Any, bool]]:
        """What a look at the server must show: name -> (type, value, whether it expires)."""
        return {
            name: (KINDS[type(value)], as_text(value), name in self.expiring) for name, value in self.values.items() if value
        }


def as_text(value: Any) -> Any:
    """Fields of hashes are text on the server."""
    return {name: str(field) for name, field in value.items()} if type(value) is dict else value
