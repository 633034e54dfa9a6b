"""`lineshaft serve`: how it reads its words. What it starts is tried elsewhere."""

from typing import Any

import pytest

from lineshaft.cli import start
from lineshaft.cli.program import run

from .conftest import Commands

DEFAULTS = {
    "host": "127.0.0.1",
    "port": 3000,
    "redis_url": None,
    "concurrency": None,
    "workers": None,
    "queues": [],
    "grace": None,
    "token_file": None,
    "no_auth": False,
}


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What `serve` would have started; it ends with 7 instead."""
    calls: list[tuple[str, dict[str, Any]]] = []

    def run_serve(app_path: str, **options: Any) -> int:
        calls.append((app_path, options))
        return 7

    monkeypatch.setattr(start, "run_serve", run_serve)
    for name in ("PORT", "LINESHAFT_APP", "REDIS_URL", "LINESHAFT_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    return calls


@pytest.mark.parametrize(
    ("words", "path", "options"),
    [
        ((), "lineshaft.demo:app", {}),
        (("shop:app",), "shop:app", {}),
        (("--app", "shop:app"), "shop:app", {}),
        (("shop:app", "--port", "8000", "--host", "0.0.0.0"), "shop:app", {"port": 8000, "host": "0.0.0.0"}),
        (("--redis-url", "redis://there", "shop:app"), "shop:app", {"redis_url": "redis://there"}),
        (
            ("--concurrency", "5", "--workers", "2", "--grace", "1.5"),
            "lineshaft.demo:app",
            {"concurrency": 5, "workers": 2, "grace": 1.5},
        ),
        (("-q", "a", "--queue", "b"), "lineshaft.demo:app", {"queues": ["a", "b"]}),
        (("--token-file", "secret"), "lineshaft.demo:app", {"token_file": "secret"}),
        (("--no-auth",), "lineshaft.demo:app", {"no_auth": True}),
    ],
)
def test_its_words_become_what_is_started(started: Any, words: tuple[str, ...], path: str, options: dict[str, Any]) -> None:
    assert run(["serve", *words]) == 7
    assert started == [(path, {**DEFAULTS, **options})]


def test_the_environment_stands_behind_the_words(started: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "4000")
    monkeypatch.setenv("LINESHAFT_APP", "shop:app")
    monkeypatch.setenv("LINESHAFT_TOKEN_FILE", "secret")
    assert run(["serve"]) == 7
    words = ["--app", "other:app", "--redis-url", "redis://there", "serve", "--port", "5000", "--token-file", "other"]
    assert run(words) == 7
    assert started == [
        ("shop:app", {**DEFAULTS, "port": 4000, "token_file": "secret"}),
        ("other:app", {**DEFAULTS, "port": 5000, "redis_url": "redis://there", "token_file": "other"}),
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("shop",), "an app is given as module:name, such as shop:app; this was 'shop'"),
        (("--port", "99999"), "'--port'"),
        (("--port", "high"), "'--port'"),
        (("--workers", "0"), "'--workers'"),
        (("shop:app", "other:app"), "unexpected extra argument"),
    ],
)
def test_wrong_use_is_refused(alone: Commands, words: tuple[str, ...], said: str) -> None:
    assert said in alone("serve", *words).refused(2)


def test_a_wrong_port_in_the_environment_is_named(alone: Commands) -> None:
    assert "PORT" in alone("serve", PORT="high").refused(2)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "tasks.example", ""])
def test_beyond_loopback_it_does_not_start_without_a_token(alone: Commands, host: str) -> None:
    said = alone("serve", "--port", "0", "--host", host).refused(2)
    assert "--token-file" in said
    assert "--no-auth" in said


def test_a_token_file_that_cannot_be_used_keeps_it_from_starting(alone: Commands) -> None:
    assert "No such file" in alone("serve", "--port", "0", "--token-file", "nowhere").refused(2)
    (alone.folder / "open").write_text("sesame")
    (alone.folder / "open").chmod(0o644)
    assert "chmod 600" in alone("serve", "--port", "0", LINESHAFT_TOKEN_FILE="open").refused(2)
    assert "exclude" in alone("serve", "--no-auth", "--token-file", "open").refused(2)


@pytest.mark.parametrize("missing", ["fastapi", "uvicorn"])
def test_without_the_packages_of_the_api_it_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], missing: str
):
    monkeypatch.setattr(start, "find_spec", lambda name: None if name == missing else object())

    assert run(["serve"]) == 2
    assert capsys.readouterr().err == 'error: serving the API needs an extra: pip install "lineshaft[all]"\n'
