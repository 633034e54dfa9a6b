"""Every promise says how it is kept and which test shows it, or that it is not kept yet; and those tests exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/explanation/guarantees.md").read_text()
PROMISES = re.findall(r"^### (\d+)\. (.+?)\n(.*?)(?=^##)", PAGE, re.MULTILINE | re.DOTALL)


def test_the_promises_are_numbered_without_a_gap():
    assert [int(number) for number, _, _ in PROMISES] == list(range(1, len(PROMISES) + 1))


@pytest.mark.parametrize(("number", "title", "text"), PROMISES, ids=[f"promise {number}" for number, _, _ in PROMISES])
def test_a_promise_is_kept_and_shown_or_said_not_to_be_kept_yet(number: str, title: str, text: str):
    parts = re.findall(r"^- \*\*(.+?)\.\*\*", text, re.MULTILINE)
    assert parts in (["How", "Limit", "Shown by"], ["Not yet"])


@pytest.mark.parametrize("cited", sorted(set(re.findall(r"`(tests/[\w/.:]+)`", PAGE))))
def test_what_is_cited_exists(cited: str):
    path, _, name = cited.partition("::")
    assert (ROOT / path).exists()
    if name:
        tree = ast.parse((ROOT / path).read_text())
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_scripts_that_are_cited_exist():
    assert all((ROOT / path).exists() for path in re.findall(r"`(scripts/\w+)", PAGE))
