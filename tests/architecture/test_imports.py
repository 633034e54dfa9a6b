"""Imports go the way that ADR 0008 says, stand at the top of their files, and leave no state behind in a module."""

import ast
import subprocess
import sys
from collections.abc import Iterator

import pytest

from .source import PACKAGE, ROOT, files, functions, modules

# What a function imports all the same, and why: a module may be missing, and this function can do without; or it is for few.
IMPORTED_WHEN_NEEDED = {
    ("lineshaft/embedded/launch.py", "ctypes"): "a Python may be built without it; the pipe mode needs none",
    ("pytest_lineshaft/__init__.py", "lineshaft.testing"): "pytest imports the plugin for everybody; few ask for a fixture",
}

MAKES_SOMETHING_THAT_CHANGES = {"list", "dict", "set", "bytearray", "defaultdict", "deque", "Counter", "OrderedDict"}
CHANGES_IN_PLACE = {
    "add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem", "popleft", "remove", "setdefault",
    "sort", "update",
}  # fmt: skip
NOT_STATE = {"__all__"}


def lint_imports() -> subprocess.CompletedProcess[str]:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_layers_and_the_other_contracts_of_pyproject_hold():
    ran = lint_imports()

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "0 broken" in ran.stdout


def imports_inside_functions(tree: ast.AST) -> set[str]:
    """The modules that functions import, by their first name."""
    found = set()
    for _, function in functions(tree):
        for node in ast.walk(function):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module or "." * node.level)
    return found


def test_no_function_imports_outside_the_command_line_and_where_one_has_to():
    found = {
        (path.relative_to(PACKAGE.parent).as_posix(), name)
        for path in files(PACKAGE.parent, ".py")
        if path.parent != PACKAGE / "cli"
        for name in imports_inside_functions(ast.parse(path.read_text()))
    }

    assert found == set(IMPORTED_WHEN_NEEDED)


def imports_the_front(tree: ast.AST) -> bool:
    """Whether a module imports from `lineshaft` itself what stands in a module of it: a circle that Python may not forgive."""
    inside = {path.stem for path in PACKAGE.iterdir()}
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "lineshaft"
        and any(alias.name not in inside for alias in node.names)
        for node in ast.walk(tree)
    )


def test_nothing_inside_imports_from_the_front_of_the_package():
    assert [path.name for path in modules() if imports_the_front(ast.parse(path.read_text()))] == []


def module_state(tree: ast.Module) -> Iterator[str]:
    """What could differ from one moment to the next in a module or a class: names that hold something that can change.

    A name in capitals is a constant, whatever it holds, as long as nothing in the module changes it.
    """
    for name, value in assignments(tree):
        if can_change(value) and not is_constant(name) and name not in NOT_STATE:
            yield f"{name} holds something that can change"
    constants = {name for name, _ in assignments(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield f"global {', '.join(node.names)}"
        elif (changed := changed_name(node)) in constants:
            yield f"{changed} is changed"


def assignments(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and not is_struct(node)]
    for node in (node for body in (tree.body, *(each.body for each in classes)) for node in body):
        if isinstance(node, ast.Assign):
            yield from ((target.id, node.value) for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            yield node.target.id, node.value


def is_struct(node: ast.ClassDef) -> bool:
    """Whether a class is a msgspec Struct, which copies such defaults for each instance."""
    return any(ast.unparse(parent).rpartition(".")[2] == "Struct" for parent in node.bases)


def can_change(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        called = value.func.value if isinstance(value.func, ast.Subscript) else value.func
        return ast.unparse(called).rpartition(".")[2] in MAKES_SOMETHING_THAT_CHANGES
    return isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)


def is_constant(name: str) -> bool:
    return name.strip("_").isupper()


def changed_name(node: ast.AST) -> str | None:
    """The plain name whose value a piece of code changes in place."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES_IN_PLACE:
        return node.func.value.id if isinstance(node.func.value, ast.Name) and is_constant(node.func.value.id) else None
    targets = []
    if isinstance(node, ast.Assign | ast.Delete):
        targets = node.targets
    elif isinstance(node, ast.AugAssign):
        targets = [node.target]
    for target in targets:
        if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name) and is_constant(target.value.id):
            return target.value.id
    return None


def test_no_module_holds_state():
    found = {path.relative_to(PACKAGE).as_posix(): list(module_state(ast.parse(path.read_text()))) for path in modules()}

    assert {name: complaints for name, complaints in found.items() if complaints} == {}


@pytest.mark.parametrize(
    "text",
    [
        "cache = {}",
        "cache: dict[str, int] = dict()",
        "waiting = collections.deque()",
        "by_name = defaultdict[str, int](int)",
        "class C:\n    seen = []",
        "NAMES = []\ndef f():\n    NAMES.append(1)",
        "NAMES = {}\ndef f():\n    NAMES[1] = 2",
        "NAMES = {1: 2}\ndef f():\n    del NAMES[1]",
        "count = 0\ndef f():\n    global count\n    count += 1",
    ],
)
def test_state_in_a_module_is_found(text: str):
    assert list(module_state(ast.parse(text))) != []


@pytest.mark.parametrize(
    "text",
    [
        "NAMES = {'a': 1}",
        "__all__ = ['a']",
        "log = logger('worker')",
        "class C:\n    def __init__(self):\n        self.seen = []",
        "class C(msgspec.Struct):\n    seen: list[int] = []",
        "def f():\n    found = {}\n    found[1] = 2",
    ],
)
def test_what_is_no_state_is_not(text: str):
    assert list(module_state(ast.parse(text))) == []


def test_imports_that_should_not_be_are_found():
    assert imports_inside_functions(ast.parse("class C:\n    def f(self):\n        import os\n        from a.b import c")) == {
        "os",
        "a.b",
    }
    assert imports_inside_functions(ast.parse("import os")) == set()
    assert imports_the_front(ast.parse("from lineshaft import App"))
    assert not imports_the_front(ast.parse("from lineshaft import errors\nfrom lineshaft.app import App"))
