"""Finding a project, its state and its running server."""

import fcntl
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lineshaft.embedded.locate import (
    LOCK_NAME,
    STATE_NAME,
    RunningServer,
    project_folder,
    running_server,
    running_url,
    state_folder,
)
from lineshaft.errors import ConfigurationError, NoServerError

NOTE = {
    "url": "redis://127.0.0.1:7777",
    "pid": 11,
    "port": 7777,
    "owner_pid": 10,
    "started_at": "2026-11-24T12:00:00Z",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "pyproject.toml").touch()
    return folder


@pytest.fixture
def owned(project: Path) -> Iterator[Path]:
    """The project's state folder, with its lock held as a living owner holds it."""
    folder = state_folder(project)
    folder.mkdir(parents=True)
    with (folder / LOCK_NAME).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def write_note(project: Path, **changes: object) -> None:
    (state_folder(project) / STATE_NAME).write_text(json.dumps({**NOTE, "project": str(project), **changes}))


def test_the_nearest_folder_with_a_pyproject_is_the_project(project: Path):
    inner = project / "src" / "shop"
    inner.mkdir(parents=True)

    assert project_folder(inner) == project
    assert project_folder(project) == project

    (inner / "pyproject.toml").touch()
    assert project_folder(inner) == inner


def test_without_a_pyproject_the_start_is_the_project(tmp_path: Path):
    assert project_folder(tmp_path) == tmp_path.resolve()


def test_the_working_folder_is_where_the_search_starts(project: Path, monkeypatch: pytest.MonkeyPatch):
    (project / "src").mkdir()
    monkeypatch.chdir(project / "src")

    assert project_folder() == project


def test_a_link_to_a_project_is_that_project(project: Path, tmp_path: Path):
    (tmp_path / "link").symlink_to(project)

    assert project_folder(tmp_path / "link") == project
    assert state_folder(tmp_path / "link") == state_folder(project)


def test_projects_of_one_name_have_states_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    one = state_folder(tmp_path / "a" / "shop")
    other = state_folder(tmp_path / "b" / "shop")

    assert one != other
    assert one.parent == other.parent == tmp_path / "state" / "lineshaft"
    name, _, digest = one.name.rpartition("-")
    assert name == "shop"
    assert len(digest) == 8
    assert int(digest, 16) >= 0


@pytest.mark.parametrize("value", [None, "", "relative/state"])
def test_the_state_is_under_the_home_folder_where_xdg_says_nothing_absolute(
    value: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    if value is not None:
        monkeypatch.setenv("XDG_STATE_HOME", value)

    assert state_folder(tmp_path / "shop").parent == tmp_path / ".local" / "state" / "lineshaft"


def test_without_a_home_folder_the_error_says_what_to_set(monkeypatch: pytest.MonkeyPatch):
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)

    with pytest.raises(ConfigurationError, match=r"XDG_STATE_HOME.*REDIS_URL"):
        state_folder(Path("/shop"))


@pytest.mark.parametrize("name", ["n" * 255, "ü" * 127])
def test_a_state_folder_can_be_made_for_a_long_name_too(name: str, project: Path):
    state_folder(project.with_name(name)).mkdir(parents=True)


def test_the_root_folder_can_be_a_project(project: Path):
    assert state_folder(Path("/")).name.startswith("root-")


def test_a_server_whose_owner_lives_is_found(project: Path, owned: Path):
    write_note(project)

    assert running_server(project) == RunningServer(
        url="redis://127.0.0.1:7777",
        pid=11,
        port=7777,
        owner_pid=10,
        project=project,
        started_at=datetime(2026, 11, 24, 12, tzinfo=UTC),
    )
    assert running_url(project) == "redis://127.0.0.1:7777"


def test_a_server_is_found_from_a_folder_inside_the_project(project: Path, owned: Path, monkeypatch: pytest.MonkeyPatch):
    write_note(project)
    (project / "src").mkdir()
    monkeypatch.chdir(project / "src")

    assert running_url() == "redis://127.0.0.1:7777"


def test_no_server_runs_where_none_was_ever_started(project: Path):
    assert running_server(project) is None
    assert not state_folder(project).exists(), "looking makes nothing"


def test_an_owner_that_has_not_said_where_its_server_is_counts_as_none(project: Path, owned: Path):
    assert running_server(project) is None


def test_the_note_of_a_dead_owner_is_not_believed(project: Path):
    folder = state_folder(project)
    folder.mkdir(parents=True)
    (folder / LOCK_NAME).touch()
    write_note(project)

    assert running_server(project) is None


def test_a_note_without_a_lock_file_is_not_believed(project: Path):
    state_folder(project).mkdir(parents=True)
    write_note(project)

    assert running_server(project) is None


@pytest.mark.parametrize(
    "note",
    [b"", b"\xff\xfe", b"{", b"[]", b"null", json.dumps(NOTE).encode(), json.dumps({**NOTE, "project": 5}).encode()],
    ids=["empty", "not text", "half", "a list", "null", "without a project", "a project that is a number"],
)
def test_a_malformed_note_is_not_believed(note: bytes, project: Path, owned: Path):
    (owned / STATE_NAME).write_bytes(note)

    assert running_server(project) is None


def test_a_number_of_the_wrong_kind_is_not_believed(project: Path, owned: Path):
    write_note(project, port="7777")

    assert running_server(project) is None


def test_one_who_looks_is_not_taken_for_an_owner(project: Path):
    folder = state_folder(project)
    folder.mkdir(parents=True)
    write_note(project)
    with (folder / LOCK_NAME).open("w") as looker:
        fcntl.flock(looker, fcntl.LOCK_SH)
        assert running_server(project) is None


def test_without_a_server_the_url_error_is_one_line_that_says_what_to_do(project: Path):
    with pytest.raises(NoServerError) as raised:
        running_url(project)

    assert str(raised.value) == (
        f"no Redis URL is set and no Lineshaft server runs for {project}: start one with `lineshaft serve`, or set REDIS_URL"
    )
