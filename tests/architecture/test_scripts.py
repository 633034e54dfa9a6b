"""Every Lua script keeps the contract in its header, and everything that a script needs around it is there."""

import inspect
import re
from typing import NamedTuple

import pytest

from docs import headers
from lineshaft.broker.broker import Broker
from lineshaft.model.lifecycle import OTHER_SCRIPTS, TRANSITIONS
from lineshaft.protocol import loader

from .source import PACKAGE, ROOT, SCRIPTS, SHARED, files

FIELDS = ("KEYS", "DERIVED", "ARGV", "RETURNS", "COST", "WHY")
PARTS = sorted(path.stem for path in SHARED.glob("*.lua"))

# Where a whole collection is read all the same, and why that is no danger.
WALKED = {("claim", "'SMEMBERS'"): "the queues that are paused: a name each, and the key is there only while one is"}

# What finds by walking everything, and what changes values that Lua cannot hold: numbers over 2^53, empty arrays.
FORBIDDEN = re.compile(
    r"'(?:KEYS|SCAN|SMEMBERS|FLUSHDB|FLUSHALL|EVAL|WAIT)'|'LRANGE', [^,]+, 0, -1\b|\bcjson\b|\bcmsgpack\b|\bloadstring\b"
)


class Words(NamedTuple):
    """Which KEYS or ARGV a text names: by number, and from which number on."""

    numbers: set[int]
    onwards: set[int]


def text_of(name: str) -> str:
    return (SCRIPTS / f"{name}.lua").read_text()


def head_of(text: str) -> str:
    """The comment that a script opens with."""
    lines = text.splitlines()
    return "\n".join(lines[: next(n for n, line in enumerate(lines) if not line.startswith("--") or line.startswith("--@"))])


def body_of(source: str) -> str:
    """What runs: without the comments, and with the shared parts in it."""
    return "\n".join(line for line in source.splitlines() if not line.startswith("--"))


def documented(head: str, what: str) -> Words:
    numbers = {int(number) for number in re.findall(rf"\b{what}\[(\d+)\]", head)}
    return Words(numbers, {int(number) for number in re.findall(rf"\b{what}\[(\d+)\.\.\]", head)})


def used(body: str, what: str) -> Words:
    numbers = {int(number) for number in re.findall(rf"\b{what}\[(\d+)\]", body)}
    loops = re.findall(rf"\bfor \w+ = (\d+), #{what}\b|\bunpack\({what}, (\d+)\)", body)
    return Words(numbers, {int(first or second) for first, second in loops})


def unused_parts(name: str) -> list[str]:
    """The shared parts that a script asks for and of which it uses nothing, not even through another part."""
    asked = re.findall(r"^--@use (\w+)$", text_of(name), re.MULTILINE)
    bodies = {part: body_of((SHARED / f"{part}.lua").read_text()) for part in asked}
    found = []
    for part, body in bodies.items():
        defined = set(re.findall(r"^local function (\w+)", body, re.MULTILINE))
        for names in re.findall(r"^local (\w+(?:, \w+)*)", body, re.MULTILINE):
            defined |= set(names.split(", ")) - {"function"}
        rest = "\n".join([body_of(text_of(name)), *(other for key, other in bodies.items() if key != part)])
        if not any(re.search(rf"\b{word}\b", rest) for word in defined):
            found.append(part)
    return found


def test_the_scripts_that_are_there_are_those_that_are_loaded():
    assert sorted(path.stem for path in SCRIPTS.glob("*.lua")) == sorted(loader.NAMES)


@pytest.mark.parametrize("name", loader.NAMES)
def test_the_header_says_what_a_caller_must_know(name: str):
    header = headers.header_of(name).fields

    assert head_of(text_of(name)).startswith(f"-- {name}: ")
    assert {field: bool(header.get(field, "").strip()) for field in FIELDS} == dict.fromkeys(FIELDS, True)


@pytest.mark.parametrize("name", loader.NAMES)
@pytest.mark.parametrize("what", ["KEYS", "ARGV"])
def test_the_header_names_each_key_and_argument_that_is_used_and_no_other(name: str, what: str):
    assert used(body_of(loader.load(name).source.decode()), what) == documented(head_of(text_of(name)), what)


@pytest.mark.parametrize("name", loader.NAMES)
def test_every_key_in_a_header_is_in_the_table_of_keys(name: str):
    known = {key for key, *_ in headers.key_rows()} | headers.CHANNELS

    assert len(known) > len(headers.CHANNELS)
    assert set(headers.keys_named_in(headers.header_of(name).fields)) - known == set()


def test_every_key_in_the_table_is_in_a_header():
    named = {key for name in loader.NAMES for key in headers.keys_named_in(headers.header_of(name).fields)}

    assert {key for key, *_ in headers.key_rows()} - named == set()


@pytest.mark.parametrize("name", loader.NAMES)
def test_a_script_is_a_method_of_the_broker_an_event_of_the_lifecycle_a_heading_and_a_file_of_tests(name: str):
    """It is a moment of telemetry too: tests/scripts/test_moments.py."""
    events = {way.script for way in TRANSITIONS} | set(OTHER_SCRIPTS)
    headings = re.findall(r"^## (.+)$", (ROOT / "docs" / "reference" / "scripts.md").read_text(), re.MULTILINE)

    assert inspect.iscoroutinefunction(getattr(Broker, name, None))
    assert f'self.run("{name}"' in inspect.getsource(getattr(Broker, name))
    assert name in events
    assert headings.count(name) == 1
    assert (ROOT / "tests" / "scripts" / f"test_{name}.py").is_file()


def test_no_script_is_run_from_elsewhere_or_twice():
    """Each script has one caller, the method of its name; what cancels many sends the same script in one write."""
    calls = [
        (path.relative_to(PACKAGE).as_posix(), name)
        for path in files(PACKAGE, ".py")
        for name in re.findall(r"""\.run\("(\w+)",|loader\.load\("(\w+)"\)""", path.read_text())
    ]
    by_method = [("broker/broker.py", (name, "")) for name in loader.NAMES]

    assert sorted(calls) == sorted([*by_method, ("broker/broker.py", ("", "cancel"))])
    assert public_methods_of_broker() - set(loader.NAMES) == {"run", "cancel_many"}


def public_methods_of_broker() -> set[str]:
    return {name for name, value in vars(Broker).items() if inspect.iscoroutinefunction(value) and not name.startswith("_")}


def test_the_lifecycle_names_no_script_that_is_not_there():
    moving = {way.script for way in TRANSITIONS}

    assert moving | set(OTHER_SCRIPTS) == set(loader.NAMES)
    assert moving & set(OTHER_SCRIPTS) == set()


@pytest.mark.parametrize("name", loader.NAMES)
def test_a_script_uses_every_part_that_it_asks_for(name: str):
    assert unused_parts(name) == []


@pytest.mark.parametrize("part", PARTS)
def test_a_shared_part_is_shared_and_says_what_it_is(part: str):
    users = [name for name in loader.NAMES if f"--@use {part}\n" in text_of(name)]

    assert len(users) > 1
    assert (SHARED / f"{part}.lua").read_text().startswith(f"-- {part}: ")


def test_no_script_calls_what_walks_everything_or_changes_values():
    found = {
        (path.stem, call)
        for path in [*SCRIPTS.glob("*.lua"), *SHARED.glob("*.lua")]
        for call in FORBIDDEN.findall(body_of(path.read_text()))
    }

    assert found == set(WALKED)


def test_what_a_header_leaves_out_is_found():
    head = "-- x: y\n-- KEYS[1]  a\n-- ARGV[1]  b   ARGV[2]  c\n-- ARGV[4..]  d"

    assert documented(head, "KEYS") == ({1}, set())
    assert documented(head, "ARGV") == ({1, 2}, {4})
    assert used("KEYS[1] ARGV[3] for i = 4, #ARGV, 2 do", "ARGV") == ({3}, {4})
    assert used("redis.call('DEL', KEYS[2]) unpack(KEYS, 3)", "KEYS") == ({2}, {3})
    assert body_of("-- KEYS[9]\nlocal a = KEYS[1]") == "local a = KEYS[1]"


def test_keys_are_read_out_of_a_header_in_each_way_of_writing_them():
    derived = (
        "<p>task:<id>:status  string\n<p>lineshaft:tries, :stats:<minute>, :ended:done  x\n<p>task_queue:<q>, <p>nonsense:<x>"
    )
    fields = {"KEYS": "[1]  <p>task_queue  list: none", "DERIVED": derived}

    assert headers.keys_named_in(fields) == [
        "task_queue",
        "task:<id>:status",
        "lineshaft:tries",
        "lineshaft:stats:<minute>",
        "lineshaft:ended:<state>",
        "task_queue:<queue>",
        "nonsense:<x>",
    ]


@pytest.mark.parametrize(
    "line", ["redis.call('KEYS', '*')", "redis.call('SMEMBERS', key)", "redis.call('LRANGE', key, 0, -1)", "cjson.decode(x)"]
)
def test_a_forbidden_call_is_found(line: str):
    assert FORBIDDEN.search(line)
