"""`docs/reference/settings.md`: every setting of a process, from `settings.Settings`."""

import re

from lineshaft.settings import Settings

INTRODUCTION = """\
# Settings

In order of precedence: what is given to the command or to `App(...)`, then the environment, then `[tool.lineshaft]` in the
`pyproject.toml` of the project, then the default. A value that cannot be is refused at the start, by the setting's name; so is
an unknown name, except in the environment, where it is passed over. Times are in seconds.

```toml
[tool.lineshaft]
concurrency = 50
timeout_s = 600
```
"""

# Read by one place each, and no part of `Settings`. A test holds this table against the code.
OTHER_VARIABLES = {
    "PORT": "port of the API that `lineshaft serve` starts; 3000 by default",
    "LINESHAFT_APP": "app of every command that is given none, as `module:name`; the built-in demo by default",
    "LINESHAFT_TOKEN_FILE": "file with the token that requests to the API must carry, as `serve --token-file`",
    "LOG_LEVEL": "how much `serve` and `worker` say: `DEBUG`, `INFO` (the default), `WARNING` or `ERROR`",
    "LINESHAFT_DEBUG": "`1` shows the traceback of an error that a command ends with",
    "NO_COLOR": "any value: tables on a terminal have no colours",
    "TERM": "what the terminal can; on `dumb`, and without one, `lineshaft top` refuses to draw",
    "LINESHAFT_DEMO_FOLDER": "the folder below which the demo's file tasks may read; the current one by default",
    "XDG_STATE_HOME": "where the embedded server keeps its data, in `lineshaft/`; `~/.local/state` by default",
}

_ENTRY = re.compile(r"^ {8}(\w+(?:, \w+)*): (.+(?:\n {12}.+)*)$", re.MULTILINE)
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def page() -> str:
    """The page."""
    meanings = described()
    lines = [INTRODUCTION, "| Setting | Environment | Default | Meaning |", "|---|---|---|---|"]
    defaults = Settings()
    for name in Settings.__struct_fields__:
        default = _shown(name, getattr(defaults, name))
        lines.append(f"| `{name}` | {_variables(name)} | {default} | {meanings[name]} |")
    lines += ["", "## Other variables", "", "| Variable | Meaning |", "|---|---|"]
    lines += [f"| `{name}` | {meaning} |" for name, meaning in OTHER_VARIABLES.items()]
    return "\n".join([*lines, ""])


def described() -> dict[str, str]:
    """Setting -> its meaning, from the docstring; an entry may describe two."""
    entries = _ENTRY.findall(Settings.__doc__ or "")
    return {name: " ".join(text.split()) for names, text in entries for name in names.split(", ")}


def _variables(name: str) -> str:
    own = f"`LINESHAFT_{name.upper()}`"
    return f"`REDIS_URL`, else {own}" if name == "redis_url" else own


def _shown(name: str, value: float | str | None) -> str:
    if value is None or value == "":
        return "none"
    if not name.endswith("_s"):
        return f"{value:,}" if isinstance(value, int) else str(value)
    for unit_s, unit in _UNITS:
        if float(value) >= unit_s and float(value) % unit_s == 0:
            return f"{value:g} ({float(value) / unit_s:g} {unit})"
    return f"{value:g}"
