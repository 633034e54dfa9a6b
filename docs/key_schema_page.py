"""`docs/internals/key-schema.md`: the table of keys, and which script touches which."""

import re

from docs.headers import header_of, key_rows, keys_named_in
from lineshaft.protocol import keys, loader

INTRODUCTION = """\
# Keys in Redis

`<p>` is the prefix of the shard: the app's namespace and a colon, or nothing. The two names that other programs may rely on
are `task_queue` and `task:<id>:status`; the rest may change with the wire version. `protocol/keys.py` is the only place that
spells a key in Python, `protocol/scripts/shared/keys.lua` the only one in Lua.

"Scripts" are those whose header names the key, to read or to write it; [Scripts](../reference/scripts.md) says what each does.
A test compares each header with the commands that the server saw.
"""


def page() -> str:
    """The page."""
    touched_by: dict[str, list[str]] = {}
    for script in loader.NAMES:
        for name in keys_named_in(header_of(script).fields):
            touched_by.setdefault(name, []).append(script)
    lines = [INTRODUCTION, "| Key | Type | Lives | Holds | Scripts |", "|---|---|---|---|---|"]
    for key, kind, lives, holds in key_rows():
        names = touched_by.get(key, [])
        by = "all" if len(names) == len(loader.NAMES) else ", ".join(names)
        lines.append(f"| `{key}` | {kind} | {lives} | {holds} | {by} |")
    return "\n".join([*lines, "", "## Channels", "", _channels()])


def _channels() -> str:
    text = re.search(r"^Channels, not keys: (.+)\Z", keys.__doc__ or "", re.MULTILINE | re.DOTALL)
    return " ".join(text[1].split()) if text else ""
