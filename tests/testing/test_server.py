"""The server for tests is a real one, for nobody else, and ends with its block."""

import importlib.metadata
import os
import tomllib
from pathlib import Path

import pytest

from lineshaft import App, ConfigurationError, EmbeddedServerError, Settings
from lineshaft.embedded import readiness
from lineshaft.testing import in_test, running_server

PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def test_it_runs_for_the_block_and_leaves_no_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "server").mkdir()

    with running_server(tmp_path / "server") as url:
        port = int(url.rpartition(":")[2])
        assert readiness.ready_pid(port) not in {None, os.getpid()}

    assert readiness.ready_pid(port) is None
    assert not (tmp_path / "state").exists()


def test_two_run_side_by_side_and_not_in_one_folder(tmp_path: Path):
    for name in "ab":
        (tmp_path / name).mkdir()

    with running_server(tmp_path / "a") as first, running_server(tmp_path / "b") as second:
        assert first != second
        with pytest.raises(EmbeddedServerError, match="a folder of its own"), running_server(tmp_path / "a"):
            pass


def test_what_each_test_sets_is_not_for_others_to_set():
    with pytest.raises(ConfigurationError, match="leave them out"), in_test(App("shop"), "redis://x", namespace="mine"):
        pass


def test_an_app_is_as_it_was_also_after_a_failure():
    app = App("shop", settings=Settings(namespace="mine"))

    with pytest.raises(ZeroDivisionError), in_test(app, "redis://x"):
        assert app.settings.namespace.startswith("test-")
        raise ZeroDivisionError

    assert app.settings == Settings(namespace="mine")


def test_pytest_finds_the_plugin_by_its_entry_point():
    declared = tomllib.loads(PYPROJECT.read_text())["project"]["entry-points"]["pytest11"]

    [(name, value)] = declared.items()
    plugin = importlib.metadata.EntryPoint(name, value, "pytest11").load()
    assert {"lineshaft_server", "lineshaft_app"} <= vars(plugin).keys()
    assert name == plugin.__name__  # or a `-p` beside it would register it a second time
