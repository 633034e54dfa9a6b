"""The sockets that the API listens on, made before anything else so that a taken port is said at once."""

import errno
import http.client
import json
import socket

from lineshaft.api.guard import name_of
from lineshaft.errors import ConfigurationError

BACKLOG = 2048
ASK_S = 0.5  # for whoever has the port to say who it is
MOST_BYTES = 1_000
ASKED_AT = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "localhost"}  # noqa: S104 - not bound here


def listen(host: str, port: int) -> list[socket.socket]:
    """Listen on every address that a host stands for; port 0 takes a free one, the same for all.

    Raises:
        ConfigurationError: the host is none of this machine's, or the port is taken or not for this user.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(
            f"the API cannot listen on host {host!r} ({error}): give --host an address of this machine"
        ) from error
    sockets: list[socket.socket] = []
    for family, address in dict.fromkeys((entry[0], str(entry[4][0])) for entry in found):
        try:
            sockets.append(_listen_on(family, address, sockets[0].getsockname()[1] if sockets else port))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL and len(found) > 1:
                continue  # `localhost` stands for ::1 too, also where there is no IPv6
            for opened in sockets:
                opened.close()
            raise ConfigurationError(_refusal(host, port, error)) from error
    if not sockets:
        raise ConfigurationError(f"the API cannot listen on host {host!r}: give --host an address of this machine")
    return sockets


def url_of(host: str, sockets: list[socket.socket]) -> str:
    """Where a browser on this machine finds the API."""
    shown = "localhost" if host in {"127.0.0.1", "0.0.0.0", "::", ""} else name_of(host)  # noqa: S104 - not bound here
    return f"http://{shown}:{sockets[0].getsockname()[1]}"


def _listen_on(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    return socket.create_server((address, port), family=family, backlog=BACKLOG)


def _refusal(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        whose = "another Lineshaft" if _is_lineshaft(host, port) else "another program"
        return f"port {port} on {host} is taken by {whose}: stop that one, or choose another port with --port"
    if error.errno == errno.EACCES:
        return f"this user may not listen on port {port}: choose one above 1023 with --port"
    return f"the API cannot listen on {host}, port {port} ({error.strerror}): choose others with --host and --port"


def _is_lineshaft(host: str, port: int) -> bool:
    """Whether what listens there says of its health what an API of ours says."""
    asked = http.client.HTTPConnection(ASKED_AT.get(host, host), port, timeout=ASK_S)
    try:
        asked.request("GET", "/healthz")
        answer = asked.getresponse()
        return answer.status == http.client.OK and json.loads(answer.read(MOST_BYTES)) == {"status": "ok"}
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        asked.close()
