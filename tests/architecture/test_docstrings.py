"""Each module opens with what it is for; one that the import contracts hold to a rule says what it must not do."""

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from .source import PACKAGE, ROOT, files

SRC = PACKAGE.parent
LINES_AT_MOST = 25
LONGER = {"lineshaft/protocol/keys.py": "it is the schema of the keys, of which a page is made"}

# Words by which a sentence says what is not done, or not done by others.
REFUSES = re.compile(r"\b(?:no|not|never|nothing|none|nobody|neither|only|alone|without|cannot)\b", re.IGNORECASE)

# Modules that no contract of imports can hold to their rule, and the words in which they say it.
RULES = {
    "worker/executor.py": "sends nothing",
    "worker/end.py": "Nothing is sent from here",
    "worker/supervisor.py": "Runs no user code",
    "worker/reconciler.py": "it never runs",
    "worker/promoter.py": "It never runs one",
    "worker/finisher.py": "No run leaves the table before its end is answered",
    "model/lifecycle.py": "Nothing here moves a task",
    "inspection/__init__.py": "changes nothing and scans nothing",
    "broker/broker.py": "None sends anything twice",
    "broker/connection.py": "It sends nothing twice by itself",
    "protocol/keys.py": "The only spelling of any key",
    "testing/__init__.py": "Nothing here knows pytest",
}


def docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text())) or ""


def complaints(text: str) -> list[str]:
    """What a module's docstring lacks."""
    first = text.partition("\n\n")[0]
    found = []
    if not re.match(r"[A-Z`/]|uvicorn", first) or not first.rstrip().endswith((".", ":")) or len(first.split()) < 5:
        found.append("does not begin with a sentence")
    if re.match(r"(?:this|the) (?:module|file|package)\b", first, re.IGNORECASE):
        found.append("speaks of itself, not of what it is for")
    return found


@pytest.mark.parametrize("path", files(SRC, ".py"), ids=lambda path: path.relative_to(SRC).as_posix())
def test_a_module_says_in_its_first_sentence_what_it_is_for(path: Path):
    text = docstring(path)

    assert complaints(text) == []
    assert len(text.splitlines()) <= LINES_AT_MOST or path.relative_to(SRC).as_posix() in LONGER


def test_no_two_modules_say_the_same():
    firsts = [docstring(path).partition("\n\n")[0] for path in files(SRC, ".py")]

    assert sorted(firsts) == sorted(set(firsts))


def bound_modules() -> set[str]:
    """The modules that a contract in pyproject.toml forbids something, as they are imported."""
    contracts: list[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return {name for contract in contracts if contract["type"] == "forbidden" for name in contract["source_modules"]}


def path_of(module: str) -> Path:
    path = SRC.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@pytest.mark.parametrize("module", sorted(bound_modules() - {"lineshaft"}))
def test_a_module_that_a_contract_binds_says_what_it_must_not_do(module: str):
    assert REFUSES.search(docstring(path_of(module))), f"{module} does not say what it must not do"


@pytest.mark.parametrize(("name", "words"), RULES.items())
def test_a_module_with_a_rule_of_its_own_says_it(name: str, words: str):
    assert words in " ".join(docstring(PACKAGE / name).split())


@pytest.mark.parametrize("text", ["", "loops", "This module has the loops.", "Where the loops are", "the loops of one worker."])
def test_what_says_nothing_is_found(text: str):
    assert complaints(text) != []


def test_what_says_something_is_not():
    assert complaints("How long a loop waits after an error.\n\nMore.") == []
    assert complaints("`lineshaft serve`: everything with one command.") == []
