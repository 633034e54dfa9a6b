"""The table of keys in `protocol/keys.py` as something to test with: which row a key belongs to, and what belongs to none."""

import re
from functools import cache
from itertools import islice
from typing import NamedTuple

import redis

from lineshaft.protocol import keys

PARTS = {
    "<queue>": "[0-9A-Za-z_.-]{1,64}",
    "<id>": "[0-9A-Za-z_-]{1,64}",
    "<s>": "[0-9A-Za-z]{1,32}",
    "<state>": f"(?:{'|'.join(keys.ENDED_STATES)})",
    "<minute>": "[0-9]+",
}
NAMESPACE = re.compile(r"[0-9A-Za-z_.{}-]{1,64}:")
LOOKED_AT = 20_000  # keys of a server, at most


class Row(NamedTuple):
    """One row of the table: `shape` is the keys that would stand in it, `pattern` those that we would make."""

    kind: str
    lives: str
    shape: re.Pattern[str]
    pattern: re.Pattern[str]


@cache
def schema() -> dict[str, Row]:
    """The table: key as it is written there -> its type, how long it lives, what it looks like."""
    rows = re.findall(r"^\| `([^`]+)` +\| (\w+) +\| ([^|]*?) *\|", keys.__doc__ or "", re.MULTILINE)
    anything = dict.fromkeys(PARTS, "[^:]+")
    return {name: Row(kind, lives, _pattern(name, anything), _pattern(name, PARTS)) for name, kind, lives in rows}


def _pattern(name: str, parts: dict[str, str]) -> re.Pattern[str]:
    pattern = re.escape(name)
    for part, looks in parts.items():
        pattern = pattern.replace(re.escape(part), looks)
    return re.compile(pattern)


def row_of(name: str, prefix: str = "") -> str | None:
    """The row that a key of this shard belongs to by its shape; None when it belongs to none."""
    if not name.startswith(prefix):
        return None
    bare = name.removeprefix(prefix)
    return next((title for title, row in schema().items() if row.shape.fullmatch(bare)), None)


def row_in_any_shard(name: str) -> str | None:
    """The row of a key that we would make, whatever its shard."""
    bare = {name, NAMESPACE.sub("", name, count=1)}
    return next((title for title, row in schema().items() if any(row.pattern.fullmatch(each) for each in bare)), None)


def strangers(raw: redis.Redis, *, damaged: bool = False) -> list[str]:
    """The keys on a server that are in no row of the table, or of another type than their row says, as sentences.

    `damaged`: some were given another type on purpose, so types do not count.
    """
    names = list(islice(raw.scan_iter(count=10_000), LOOKED_AT))
    with raw.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.type(name)
        kinds = pipe.execute()
    found = []
    for name, kind in zip(names, kinds, strict=True):
        row = row_in_any_shard(name)
        if row is None and kind != "none":  # else it is gone since
            found.append(f"{name} ({kind}) is in no row of the table of keys")
        elif row is not None and kind not in {"none", schema()[row].kind} and not damaged:
            found.append(f"{name} is a {kind}, not a {schema()[row].kind}")
    return found
