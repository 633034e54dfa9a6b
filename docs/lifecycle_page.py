"""`docs/internals/lifecycle.md`: states, transitions, a diagram and the invariants, from `model/lifecycle.py`."""

from lineshaft.model.lifecycle import ENDED, INVARIANTS, MEANING, OTHER_SCRIPTS, TRANSITIONS, Status

INTRODUCTION = """\
# The life of a task

One word says where a task is; it stands in Redis under `task:<id>:status`. Each change of word is made by one script, in one
step with everything else that belongs to it. `done` always means success.
"""


def page() -> str:
    """The page."""
    parts = [INTRODUCTION, "## States", "", "| Word | Means | Ended |", "|---|---|---|"]
    parts += [f"| `{status}` | {MEANING[status]} | {'yes' if status in ENDED else ''} |" for status in Status]
    parts += ["", _unused(), "## Diagram", "", "```mermaid", *_diagram(), "```", ""]
    parts += ["## Transitions", "", "| From | To | Script | When |", "|---|---|---|---|"]
    for way in TRANSITIONS:
        source = f"`{way.source}`" if way.source else "(new)"
        parts.append(f"| {source} | `{way.target}` | [{way.script}](../reference/scripts.md#{way.script}) | {way.when} |")
    others = (f"[{name}](../reference/scripts.md#{name}) {what}" for name, what in OTHER_SCRIPTS.items())
    parts += ["", f"Scripts that change no word: {'; '.join(others)}.", "", "## What always holds", ""]
    parts += [f"{number}. {text}" for number, text in INVARIANTS.items()]
    return "\n".join([*parts, ""])


def _unused() -> str:
    """Say which words nothing sets yet, rather than let the table promise them."""
    reached = {way.target for way in TRANSITIONS}
    missing = [f"`{status}`" for status in Status if status not in reached]
    if not missing:
        return ""
    return f"Nothing sets {' or '.join(missing)} yet: {'they are' if len(missing) > 1 else 'it is'} kept for what is to come.\n"


def _diagram() -> list[str]:
    """One arrow for each pair of states, with all scripts that take it."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for way in TRANSITIONS:
        scripts = arrows.setdefault((_node(way.source), _node(way.target)), [])
        if way.script not in scripts:
            scripts.append(way.script)
    ends = [f"    {_node(status)} --> [*]" for status in Status if status in ENDED]
    names = [f'    state "{status}" as {_node(status)}' for status in Status if _node(status) != status]
    lines = [f"    {source} --> {target}: {', '.join(scripts)}" for (source, target), scripts in arrows.items()]
    return ["stateDiagram-v2", *names, *lines, *ends]


def _node(status: Status | None) -> str:
    return status.replace("-", "_") if status else "[*]"
