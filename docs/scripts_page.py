"""`docs/reference/scripts.md`: what each script does, from its own header."""

from docs.headers import escaped, header_of, keys_named_in
from lineshaft.model.lifecycle import OTHER_SCRIPTS, TRANSITIONS
from lineshaft.protocol import loader

INTRODUCTION = """\
# Scripts

Each change of a shard is one Lua script, which Redis runs as a whole: nothing else happens in between. `Broker` has a method
of the same name for each. The first key, `task_queue`, routes the call and names the shard; every other key is made from it
([ADR 0004](../adr/0004-derived-keys.md)). All but `watch` take the time as their first argument: the server's own where it is
empty, else the one that a test gives ([ADR 0006](../adr/0006-time-source.md)).
"""


def page() -> str:
    """The page."""
    return "\n".join([INTRODUCTION, *(_section(name) for name in loader.NAMES)])


def _section(script: str) -> str:
    summary, fields = header_of(script)
    keys = ", ".join(f"`{name}`" for name in keys_named_in(fields))
    return f"""\
## {script}

{summary[:1].upper()}{escaped(summary[1:])}

- **Changes:** {_changes(script)}
- **Returns:** {escaped(fields["RETURNS"])}
- **Cost:** {escaped(fields["COST"])}
- **Why so:** {escaped(fields["WHY"])}
- **Keys:** {keys}
"""


def _changes(script: str) -> str:
    ways = [f"{f'`{way.source}`' if way.source else '(new)'} → `{way.target}`" for way in TRANSITIONS if way.script == script]
    return ", ".join(dict.fromkeys(ways)) if ways else f"no word; it {OTHER_SCRIPTS[script]}"
