"""Who may use an API: it listens on loopback alone, or it has a token, or somebody said that it needs none."""

import ipaddress
import os
import re
import stat
from pathlib import Path

from lineshaft.errors import ConfigurationError

MOST_BYTES = 4_096

_TOKEN = re.compile(rb"[0-9A-Za-z._~+/-]+=*")  # RFC 6750, section 2.1


def is_loopback(bound: str) -> bool:
    """Whether only programs of this machine can reach a server that is bound there."""
    try:
        return ipaddress.ip_address(bound.strip("[]")).is_loopback
    except ValueError:
        return bound.lower() == "localhost"


def token_for(host: str, token_file: str | None, *, no_auth: bool) -> str | None:
    """The token that an API asks for which is bound to this host; None where it asks for none.

    Raises:
        ConfigurationError: others could reach it, and nobody said who may; or the file cannot be used.
    """
    if no_auth and token_file is not None:
        raise ConfigurationError(
            "--no-auth and a token file exclude each other: leave out one (LINESHAFT_TOKEN_FILE may name one)"
        )
    if token_file is not None:
        return read_token(token_file)
    if not no_auth and not is_loopback(host):
        raise ConfigurationError(
            f"with --host {host} other machines can reach the API, and it has no token: give one with --token-file PATH, "
            "or --no-auth where something in front of it says who may come in"
        )
    return None


def read_token(path: str) -> str:
    """The token in a file, which stands there alone; white space around it is not part of it.

    Raises:
        ConfigurationError: there is no such file, others may open it, or what it holds is no token.
    """
    what = f"the token file {path!r}"
    try:
        with Path(path).open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            token = file.read(MOST_BYTES + 1).strip()
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{what} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if mode & stat.S_IRWXO:
        raise ConfigurationError(f"{what} is open to every user of this machine: chmod 600 it")
    if not token:
        raise ConfigurationError(f"{what} is empty: put a long random text into it, such as that of: openssl rand -hex 32")
    if len(token) > MOST_BYTES or _TOKEN.fullmatch(token) is None:
        raise ConfigurationError(f"{what} must hold one line of 0-9, A-Z, a-z, ., _, ~, +, / and -, {MOST_BYTES} at most")
    return token.decode()
