"""Who may use an API: loopback, a token, or a word that it needs none."""

from pathlib import Path

import pytest

from lineshaft.access import MOST_BYTES, is_loopback, read_token, token_for
from lineshaft.errors import ConfigurationError

TOKEN = "9f86d081884c7d65-9a2f~+/="


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "LocalHost"])
def test_on_loopback_no_token_is_needed(host: str):
    assert is_loopback(host)
    assert token_for(host, None, no_auth=False) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.0.0.1", "localhost.example", "::ffff:10.0.0.1", "127.0.0.1.example"])
def test_beyond_loopback_somebody_must_say_who_may_come_in(host: str, file: Path):
    with pytest.raises(ConfigurationError, match="--token-file PATH, or --no-auth"):
        token_for(host, None, no_auth=False)
    assert token_for(host, str(file), no_auth=False) == TOKEN
    assert token_for(host, None, no_auth=True) is None


def test_a_token_holds_on_loopback_too(file: Path):
    assert token_for("127.0.0.1", str(file), no_auth=False) == TOKEN


def test_a_token_and_no_authentication_exclude_each_other(file: Path):
    with pytest.raises(ConfigurationError, match="exclude"):
        token_for("0.0.0.0", str(file), no_auth=True)


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o644, 0o666, 0o601])
def test_a_file_that_everybody_may_open_is_refused(file: Path, mode: int):
    file.chmod(mode)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        read_token(str(file))


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o400])
def test_the_owner_and_a_group_may_open_it(file: Path, mode: int):
    file.chmod(mode)
    assert read_token(str(file)) == TOKEN


@pytest.mark.parametrize("content", ["", "\n", " \t\r\n"])
def test_an_empty_file_is_refused(file: Path, content: str):
    file.write_text(content)
    with pytest.raises(ConfigurationError, match="is empty"):
        read_token(str(file))


@pytest.mark.parametrize("content", ["two words", "two\nlines", "ä", "a\0b", "=", "a" * (MOST_BYTES + 1)])
def test_what_is_no_token_is_refused_and_not_shown(file: Path, content: str):
    file.write_text(content)
    with pytest.raises(ConfigurationError, match="must hold one line") as refused:
        read_token(str(file))
    assert content not in str(refused.value) or content == "="


def test_a_missing_file_is_named(tmp_path: Path):
    for path in (tmp_path / "nowhere", tmp_path, tmp_path / "a\0b"):
        with pytest.raises(ConfigurationError, match="cannot be read"):
            read_token(str(path))
