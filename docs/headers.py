"""Reads the headers of the Lua scripts a little further than the loader does: which keys each names."""

import re

from lineshaft.protocol import keys, loader

CHANNELS = frozenset({"lineshaft:cancel", "lineshaft:watch:<client>"})

_NAMED = re.compile(r"<p>([\w:<>]+\w>?)|(?<![\w>]):([a-z_]+(?::[a-z]+|:<\w+>)*)")
_TABLE_ROW = re.compile(r"^\| *`(.+?)` *\| *(\w+) *\| *(.+?) *\| *(.+?) *\|$", re.MULTILINE)


def key_rows() -> list[tuple[str, str, str, str]]:
    """The table of keys in `protocol/keys.py`: key, type, how long it lives, what it holds."""
    return _TABLE_ROW.findall(keys.__doc__ or "")


def keys_named_in(script: loader.Script) -> list[str]:
    """The rows of that table, and the channels, that a script's header names, each once.

    A header writes `<p>` for the shard's prefix, `<q>` for a queue, and in a row of names `:crashes` for
    `<p>lineshaft:crashes`; it may name one list of ended tasks where the table has one row for all.
    """
    text = "\n".join(script.header.get(field, "") for field in ("KEYS", "DERIVED"))
    found: dict[str, None] = {}
    for whole, short in _NAMED.findall(text):
        name = (whole or f"lineshaft:{short}").replace("<q>", "<queue>")
        found[re.sub(r"^lineshaft:ended:\w+$", "lineshaft:ended:<state>", name)] = None
    return list(found)


def escaped(text: str) -> str:
    """Text of a header as Markdown, which would take `<id>` for HTML and a line break for a space."""
    return " ".join(text.split()).replace("<", "&lt;").replace("|", "\\|")
