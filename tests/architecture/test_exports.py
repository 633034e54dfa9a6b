"""What users import: all of it is there, in order, and nothing that is promised is missing."""

import importlib
import inspect

import lineshaft
from lineshaft import errors

PROMISED = {"App", "Retry", "Task", "TaskContext"}


def errors_of(module) -> dict[str, type[Exception]]:
    """The exceptions that a module defines."""
    classes = {name: value for name, value in vars(module).items() if inspect.isclass(value) and issubclass(value, Exception)}
    return {name: value for name, value in classes.items() if value.__module__ == module.__name__ and not name.startswith("_")}


def test_the_front_of_the_package_is_sorted_and_whole():
    names = lineshaft.__all__

    assert names == sorted(names)
    assert len(names) == len(set(names))
    assert [name for name in names if not hasattr(lineshaft, name)] == []
    assert PROMISED - set(names) == set()


def test_the_worker_is_where_it_is_promised():
    assert importlib.import_module("lineshaft.worker").__all__ == ["Worker"]


def test_every_error_is_imported_from_the_front_of_the_package():
    missing = {name for name, error in errors_of(errors).items() if getattr(lineshaft, name, None) is not error}

    assert len(errors_of(errors)) > 10
    assert missing == set()


def test_every_error_is_one_of_ours_and_in_the_drawn_tree():
    drawn = errors.__doc__ or ""

    for name, error in errors_of(errors).items():
        assert issubclass(error, errors.LineshaftError), name
        assert f"{name} " in drawn or f"{name}\n" in drawn, f"{name} is not drawn in the docstring of errors.py"
        assert (error.__doc__ or "").strip(), name


def test_an_error_that_is_not_exported_is_found(monkeypatch):
    monkeypatch.delattr(lineshaft, "TaskFailed")

    assert [name for name in errors_of(errors) if not hasattr(lineshaft, name)] == ["TaskFailed"]
