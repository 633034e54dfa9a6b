"""Names that the documents use exist, and what modules export is sorted, there, and described."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import lineshaft
import lineshaft.testing
import lineshaft.worker
import pytest_lineshaft
from docs import python_page

from .source import PACKAGE, ROOT, files, modules, name_of

PUBLIC = (lineshaft, lineshaft.worker, lineshaft.testing)
TELL_WHAT_WAS = {"CHANGELOG.md"}  # names in it may have gone since
TASKS = {spec.name for spec in lineshaft.App("any").registry}  # those that every app has are called like modules
FOR_COLLEAGUES = ("CONTRIBUTING.md", "docs/internals")  # where a file is one of ours; elsewhere it may be the reader's

FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
FILE = re.compile(r"(?<![\w/.<*])((?:[\w.-]+/)*[\w-]+\.(?:py|lua|tsx?|toml))(?![\w.])")
DOTTED = re.compile(r"(?<![\w.:/@-])lineshaft(?:\.\w+)+")
MEMBER = re.compile(r"(?<![\w.])([A-Z]\w+)\.([a-z_]\w*)")


def public_names() -> dict[str, Any]:
    return {name: getattr(module, name) for module in PUBLIC for name in module.__all__}


def code_in(text: str) -> str:
    """What a document sets as code within its sentences."""
    return "\n".join(CODE.findall(FENCE.sub("", text)))


def unknown_names(text: str) -> Iterator[str]:
    """The names in a document that nothing has: modules and what is in them, members of public classes."""
    code = code_in(text)
    yield from (name for name in DOTTED.findall(code) if name not in TASKS and not is_there(name))
    public = public_names()
    for name, member in MEMBER.findall(code):
        if name in public and not hasattr(public[name], member):
            yield f"{name}.{member}"


def is_there(dotted: str) -> bool:
    """Whether a dotted name is a module, or stands in one."""
    module, *rest = dotted.split(".")
    found: Any = importlib.import_module(module)
    for part in rest:
        if not hasattr(found, part):
            try:
                importlib.import_module(f"{found.__name__}.{part}")
            except (ModuleNotFoundError, AttributeError):
                return False
        found = getattr(found, part)
    return True


def unknown_files(text: str) -> list[str]:
    """The files that a document names and that we do not have, wherever below the checkout they may be."""
    return [name for name in FILE.findall(code_in(text)) if not any(f"/{path}".endswith(f"/{name}") for path in our_files())]


def our_files() -> list[str]:
    return [name_of(path) for path in files(ROOT)]


def documents() -> list[Path]:
    return [path for path in files(ROOT, ".md") if path.name not in TELL_WHAT_WAS]


@pytest.mark.parametrize("path", documents(), ids=name_of)
def test_the_names_in_a_document_exist(path: Path):
    assert list(unknown_names(path.read_text())) == []


@pytest.mark.parametrize("path", [path for path in documents() if name_of(path).startswith(FOR_COLLEAGUES)], ids=name_of)
def test_the_files_that_a_document_for_colleagues_names_exist(path: Path):
    assert unknown_files(path.read_text()) == []


def exported(path: Path) -> list[str] | None:
    """What a module's `__all__` holds; None where there is none."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    return None


def dotted(path: Path) -> str:
    """A module's path as it is imported."""
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def test_what_modules_export_is_sorted_and_there():
    exports = {path: names for path in modules() if (names := exported(path)) is not None}

    assert {PACKAGE / "__init__.py", PACKAGE / "testing" / "__init__.py", PACKAGE / "worker" / "__init__.py"} <= set(exports)
    for path, names in exports.items():
        module = importlib.import_module(dotted(path))
        assert names == sorted(set(names)), path
        assert [name for name in names if not hasattr(module, name)] == [], path


def undescribed(module: ModuleType) -> Iterator[str]:
    """The public names of a module, and the public members of its classes, that say nothing about themselves."""
    for name in module.__all__:
        value = getattr(module, name)
        if (inspect.isclass(value) or inspect.isroutine(value)) and not own_docstring(value):
            yield name
        if inspect.isclass(value):
            own = (member for member in vars(value).items() if not member[0].startswith("_"))
            yield from (f"{name}.{member}" for member, of in own if is_code(of) and not own_docstring(of))


def is_code(value: object) -> bool:
    return inspect.isfunction(value) or isinstance(value, property | classmethod | staticmethod)


def own_docstring(value: Any) -> str:
    return (value.__doc__ or "").strip()


@pytest.mark.parametrize("module", PUBLIC, ids=lambda module: module.__name__)
def test_every_public_name_says_what_it_is(module: ModuleType):
    assert list(undescribed(module)) == []


def test_every_public_name_and_fixture_is_in_the_documents():
    reference = python_page.page()
    how_to = (ROOT / "docs" / "how-to" / "test-your-tasks.md").read_text()
    fixtures = [name for name in vars(pytest_lineshaft) if name.startswith("lineshaft_")]

    assert [name for name in public_names() if not re.search(rf"\b{name}\b", reference)] == []
    assert len(fixtures) >= 2
    assert [name for name in fixtures if name not in how_to] == []


def test_a_name_that_nothing_has_is_found():
    text = (
        "`lineshaft.worker`, `lineshaft.testing.Clock`, `App.submit`, `lineshaft.ping`, `Order.total`\n\n"
        "`lineshaft.no_such`, `lineshaft.app.App.no_such`, `App.no_such`\n\n```\n`Task.gone`\n```\n"
    )

    assert list(unknown_names(text)) == ["lineshaft.no_such", "lineshaft.app.App.no_such", "App.no_such"]


def test_a_file_that_we_do_not_have_is_found():
    assert unknown_files("`worker/finisher.py`, `finish.lua`, `pyproject.toml`, `<name>.lua`, see.py") == []
    assert unknown_files("`worker/no_such.py` and `nisher.py`") == ["worker/no_such.py", "nisher.py"]


def test_what_says_nothing_about_itself_is_found():
    module = ModuleType("m")
    exec("class C:\n    'C.'\n    def told(self):\n        'It.'\n    def f(self): ...\ndef g(): ...", vars(module))
    module.__all__ = ["C", "g"]

    assert list(undescribed(module)) == ["C.f", "g"]
