"""Six lines that stand twice are one function, unless somebody says why not.

Lines count as they are but for white space; blank lines, comments, docstrings, imports and lone punctuation do not count.
"""

import ast
import functools
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from .source import ROOT, files, name_of

LINES = 6
FOLDERS = ("src", "docs", "bench", "scripts", "tests")

# The two files (or the one) that hold the same lines, and why that reads better than one place for both.
REASONS = {
    (
        "tests/api/test_read_tasks.py",
        "tests/cli/test_task.py",
    ): "both doors promise the same task word for word",
}

DOES_NOT_COUNT = re.compile(r"(?:#|--|//|import\b|from \S+ import\b|[\W_]*$)")

Line = tuple[int, str]


def lines_of(text: str, *, is_python: bool) -> list[Line]:
    """The lines that count, with their numbers."""
    passed_over = said_in(text) if is_python else set()
    folded = ((number, " ".join(line.split())) for number, line in enumerate(text.splitlines(), 1))
    return [(number, line) for number, line in folded if number not in passed_over and not DOES_NOT_COUNT.match(line)]


def said_in(text: str) -> set[int]:
    """The numbers of the lines that are imports or docstrings."""
    found: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        is_said = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        if is_said or isinstance(node, ast.Import | ast.ImportFrom):
            found.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return found


def repeated(texts: dict[str, list[Line]], least: int = LINES) -> Iterator[tuple[tuple[str, str], str]]:
    """Each pair of places that share a run of lines: the two files, and where the run begins in each."""
    places: dict[tuple[str, ...], list[tuple[str, int]]] = defaultdict(list)
    for name, lines in texts.items():
        for first in range(len(lines) - least + 1):
            places[tuple(line for _, line in lines[first : first + least])].append((name, first))
    known: set[tuple[str, int, str, int]] = set()
    for (name, first), (other, second) in ((one, two) for found in places.values() for one, two in pairs(found)):
        known.add((name, first, other, second))
        if (name, first - 1, other, second - 1) not in known:  # else it is the run before, one line on
            yield (name, other), f"{name}:{texts[name][first][0]} ~ {other}:{texts[other][second][0]}"


def pairs(found: list[tuple[str, int]]) -> Iterator[tuple[tuple[str, int], tuple[str, int]]]:
    """Each place where something is said again, with the first one, in the order of the source."""
    return ((found[0], later) for later in found[1:])


@functools.cache
def everything() -> dict[str, list[Line]]:
    """Our code, and that of the scripts, which have no ending."""
    paths = [path for folder in FOLDERS if (ROOT / folder).is_dir() for path in files(ROOT / folder, ".py", ".lua", "")]
    return {name_of(path): lines_of(path.read_text(), is_python=is_python(path)) for path in paths}


def is_python(path: Path) -> bool:
    return path.suffix == ".py" or (not path.suffix and "python" in path.read_text().partition("\n")[0])


def test_nothing_of_six_lines_stands_twice_without_a_reason():
    texts = everything()

    assert len(texts) > 200
    assert [place for files_of, place in repeated(texts) if files_of not in REASONS] == []


def test_every_reason_is_still_needed():
    assert REASONS.keys() - {files_of for files_of, _ in repeated(everything())} == set()


BODY = "\n".join(f"    call_{n}()" for n in range(LINES))


def test_six_lines_that_stand_twice_are_found_once():
    first = lines_of(f"def one():\n{BODY}\n    more()\n", is_python=True)
    second = lines_of(f"def two():\n    before()\n{BODY}\n    more()\n", is_python=True)

    assert list(repeated({"a.py": first, "b.py": second})) == [(("a.py", "b.py"), "a.py:2 ~ b.py:3")]
    assert len(list(repeated({"a.py": first + second}))) == 1


def test_five_lines_are_not_and_what_does_not_count_makes_no_sixth():
    five = BODY.rpartition("\n")[0]
    one = lines_of(f'"""Said."""\nimport os\n\n\ndef one():\n    """Said again."""\n    # a remark\n{five}\n', is_python=True)
    two = lines_of(f'"""Said."""\nimport os\n\n\ndef two():\n    """Said again."""\n    # a remark\n{five}\n', is_python=True)

    assert [line for _, line in one] == ["def one():", *(f"call_{n}()" for n in range(5))]
    assert list(repeated({"a.py": one, "b.py": two})) == []
