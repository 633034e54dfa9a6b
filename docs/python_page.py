"""`docs/reference/python.md`: what `lineshaft`, its worker and its testing export, from signatures and docstrings."""

import inspect
import re
import types
from collections.abc import Callable, Iterator
from typing import Any

import lineshaft
import lineshaft.errors
import lineshaft.testing
import lineshaft.worker

INTRODUCTION = """\
# Python

Everything here is imported from `lineshaft`, the worker from `lineshaft.worker`, what is under Testing from
`lineshaft.testing`. What else the modules hold may change.
Times are seconds, or a `timedelta`. `TaskFunction` and `Bound` are what `@app.task` and `.options(...)` give; `Task` is what
`.enqueue(...)` gives. [Settings](settings.md) have a page of their own.
"""
LEADING = ("App", "TaskFunction", "Task", "Call", "Retry", "TaskContext")
ELSEWHERE = {"Settings"}  # what has a page of its own
MADE_BY_OTHERS = {"TaskFunction", "Task", "Call", "TaskContext"} | {
    "AppInTest",
    "Clock",
    "EnqueuedCall",
    "Ran",
}  # users get them
FOR_COMMANDS_AND_TESTS = {"keys", "client", "server_url", "configure", "standing_in", "load_imports"}  # of App
FOR_OUR_OWN = FOR_COMMANDS_AND_TESTS | {"advance_ms", "guide", "new_client", "note"}  # and of what is for tests
_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields):$")
_ENTRY = re.compile(r"^ {4}(\S[^:]*): (.*)$")


def page() -> str:
    """The page."""
    lines = [INTRODUCTION]
    for name in LEADING:
        lines += _class(name, getattr(lineshaft, name))
    lines += _class("Worker", lineshaft.worker.Worker)
    lines += ["## Testing", "", "[Test your tasks](../how-to/test-your-tasks.md) shows how they are used.", ""]
    for name in lineshaft.testing.__all__:
        value = getattr(lineshaft.testing, name)
        lines += _class(name, value) if inspect.isclass(value) else _function(name, value)
    rest = [name for name in lineshaft.__all__ if name not in {*LEADING, *ELSEWHERE}]
    errors = [name for name in rest if issubclass(getattr(lineshaft, name), Exception)]
    for name in sorted(set(rest) - set(errors)):
        lines += _class(name, getattr(lineshaft, name))
    lines += ["## Errors", "", "```text", *_tree(lineshaft.errors.__doc__ or ""), "```", ""]
    for name in errors:
        lines += [f"### {name}", "", *_docstring(getattr(lineshaft, name).__doc__ or ""), ""]
    return "\n".join(lines)


def _class(name: str, of: type) -> list[str]:
    constructor = [] if name in MADE_BY_OTHERS else [f"    {name}{_signature(of)}", ""]
    lines = [f"## {name}", "", *constructor, *_docstring(inspect.getdoc(of) or ""), ""]
    for member, value in _members(of):
        called: Callable[..., Any] = value.fget if isinstance(value, property) and value.fget else value
        shown = member if isinstance(value, property) else f"{member}{_signature(called)}"
        before = "await " if inspect.iscoroutinefunction(called) else ""
        lines += [f"### {name}.{member}", "", f"    {before}{shown}", "", *_docstring(inspect.getdoc(called) or ""), ""]
    return lines


def _function(name: str, of: Callable[..., Any]) -> list[str]:
    return [f"## {name}", "", f"    {name}{_signature(of)}", "", *_docstring(inspect.getdoc(of) or ""), ""]


def _members(of: type) -> Iterator[tuple[str, Any]]:
    """Public methods and properties that have a docstring, those of our own base classes first, in the order of the source."""
    found: dict[str, Any] = {}
    for each in reversed(of.__mro__):
        if each.__module__.startswith("lineshaft"):
            found.update({name: value for name, value in vars(each).items() if not name.startswith("_")})
    for name, value in found.items():
        if name not in FOR_OUR_OWN and isinstance(value, property | types.FunctionType) and inspect.getdoc(value):
            yield name, value


def _signature(of: Callable[..., Any]) -> str:
    """The parameters by name and default; what they are is said by the text below."""
    signature = inspect.signature(of)
    shown = [each.replace(annotation=inspect.Parameter.empty) for name, each in signature.parameters.items() if name != "self"]
    text = str(signature.replace(parameters=shown, return_annotation=inspect.Signature.empty))
    return re.sub(r"<built-in method (\w+) of [^>]*>", r"\1", text)  # without the address, which is another one each time


def _docstring(text: str) -> list[str]:
    """A docstring as Markdown: its sections as lists."""
    lines: list[str] = []
    for line in inspect.cleandoc(text).splitlines():
        if section := _SECTION.match(line):
            lines += [f"**{section[1]}**", ""]
        elif entry := _ENTRY.match(line):
            lines.append(f"- {_names(entry[1])}: {entry[2]}")
        else:
            lines.append(f"  {line.strip()}" if line.startswith("    ") else line)
    return lines


def _names(text: str) -> str:
    return ", ".join(f"`{name.strip()}`" for name in text.split(","))


def _tree(text: str) -> list[str]:
    """The drawing in the docstring of `errors`."""
    return [line[4:] for line in text.splitlines() if line.startswith("    ")]
