"""Who may speak to the API: the names it goes by, and the pages that may use it.

A page that somebody has open in a browser must not reach the API on his machine. Its requests carry the `Origin` of the
page, which must be one of ours, and where it points a name of its own at 127.0.0.1 (DNS rebinding), `Host` is that name.
A program that is no browser sends no `Origin`, and nothing of this stands in its way. Where there is a token, every request
must carry it, save those that ask how the server is, or for the page, which holds no data.
"""

import secrets
from collections.abc import Collection, Mapping

from lineshaft.access import is_loopback
from lineshaft.api.problems import BAD_REQUEST, FOREIGN_HOST, FOREIGN_ORIGIN, UNAUTHORIZED, Problem
from lineshaft.errors import ConfigurationError

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
ANY_HOST = "*"
PAGE_PATH, PAGE_FILES = "/", "/assets/"
OPEN_PATHS = frozenset({"/healthz", "/readyz", PAGE_PATH})  # whoever probes has no token, and the page asks for it
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def hosts_for(bound: str, given: Collection[str] = ()) -> frozenset[str]:
    """The names a server may be called by, for the address it is bound to.

    Args:
        bound: the address or name that it listens on.
        given: the names that somebody chose. Without any, a server that is bound to more than loopback goes by every name.
    """
    if given:
        return LOOPBACK | {name_of(bound), *given}
    return LOOPBACK | {name_of(bound)} if is_loopback(bound) else frozenset({ANY_HOST})


def name_of(host: str) -> str:
    """A bound address as it stands in a URL: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


class Guard:
    """Refuses requests under foreign names, those of foreign pages, and those without the token where there is one.

    Args:
        hosts: the names the server goes by, without ports; "*" is any.
        token: what a request must carry; None lets everybody in.

    Raises:
        ConfigurationError: the token is empty.
    """

    def __init__(self, hosts: Collection[str], token: str | None = None) -> None:
        if token == "":
            raise ConfigurationError("the token of an API cannot be empty")
        self._token = None if token is None else token.encode()
        self._hosts = frozenset(host.lower().encode() for host in hosts)
        self._any = ANY_HOST.encode() in self._hosts

    def problem(self, method: str, path: str, headers: Mapping[bytes, bytes], http_version: str) -> Problem | None:
        """Why the request is refused; None lets it in."""
        host = headers.get(b"host")
        if host is None:
            if http_version != "1.0":
                return Problem(BAD_REQUEST, "The request has no Host header.")
        elif not self._any and host_name(host) not in self._hosts:
            names = ", ".join(sorted(name.decode() for name in self._hosts))
            return Problem(FOREIGN_HOST, f"This server does not go by {shown(host)}. It goes by: {names}.")
        origin = headers.get(b"origin")
        if origin is not None and not self._is_own(origin, host):
            return Problem(FOREIGN_ORIGIN, f"A page of {shown(origin)} sent this, and that is not this server's.")
        if method not in SAFE_METHODS and headers.get(b"sec-fetch-site") == b"cross-site":
            return Problem(FOREIGN_ORIGIN, "A page of another site sent this.")
        if self._token is not None and not is_open(path) and not carries(headers, self._token):
            return Problem(
                UNAUTHORIZED, "This server wants a token that it knows, in the header: Authorization: Bearer <token>."
            )
        return None

    def _is_own(self, origin: bytes, host: bytes | None) -> bool:
        scheme, separator, authority = origin.lower().partition(b"://")
        if not separator or scheme not in {b"http", b"https"}:
            return False  # `null`, an extension, a file
        return authority == (host or b"").lower() or host_name(authority) in self._hosts


def is_open(path: str) -> bool:
    """Whether everybody may have what stands there."""
    return path in OPEN_PATHS or path.startswith(PAGE_FILES)


def carries(headers: Mapping[bytes, bytes], token: bytes) -> bool:
    """Whether a request carries this token; that takes as long for a token that is nearly right as for any other."""
    scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
    return secrets.compare_digest(given.strip(b" "), token) and scheme.lower() == b"bearer"


def host_name(authority: bytes) -> bytes:
    """The name before the port, in lower case; nothing where it is neither a name nor an address with a port."""
    name, colon, port = authority.lower().rpartition(b":")
    if not colon or port.endswith(b"]"):  # no port; the colon was one of an IPv6 address
        return authority.lower()
    return name if port.isdigit() or not port else b""


def shown(value: bytes) -> str:
    """A header's value for a message."""
    return repr(value[:200].decode("latin-1"))
