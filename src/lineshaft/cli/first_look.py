"""A look at a server before anything is started on it: what would keep it from working, and what could lose tasks there.

It reads INFO, on a connection that it closes again. A server that is away is no error here, for it may still come.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from lineshaft.blocking import LoopThread
from lineshaft.broker.connection import Connection
from lineshaft.cli.welcome import shown_url, url_word
from lineshaft.errors import ConfigurationError, LineshaftError, ServerUnavailableError
from lineshaft.inspection.checkup import Checkup
from lineshaft.inspection.inspector import Inspector
from lineshaft.protocol.keys import Keys
from lineshaft.telemetry import logger

log = logger("server")

LOOK_S = 3.0
OLDEST = (6, 2)
SAFE_POLICY = "noeviction"
NEEDED = "Lineshaft needs Redis 6.2 or newer, or Valkey: give the URL of one, or none, and `lineshaft serve` brings its own"


def look_at(url: str) -> None:
    """Look at the server of a URL, and warn of what could be lost there.

    Raises:
        ConfigurationError: the URL, the user or the password is wrong, or the server is too old; it will not work ever.
    """
    check_form(url)
    thread = LoopThread()  # whoever calls this is on a loop already
    try:
        info = thread.run(_info(url))
    except ConfigurationError:
        raise
    except ServerUnavailableError as error:
        log.warning("%s. It is waited for; check that it runs, and the URL in --redis-url or REDIS_URL", error)
    except LineshaftError as error:
        if "unknown command `HELLO`" in str(error):  # Redis 6.0 has it
            raise ConfigurationError(f"the Redis at {shown_url(url)} is too old: {NEEDED}") from error
        log.warning("the server at %s could not be looked at: %s", shown_url(url), error)
    else:
        check_version(url, info or {})
        if warning := warning_of(url, info or {}):
            log.warning("%s", warning)
    finally:
        thread.stop()


def check_form(url: str) -> None:
    """Refuse what redis-py would read as another server than the one that was meant.

    Raises:
        ConfigurationError: it has a path that is no number of a database, as one with a slash too few has.
    """
    parts = urlsplit(url)
    database = parts.path.strip("/")
    if parts.scheme in {"redis", "rediss"} and database and not (parts.netloc and database.isdigit()):
        wrong = f"{database!r} is no number of a database" if parts.netloc else "no host stands after two slashes"
        raise ConfigurationError(f"the Redis URL cannot be used: {wrong}; it looks like {parts.scheme}://host:6379/0")


def check_version(url: str, info: Mapping[str, str]) -> None:
    """Refuse a server that lacks what the scripts need; one that does not say its version is let pass.

    Raises:
        ConfigurationError: it is too old.
    """
    version = info.get("redis_version", "")  # Valkey gives one there too
    parts = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if parts and parts < OLDEST:
        raise ConfigurationError(f"the Redis at {shown_url(url)} is version {version}, which is too old: {NEEDED}")


def warning_of(url: str, info: Mapping[str, str]) -> str | None:
    """What could be lost there, and what mends it; None where the server keeps what it is given."""
    policy = info.get("maxmemory_policy", SAFE_POLICY)
    if policy == SAFE_POLICY:
        return None
    full = (
        "its memory is full"
        if info.get("maxmemory", "0") != "0"
        else "it has a memory limit, which it has not yet, and is full"
    )
    return (
        f"TASKS CAN BE LOST: the Redis at {shown_url(url)} throws keys away when {full} (maxmemory-policy {policy}), and with "
        "them any task, whether it waits, runs or has ended. This mends it: "
        f"lineshaft --redis-url {url_word(url)} redis CONFIG SET maxmemory-policy {SAFE_POLICY} "
        "(and write it into the server's own configuration). `lineshaft doctor` says more"
    )


async def _info(url: str) -> dict[str, str] | None:
    connection, keys = Connection(lambda: url, name="lineshaft-first-look", timeout_s=LOOK_S), Keys()
    try:
        await connection.call("PING")  # whether anybody is let in at all
        return await Checkup(connection, keys, Inspector(connection, keys)).info()
    finally:
        await connection.close()
