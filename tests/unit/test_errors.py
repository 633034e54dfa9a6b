"""The tree of errors: as it is drawn, and fit to travel."""

import inspect
import pickle
import re

import pytest

from lineshaft import errors
from lineshaft.errors import LineshaftError

CLASSES = {name: kind for name, kind in vars(errors).items() if inspect.isclass(kind) and kind.__module__ == errors.__name__}
MADE = {
    "TaskEndedError": lambda kind: kind("it has ended", "done"),
    "TaskError": lambda kind: kind("it ended", "a"),
    "TaskFailed": lambda kind: kind("it failed", "a", "ValueError", "no", "tb"),
    "TaskCancelled": lambda kind: kind("it was cancelled", "a"),
    "TaskExpired": lambda kind: kind("it expired", "a"),
    "ArgumentError": lambda kind: kind("argument 'x' does not fit", "x"),
    "ServerUnavailableError": lambda kind: kind("no answer", sent=True),
    "ServerFullError": lambda kind: kind("it is full", sent=False),
}


def drawn() -> dict[str, str]:
    """The tree in the docstring: class -> the class it stands under."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^    ([ │├└─]*)(\w+Error|Task\w+)\b", line)
        if found is None:
            continue
        depth = len(found[1]) // 4
        path = [*path[:depth], found[2]]
        if depth:
            parents[found[2]] = path[depth - 1]
    return parents


def test_the_drawing_shows_every_class_under_its_parent():
    tree = drawn()
    bases = {name: kind.__bases__[0].__name__ for name, kind in CLASSES.items() if kind is not LineshaftError}
    beside = {"ResultTimeoutError"}  # it stands below the tree, for it has two parents

    assert {name: base for name, base in bases.items() if name not in beside} == tree


@pytest.mark.parametrize("name", CLASSES)
def test_everything_can_be_caught_as_one(name: str):
    assert issubclass(CLASSES[name], LineshaftError)
    assert CLASSES[name].__doc__


def test_two_are_what_python_programs_expect_too():
    assert issubclass(errors.ArgumentError, TypeError)
    assert issubclass(errors.ResultTimeoutError, TimeoutError)
    assert issubclass(errors.ServerFullError, errors.ServerUnavailableError)


def make(name: str) -> LineshaftError:
    return MADE.get(name, lambda kind: kind("what happened"))(CLASSES[name])


@pytest.mark.parametrize("name", CLASSES)
def test_the_message_is_the_text_and_nothing_else(name: str):
    assert str(make(name)) == make(name).args[0]


@pytest.mark.parametrize("name", CLASSES)
def test_an_error_survives_the_way_into_another_process(name: str):
    """A task in a process of its own, or a caller in a pool, raises it there."""
    error = make(name)
    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is type(error)
    assert (str(copy), vars(copy)) == (str(error), vars(error))


def test_every_error_can_be_imported_from_the_package():
    import lineshaft

    missing = [name for name in CLASSES if getattr(lineshaft, name, None) is not CLASSES[name]]
    assert missing == []
