"""Reads the headers of the Lua scripts: the contract that each states, and which keys it names."""

import re
from collections.abc import Mapping
from importlib import resources
from typing import NamedTuple

from lineshaft.protocol import keys

CHANNELS = frozenset({"lineshaft:cancel", "lineshaft:watch:<client>"})

_NAMED = re.compile(r"<p>([\w:<>]+\w>?)|(?<![\w>]):([a-z_]+(?::[a-z]+|:<\w+>)*)")
_FIELD = re.compile(r"^-- (KEYS|DERIVED|ARGV|RETURNS|COST|WHY)\b(.*)$")
_TABLE_ROW = re.compile(r"^\| *`(.+?)` *\| *(\w+) *\| *(.+?) *\| *(.+?) *\|$", re.MULTILINE)


class Header(NamedTuple):
    """The comment that a script opens with: its first line, less the name, and what stands under each word in capitals."""

    summary: str
    fields: Mapping[str, str]


def header_of(script: str) -> Header:
    """The header of the script of that name.

    Raises:
        FileNotFoundError: there is no such script.
    """
    text = (resources.files("lineshaft.protocol") / "scripts" / f"{script}.lua").read_text("utf-8")
    fields: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        if not line.startswith("--") or line.startswith("--@"):
            break
        if match := _FIELD.match(line):
            current = fields.setdefault(match[1], [])
            current.append(match[2].strip())
        else:
            current.append(line.removeprefix("--").strip())
    summary = text.split("\n", 1)[0].removeprefix(f"-- {script}: ")
    return Header(summary, {name: "\n".join(lines) for name, lines in fields.items()})


def key_rows() -> list[tuple[str, str, str, str]]:
    """The table of keys in `protocol/keys.py`: key, type, how long it lives, what it holds."""
    return _TABLE_ROW.findall(keys.__doc__ or "")


def keys_named_in(fields: Mapping[str, str]) -> list[str]:
    """The rows of that table, and the channels, that the fields of a script's header name, each once.

    A header writes `<p>` for the shard's prefix, `<q>` for a queue, and in a row of names `:crashes` for
    `<p>lineshaft:crashes`; it may name one list of ended tasks where the table has one row for all.
    """
    text = "\n".join(fields.get(field, "") for field in ("KEYS", "DERIVED"))
    found: dict[str, None] = {}
    for whole, short in _NAMED.findall(text):
        name = (whole or f"lineshaft:{short}").replace("<q>", "<queue>")
        found[re.sub(r"^lineshaft:ended:\w+$", "lineshaft:ended:<state>", name)] = None
    return list(found)


def escaped(text: str) -> str:
    """Text of a header as Markdown, which would take `<id>` for HTML and a line break for a space."""
    return " ".join(text.split()).replace("<", "&lt;").replace("|", "\\|")
