"""Settings: where each comes from, which source goes first, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from lineshaft.errors import ConfigurationError
from lineshaft.settings import Settings, load, server_url

TOML = "[tool.lineshaft]\n{}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, and an environment without any of our variables."""
    import os

    for name in [name for name in os.environ if name.startswith("LINESHAFT_") or name == "REDIS_URL"]:
        monkeypatch.delenv(name)
    return tmp_path


def write(project: Path, *lines: str) -> None:
    (project / "pyproject.toml").write_text("[tool.lineshaft]\n" + "\n".join(lines) + "\n", "utf-8")


def test_without_any_source_every_setting_has_its_default(project: Path):
    assert load(project=project) == Settings()


@pytest.mark.parametrize(
    ("given", "environment", "file", "expected"),
    [
        (5, "6", "7", 5),
        (None, "6", "7", 6),
        (None, "", "7", 7),
        (None, None, "7", 7),
        (None, None, None, 100),
        (5, None, None, 5),
        (5, None, "7", 5),
    ],
)
def test_an_argument_goes_before_the_environment_and_that_before_the_file(
    project: Path, monkeypatch: pytest.MonkeyPatch, given: int | None, environment: str | None, file: str | None, expected: int
):
    if environment is not None:
        monkeypatch.setenv("LINESHAFT_CONCURRENCY", environment)
    if file is not None:
        write(project, f"concurrency = {file}")

    assert load({"concurrency": given}, project).concurrency == expected


def test_sources_complete_each_other(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LINESHAFT_WORKERS", "3")
    write(project, "grace_s = 9", 'namespace = "shop"')

    found = load({"concurrency": 7}, project)

    assert (found.workers, found.grace_s, found.namespace, found.concurrency) == (3, 9.0, "shop", 7)


@pytest.mark.parametrize("name", Settings.__struct_fields__)
def test_every_setting_can_come_from_the_environment(project: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    default = getattr(Settings(), name)
    other = f"{default}x" if isinstance(default, str) or default is None else default + 1
    monkeypatch.setenv(f"LINESHAFT_{name.upper()}", str(other))
    given = {"lease_s": 60.0} if name == "renew_s" else {}

    assert getattr(load(given, project), name) == other


def test_the_server_can_be_named_as_everybody_names_it(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REDIS_URL", "redis://env:1")
    write(project, 'redis_url = "redis://file:1"')

    assert load(project=project).redis_url == "redis://env:1"
    assert load({"redis_url": "redis://flag:1"}, project).redis_url == "redis://flag:1"
    assert server_url(load(project=project)) == "redis://env:1"


def test_variables_of_other_purpose_are_left_alone(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LINESHAFT_APP", "shop:app")
    monkeypatch.setenv("CONCURRENCY", "9")

    assert load(project=project) == Settings()


@pytest.mark.parametrize("text", ["", "[tool.other]\nx = 1\n", "[project]\nname = 'x'\n", "[tool]\n"])
def test_a_project_that_says_nothing_of_us_sets_nothing(project: Path, text: str):
    (project / "pyproject.toml").write_text(text)

    assert load(project=project) == Settings()


@pytest.mark.parametrize("text", ["x =", "[tool.lineshaft\n", "\x00", "[tool]\nlineshaft = 3\n", "tool = 3\n"])
def test_a_project_file_that_cannot_be_read_is_named(project: Path, text: str):
    (project / "pyproject.toml").write_text(text)

    with pytest.raises(ConfigurationError, match=r"pyproject\.toml"):
        load(project=project)


def test_a_project_file_that_is_no_text_is_named(project: Path):
    (project / "pyproject.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigurationError, match=r"pyproject\.toml"):
        load(project=project)


WRONG: list[tuple[str, Any]] = [
    ("concurrency", "many"),
    ("concurrency", "1.5"),
    ("concurrency", "0"),
    ("concurrency", "-1"),
    ("workers", "0"),
    ("max_crashes", "0"),
    ("done_kept", "-1"),
    ("ended_kept", "-1"),
    ("grace_s", "-1"),
    ("lease_s", "nan"),
    ("lease_s", "inf"),
    ("look_gap_s", "soon"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_refused_by_name_and_by_where_it_came_from(
    project: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
):
    with pytest.raises(ConfigurationError, match=rf"{name}.*an argument|an argument.*{name}"):
        load({name: value}, project)

    monkeypatch.setenv(f"LINESHAFT_{name.upper()}", value)
    with pytest.raises(ConfigurationError, match=rf"{name}.*the environment|the environment.*{name}"):
        load(project=project)


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_refused_wherever_it_comes_from(project: Path, name: str, value: str):
    write(project, f'{name} = "{value}"')

    with pytest.raises(ConfigurationError, match=name):
        load(project=project)


@pytest.mark.parametrize("value", [True, 2.5, [1], {}, b"5"])
def test_an_argument_of_the_wrong_type_is_refused(project: Path, value: Any):
    with pytest.raises(ConfigurationError, match="concurrency"):
        load({"concurrency": value}, project)


def test_an_unknown_setting_is_refused_with_the_known_ones(project: Path):
    with pytest.raises(ConfigurationError, match=r"no setting 'concurency'.*an argument.*concurrency"):
        load({"concurency": 1}, project)

    write(project, "concurency = 1")
    with pytest.raises(ConfigurationError, match=r"no setting 'concurency'.*pyproject\.toml.*concurrency"):
        load(project=project)


def test_between_two_looks_there_is_always_a_renewal():
    """Or a jump of the server's clock would reap workers that are alive."""
    assert Settings().look_gap_s > Settings().renew_s


@pytest.mark.parametrize(("lease_s", "renew_s", "fits"), [(15, 5, True), (10, 5, True), (9.9, 5, False), (15, 8, False)])
def test_a_lease_outlives_one_late_renewal(project: Path, lease_s: float, renew_s: float, fits: bool):
    given = {"lease_s": lease_s, "renew_s": renew_s}
    if fits:
        assert load(given, project).lease_s == lease_s
    else:
        with pytest.raises(ConfigurationError, match=r"lease_s.*renew_s"):
            load(given, project)


def test_settings_cannot_be_changed_afterwards():
    with pytest.raises(AttributeError):
        Settings().concurrency = 5


def test_a_killed_workers_tasks_come_back_within_25_s_by_default():
    """Promise 4: a lease, the gap between two looks, and a look at either end of it."""
    found = Settings()

    assert found.lease_s + found.look_gap_s + 2 * found.look_s <= 25
    assert found.look_gap_s >= found.renew_s, "or a renewal that came after an outage might come too late"
