"""`docs/reference/command-line.md`: every command with its arguments and options, from the program itself."""

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from lineshaft.cli.program import program

INTRODUCTION = """\
# Command line

`lineshaft COMMAND --help` says the same. Where a command reads, `--json` prints JSON; tables are drawn and coloured on a
terminal only.

Exit codes: 0 it worked, 1 what was asked for did not work out, 2 wrong use or settings.

`--app` and `--redis-url` may stand before or after any command, and are left out below.
"""
EVERYWHERE = {"app", "redis_url"}
OF_THE_SHELL = {"help"}


def page() -> str:
    """The page."""
    commands = list(_walk(get_command(program), "lineshaft"))
    lines = [INTRODUCTION]
    for path, command in commands:
        lines += [f"## {path}", "", _prose(command.help or ""), ""]
        lines += [f"    {_usage(path, command)}", ""]
        lines += _table([parameter for parameter in command.params if _is_shown(path, parameter)])
    return "\n".join(lines)


def _walk(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The commands in the order of `--help`, each with the words that call it."""
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        if not inner.hidden:
            yield from _walk(inner, f"{path} {name}")


def _usage(path: str, command: Any) -> str:
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    shown = [_argument(argument) for argument in arguments]
    nested = ["COMMAND"] if getattr(command, "commands", {}) and not arguments else []
    return " ".join([path, "[OPTIONS]", *shown, *nested])


def _argument(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    many = "..." if argument.nargs == -1 and not name.endswith("...") else ""
    return f"{name}{many}" if argument.required else f"[{name}{many}]"


def _is_shown(path: str, parameter: Any) -> bool:
    is_common = parameter.name in EVERYWHERE and path != "lineshaft"
    return not is_common and parameter.name not in OF_THE_SHELL and not getattr(parameter, "hidden", False)


def _table(parameters: list[Any]) -> list[str]:
    if not parameters:
        return []
    rows = [f"| {_name(parameter)} | {_meaning(parameter)} |" for parameter in parameters]
    return ["| | |", "|---|---|", *rows, ""]


def _name(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar or parameter.name.upper()}`"
    names = ", ".join(f"`{name}`" for name in parameter.opts)
    return names if parameter.is_flag else f"{names} `{parameter.metavar or parameter.type.name.upper()}`"


def _meaning(parameter: Any) -> str:
    parts = [_prose(parameter.help or "")]
    if parameter.param_type_name == "option":
        if parameter.envvar:
            parts.append(f"From `{parameter.envvar}` where that is set.")
        if parameter.default not in (None, False, (), "") and not parameter.is_flag:
            parts.append(f"By default `{parameter.default}`.")
    return " ".join(parts).replace("|", "\\|")


def _prose(text: str) -> str:
    """Help text as Markdown: lines that were broken for the source are joined."""
    paragraphs = text.replace("\b", "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
