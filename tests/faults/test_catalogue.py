"""The catalogue of faults is whole, cites only tests that exist, and its results survive whatever happens to their file."""

import ast
import json
from pathlib import Path

import pytest

from faults.catalogue import FAULTS, cited, listing
from faults.recorder import Recorder
from faults.results import NEVER, ROOT, Result, merge, read, said

NUMBERS = {*map(str, range(1, 69)), "66b"}
HELD = {
    *map(str, (*range(1, 9), *range(14, 19), *range(20, 23), 25, 27, 29, *range(32, 35), 36, 37, *range(41, 47), 48, 49, 57)),
}
TEST = "tests/some/test_it.py::test_that_it_does"


def test_every_fault_is_there_once():
    numbers = [fault.number for fault in FAULTS]
    assert sorted(numbers) == sorted(NUMBERS)


def test_every_fault_has_tests_or_says_why_not():
    assert [fault.number for fault in FAULTS if not (fault.fault and fault.expected)] == []
    assert [fault.number for fault in FAULTS if not (fault.tests or fault.missing)] == []


def test_what_can_be_held_now_is_held_by_a_test():
    assert [fault.number for fault in FAULTS if fault.number in HELD and not fault.tests] == []


def test_each_test_that_is_cited_exists():
    assert [node for node in sorted(cited()) if not exists(node)] == [], "it was renamed or taken away"


def exists(node: str) -> bool:
    path, *names = node.partition("[")[0].split("::")
    scope = ast.parse((ROOT / path).read_text()) if (ROOT / path).exists() else None
    for name in names:
        scope = next((inner for inner in getattr(scope, "body", ()) if getattr(inner, "name", "") == name), None)
    return scope is not None


def test_what_is_cited_and_does_not_exist_is_found():
    assert exists("tests/faults/test_catalogue.py::test_every_fault_is_there_once[case]")
    assert not exists("tests/faults/test_catalogue.py::test_nothing")
    assert not exists("tests/faults/test_nothing.py::test_every_fault_is_there_once")
    assert not exists("tests/faults/test_catalogue.py::HELD")


def report(node: str, outcome: str, when: str = "call") -> pytest.TestReport:
    return pytest.TestReport(node, ("", 0, ""), {}, outcome, None, when)


def recorded(path: Path, *reports: pytest.TestReport) -> str | None:
    """What is said of the test after a session with these reports."""
    recorder = Recorder({TEST}, path)
    for each in reports:
        recorder.pytest_runtest_logreport(each)
    recorder.pytest_sessionfinish()
    result = read(path).get(TEST)
    return result and result.outcome


def test_a_test_that_has_not_run_is_said_not_to_have(tmp_path: Path):
    path = tmp_path / "results"
    assert recorded(path, report("tests/other.py::test_other", "passed"), report(TEST, "skipped", "setup")) is None
    assert not path.exists()
    assert said(read(path).get(TEST)) == NEVER


def test_a_test_has_failed_if_any_case_or_any_phase_of_it_has(tmp_path: Path):
    one, two = f"{TEST}[one]", f"{TEST}[two]"
    assert recorded(tmp_path / "a", report(one, "passed"), report(two, "passed")) == "passed"
    assert recorded(tmp_path / "b", report(one, "failed"), report(two, "passed")) == "failed"
    assert recorded(tmp_path / "c", report(one, "passed"), report(two, "failed")) == "failed"
    assert recorded(tmp_path / "d", report(TEST, "passed"), report(TEST, "failed", "teardown")) == "failed"
    assert recorded(tmp_path / "e", report(TEST, "failed", "setup")) == "failed"


def test_a_later_session_replaces_its_own_tests_and_leaves_the_others(tmp_path: Path):
    path = tmp_path / "results"
    merge({TEST: "failed", "tests/b.py::test_b": "passed"}, "2026-11-24", "abc1234", path)
    merge({TEST: "passed"}, "2026-11-25", "def5678+", path)
    assert said(read(path)[TEST]) == "passed 2026-11-25 def5678+"
    assert read(path)["tests/b.py::test_b"] == Result("passed", "2026-11-24", "abc1234")


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\xff\xfe", b"{", b"[]", b'"text"', b"null", b'{"x": 1}', b'{"x": {"outcome": "passed"}}', b"[" * 100_000),
        b'{"x": {"outcome": 1, "date": 2, "commit": 3}}',
    ],
)
def test_a_damaged_file_counts_as_no_results_and_the_next_session_mends_it(tmp_path: Path, content: bytes):
    path = tmp_path / "results"
    path.write_bytes(content)
    assert read(path) == {}
    merge({TEST: "passed"}, "2026-11-25", "abc1234", path)
    assert list(read(path)) == list(json.loads(path.read_text())) == [TEST]


def test_the_list_names_each_fault_with_its_tests_and_their_last_results():
    shown, open_end = FAULTS[0], next(fault for fault in FAULTS if not fault.tests)
    last = {shown.nodes[0]: Result("passed", "2026-11-25", "abc1234")}
    lines = list(listing(last))
    assert any(line.startswith(f"{shown.number:>3}  {shown.fault}") for line in lines)
    assert any("passed 2026-11-25 abc1234" in line and shown.nodes[0] in line for line in lines)
    assert any(NEVER in line and shown.nodes[1] in line for line in lines)
    assert any("no test" in line and open_end.missing[:20] in line for line in lines)
    assert lines[-1].startswith(f"{len(FAULTS)} faults, ")
