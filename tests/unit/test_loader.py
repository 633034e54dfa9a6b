"""The scripts as files: what each says about itself, and what the server gets."""

import hashlib
import re
import shutil
from importlib import resources
from pathlib import Path

import pytest
import redis
from docs.headers import header_of

from lineshaft.protocol import loader

SCRIPTS = Path(str(resources.files("lineshaft.protocol"))) / "scripts"
FILES = sorted(path.stem for path in SCRIPTS.glob("*.lua"))
SHARED = sorted(path.stem for path in (SCRIPTS / "shared").glob("*.lua"))


def test_every_file_is_a_script_and_every_script_a_file():
    assert sorted(loader.NAMES) == FILES


@pytest.mark.parametrize("name", loader.NAMES)
def test_a_header_has_every_field_in_its_order(name: str):
    header = header_of(name).fields

    assert list(header) == ["KEYS", "DERIVED", "ARGV", "RETURNS", "COST", "WHY"]
    assert all(header.values())
    assert header["KEYS"].startswith("[1]") or "task_queue" in header["KEYS"]


@pytest.mark.parametrize("name", loader.NAMES)
def test_the_first_line_says_what_the_script_is_for(name: str):
    first = (SCRIPTS / f"{name}.lua").read_text("utf-8").splitlines()[0]

    assert first == f"-- {name}: {header_of(name).summary}"
    assert header_of(name).summary.endswith(".")


@pytest.mark.parametrize("name", loader.NAMES)
def test_every_shared_part_that_is_used_is_put_in_once_and_after_what_it_needs(name: str):
    text = (SCRIPTS / f"{name}.lua").read_text("utf-8")
    uses = re.findall(r"^--@use (\w+)$", text, re.MULTILINE)
    source = loader.load(name).source.decode()

    assert uses[0] == "keys"
    assert len(set(uses)) == len(uses)
    assert set(uses) <= set(SHARED)
    assert "--@" not in source
    for part in uses:
        assert source.count((SCRIPTS / "shared" / f"{part}.lua").read_text("utf-8").rstrip()) == 1


def test_every_shared_part_is_used():
    texts = "".join((SCRIPTS / f"{name}.lua").read_text("utf-8") for name in loader.NAMES)

    assert set(re.findall(r"^--@use (\w+)$", texts, re.MULTILINE)) == set(SHARED)


@pytest.mark.parametrize("name", loader.NAMES)
def test_the_server_knows_a_script_by_the_name_that_python_gives_it(raw: redis.Redis, name: str):
    """And its source compiles there."""
    script = loader.load(name)

    assert raw.script_load(script.source) == script.sha


@pytest.mark.parametrize("name", loader.NAMES)
def test_a_script_sets_no_global_variable_and_declares_every_name_it_uses(raw: redis.Redis, name: str):
    """A misspelt name would read as nil and only show in the branch that uses it."""
    source = loader.load(name).source.decode()
    declared = set(re.findall(r"\blocal function (\w+)", source))
    for names in re.findall(r"\blocal ([\w, ]+?)(?: =|$)", source, re.MULTILINE):
        declared.update(names.replace(" ", "").split(","))
    for names in re.findall(r"\bfor ([\w, ]+?) (?:=|in)\b", source):
        declared.update(names.replace(" ", "").split(","))
    for names in re.findall(r"\bfunction[ \w]*\(([\w, ]*)\)", source):
        declared.update(names.replace(" ", "").split(","))

    assert set(re.findall(r"(?<![.\w:'\"])(\w+)\(", bare(source))) <= declared | LUA | {"function"}
    assert set(re.findall(r"^\s*(\w+)(?:, \w+)* = ", bare(source), re.MULTILINE)) <= declared


LUA = {"ipairs", "pairs", "tonumber", "tostring", "unpack", "type", "next", "and", "or", "not", "if", "in", "return", "elseif"}


def bare(source: str) -> str:
    """Lua without comments and without what stands in quotes."""
    return re.sub(r"'[^'\n]*'|--[^\n]*", "''", source)


def test_sources_differ_and_so_do_their_names():
    assert len({loader.load(name).sha for name in loader.NAMES}) == len(loader.NAMES)


def test_a_script_is_read_once():
    assert loader.load("claim") is loader.load("claim")


class TestContent:
    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A copy of the scripts that the loader reads; its memory of the real ones is kept apart."""
        shutil.copytree(SCRIPTS, tmp_path / "scripts")
        monkeypatch.setattr(loader.resources, "files", lambda _: tmp_path)
        return tmp_path / "scripts"

    def load(self, name: str) -> loader.Script:
        return loader.load.__wrapped__(name)

    def test_the_name_at_the_server_changes_with_the_script_and_with_its_shared_parts(self, folder: Path):
        first = self.load("cancel")
        assert first == loader.load("cancel")

        (folder / "shared" / "time.lua").write_text("-- changed\n" + (folder / "shared" / "time.lua").read_text())
        second = self.load("cancel")
        (folder / "cancel.lua").write_text((folder / "cancel.lua").read_text() + "-- changed\n")
        third = self.load("cancel")

        assert len({first.sha, second.sha, third.sha}) == 3
        assert third.sha == hashlib.sha1(third.source).hexdigest()
        assert self.load("watch").sha == loader.load("watch").sha, "it does not use that part"

    def test_a_script_or_a_part_that_is_not_there_is_said_at_once(self, folder: Path):
        with pytest.raises(FileNotFoundError):
            self.load("vanish")
        (folder / "cancel.lua").write_text("-- cancel: x.\n--@use nothing\n")
        with pytest.raises(FileNotFoundError):
            self.load("cancel")
