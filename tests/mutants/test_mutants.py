"""The mutants fit the product as it is now, and a handful of them is run. `scripts/mutants` runs them all."""

import ast
import re
import shutil
from pathlib import Path

import pytest
import redis

from lineshaft.protocol import loader

from .mutant import PACKAGE, ROOT, Mutant, StaleMutantError
from .running import Mill
from .table import TABLE

TESTS = ROOT / "tests"
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
PROVE_NOTHING = {"architecture", "docs", "mutants"}  # they look at the text of the product, or at these mutants
QUICK = ("finish-ignores-the-token", "claim-ignores-the-word", "reap-on-the-first-look", "trim-deletes-live-records")
CLAIM = "protocol/scripts/claim.lua"
CLAIM_TEST = ("scripts/test_claim.py::test_queues_are_emptied_in_the_order_they_are_given",)


def test_each_has_a_name_of_its_own():
    names = [mutant.name for mutant in TABLE]

    assert len(set(names)) == len(names)
    assert [name for name in names if not NAME.fullmatch(name)] == []


def test_no_two_are_the_same_change():
    assert len({(mutant.file, mutant.changed()) for mutant in TABLE}) == len(TABLE)


@pytest.mark.parametrize("mutant", TABLE, ids=lambda mutant: mutant.name)
def test_each_changes_one_or_two_lines_and_leaves_a_program(mutant: Mutant):
    before = (ROOT / PACKAGE / mutant.file).read_text()
    after = mutant.changed()

    assert after != before
    assert len(mutant.old.strip().splitlines()) <= 3
    if mutant.file.endswith(".py"):
        compile(after, mutant.file, "exec")


def test_each_that_changes_a_script_leaves_one_that_the_server_takes(
    raw: redis.Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    scripts = ROOT / PACKAGE / "protocol" / "scripts"
    monkeypatch.setattr(loader.resources, "files", lambda _: tmp_path)
    shutil.copytree(scripts, tmp_path / "scripts")
    for mutant in (mutant for mutant in TABLE if mutant.file.endswith(".lua")):
        changed = tmp_path / mutant.file.removeprefix("protocol/")
        changed.write_text(mutant.changed())
        for name in loader.NAMES:
            raw.script_load(loader.load.__wrapped__(name).source)
        changed.write_text((ROOT / PACKAGE / mutant.file).read_text())


def test_each_names_tests_that_there_are():
    named = {test for mutant in TABLE for test in mutant.tests}

    assert [mutant.name for mutant in TABLE if not mutant.tests] == []
    assert [test for test in named if not exists(test)] == []
    assert [test for test in named if test.partition("/")[0] in PROVE_NOTHING] == []


def exists(test: str) -> bool:
    """Whether a file has the test that is named, without its parameters, or is there at all."""
    file, *names = test.partition("[")[0].split("::")
    if not (TESTS / file).is_file():
        return False
    body = ast.parse((TESTS / file).read_text()).body
    for name in names:
        found = [part for part in body if getattr(part, "name", None) == name]
        if not found:
            return False
        body = found[0].body
    return True


def test_a_handful_is_killed(mill: Mill):
    quick = [mutant for mutant in TABLE if mutant.name in QUICK]

    assert len(quick) == len(QUICK)
    assert mill.unmutated_failures(quick) == []
    assert {found.mutant.name: found.verdict for found in mill.try_all(quick)} == dict.fromkeys(QUICK, "killed")


@pytest.fixture
def mill(tmp_path: Path) -> Mill:
    return Mill(tmp_path)


def test_only_a_test_that_fails_by_itself_kills(mill: Mill):
    """A change of nothing survives; one that leaves no program, or one that no longer fits, proves nothing."""
    mutants = [
        Mutant("changes-a-comment", CLAIM, "-- KEYS[1]", "-- Keys[1]", CLAIM_TEST),
        Mutant("leaves-no-program", "broker/broker.py", "class Broker:", "class Broker", CLAIM_TEST),
        Mutant("no-longer-fits", CLAIM, "what is nowhere", "", CLAIM_TEST),
        Mutant("fits-in-two-places", CLAIM, "redis.call(", "redis.pcall(", CLAIM_TEST),
        Mutant("claims-the-newest-first", CLAIM, "for n = #listed, 1, -1 do", "for n = 1, #listed do", CLAIM_TEST),
    ]

    assert [found.verdict for found in mill.try_all(mutants)] == ["SURVIVED", "BROKEN", "STALE", "STALE", "killed"]


def test_tests_that_fail_without_a_mutant_are_said(mill: Mill):
    mutant = Mutant("any", CLAIM, "", "", ("scripts/test_claim.py::test_that_never_was",))

    (failure,) = mill.unmutated_failures([mutant])

    assert "test_that_never_was" in failure


@pytest.mark.parametrize(("old", "new"), [("nowhere", "x"), ("redis.call(", "x"), ("-- KEYS[1]", "-- KEYS[1]")])
def test_a_change_that_is_none_is_stale(old: str, new: str, tmp_path: Path):
    with pytest.raises(StaleMutantError, match="any"):
        Mutant("any", CLAIM, old, new, CLAIM_TEST).changed()
