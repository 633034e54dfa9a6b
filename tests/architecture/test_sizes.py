"""Sizes at which a reader loses the thread. They make one think; an exception says why it reads better so."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from .source import PACKAGE, ROOT, SCRIPTS, files, functions, name_of

LIMITS = {
    "module": 400,  # lines
    "test module": 600,
    "function": 70,
    "script": 120,
    "constructor": 8,  # arguments beside self; a frozen dataclass or Struct of options may have more
    "class": 15,  # public methods and properties
}

# The size to aim at, and how many of a hundred of their kind in the package may be larger without anybody being asked why.
AIMS = {"module": (300, 5), "function": (50, 5), "script": (80, 25)}

CORE = ("model", "protocol", "broker", "worker", "client.py")
CORE_LINES = 4000  # of Python, comments and blank lines counted (ADR 0025)

EXCEPTIONS = {
    "class src/lineshaft/broker/broker.py Broker": "one method for each script, and the one that runs them",
    "function tests/integration/test_schema.py test_every_key_is_one_of_the_table": "one story that leaves a key in every row",
    "test module tests/integration/test_embedded.py": "one long-lived subject, whose cases share their fixtures and helpers",
}


class Measure(NamedTuple):
    """How large one thing is."""

    kind: str
    name: str
    size: int

    @property
    def title(self) -> str:
        """What the table of exceptions calls it."""
        return f"{self.kind} {self.name}"

    @property
    def is_over(self) -> bool:
        """Whether it is larger than its kind should be."""
        return self.size > LIMITS[self.kind]


@functools.cache
def measures() -> list[Measure]:
    """Everything that has a limit."""
    found = [Measure("script", name_of(path), len(path.read_text().splitlines())) for path in files(SCRIPTS, ".lua")]
    for path in python_files():
        found += measures_of(path.read_text(), name_of(path), is_test=name_of(path).startswith("tests/"))
    return found


def python_files() -> list[Path]:
    """All of ours: the chores in `scripts` have no ending."""
    chores = [path for path in files(ROOT / "scripts", "") if "python" in path.read_text().partition("\n")[0]]
    return [*files(ROOT, ".py"), *chores]


def measures_of(text: str, name: str, *, is_test: bool = False) -> Iterator[Measure]:
    """What has a limit in one module."""
    yield Measure("test module" if is_test else "module", name, len(text.splitlines()))
    tree = ast.parse(text)
    for function_name, function in functions(tree):
        yield Measure("function", f"{name} {function_name}", function.end_lineno - function.lineno + 1)
        if function.name == "__init__":
            given = function.args
            amount = len([*given.posonlyargs, *given.args, *given.kwonlyargs]) - 1
            yield Measure("constructor", f"{name} {function_name}", amount)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and not is_test:
            yield Measure("class", f"{name} {node.name}", len(public_methods(node)))
            if is_open_dataclass(node):
                fields = [part for part in node.body if isinstance(part, ast.AnnAssign)]
                yield Measure("constructor", f"{name} {node.name}", len(fields))


def public_methods(node: ast.ClassDef) -> set[str]:
    return {
        part.name
        for part in node.body
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) and not part.name.startswith("_")
    }


def is_open_dataclass(node: ast.ClassDef) -> bool:
    decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
    return any(text.startswith("dataclass") and "frozen=True" not in text for text in decorators)


def test_nothing_is_larger_than_its_limit_or_it_says_why():
    over = [f"{m.title} has {m.size}, {LIMITS[m.kind]} at most" for m in measures() if m.is_over and m.title not in EXCEPTIONS]

    assert over == []


@pytest.mark.parametrize("kind", AIMS)
def test_most_things_are_no_larger_than_they_should_be(kind: str):
    aim, share = AIMS[kind]
    all_of_kind = [measure for measure in measures() if measure.kind == kind and measure.name.startswith("src/")]
    larger = [f"{measure.name} has {measure.size}" for measure in all_of_kind if measure.size > aim]

    assert len(all_of_kind) > 20
    assert 100 * len(larger) <= share * len(all_of_kind), larger


def test_every_exception_is_still_needed():
    over = {measure.title for measure in measures() if measure.is_over}

    assert EXCEPTIONS.keys() - over == set()


ARGUMENTS = ", ".join(f"a{n}" for n in range(9))
METHODS = "\n".join(f"    def m{n}(self): ..." for n in range(16))
FIELDS = "\n".join(f"    f{n}: int" for n in range(9))
LONG = "\n".join(["    pass"] * 70)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("\n" * 401, "module"),
        (f"def f():\n{LONG}", "function"),
        (f"class C:\n    async def f(self):\n{LONG.replace('    ', '        ')}", "function"),
        (f"class C:\n    def __init__(self, {ARGUMENTS}): ...", "constructor"),
        (f"class C:\n    def __init__(self, *, {ARGUMENTS}): ...", "constructor"),
        (f"@dataclass\nclass C:\n{FIELDS}", "constructor"),
        (f"class C:\n{METHODS}", "class"),
    ],
)
def test_what_is_too_large_is_found(text: str, kind: str):
    assert {measure.kind for measure in measures_of(text, "m.py") if measure.is_over} == {kind}


@pytest.mark.parametrize(
    "text",
    [
        "\n" * 400,
        f"@dataclass(frozen=True)\nclass C:\n{FIELDS}",
        "class C:\n" + METHODS.replace("m15", "_m15"),
        "class C:\n" + METHODS.replace("m15", "m14"),  # an overload is one method
    ],
)
def test_what_is_within_its_limit_is_not(text: str):
    assert [measure for measure in measures_of(text, "m.py") if measure.is_over] == []


def test_the_core_stays_small_enough_to_be_read_as_a_whole():
    parts = [PACKAGE / part for part in CORE]
    modules = [module for part in parts for module in ([part] if part.suffix else sorted(part.glob("*.py")))]
    lines = {name_of(module): len(module.read_text().splitlines()) for module in modules}

    assert all(part.exists() for part in parts)
    assert sum(lines.values()) < CORE_LINES, lines
