"""The API's process: `python -m lineshaft.api.process <socket> <supervisor's pid>`, started by a supervisor and by nobody else.

Its orders are `app`, `settings`, `host`, `port`, `log_level` and, where somebody chose them, `hosts`, the names it may be
called by, `token`, what requests must carry, and `no_auth`, that they need carry none. It says `{"ready": true, "url": ...}`
when it listens, or `{"failed": ...}` and exits with 2. `{"drain": ...}` has it answer what it was asked, within 3 s, and end.
"""

import asyncio
import contextlib
import os
import resource
import sys

from lineshaft.access import is_loopback
from lineshaft.api.application import create_api
from lineshaft.api.guard import hosts_for
from lineshaft.api.listening import listen, url_of
from lineshaft.api.server import Server, configuration
from lineshaft.app import App
from lineshaft.control import EXIT_DRAINED, EXIT_MISCONFIGURED, ChildEnd, Message
from lineshaft.errors import ConfigurationError
from lineshaft.event_loop import new_loop
from lineshaft.loading import load_app
from lineshaft.telemetry import configure_logging, logger

log = logger("api")

REDIS_S = 2.0  # a request does not wait longer than this for Redis
MOST_FILES = 65_536


def load(orders: Message) -> App:
    """Load the app and configure it for an API, where somebody waits for each answer.

    Raises:
        ConfigurationError: it cannot be loaded, or a setting is wrong.
    """
    app = load_app(orders["app"])
    app.configure(**orders["settings"])
    settings = app.settings
    app.configure(resend_s=min(settings.resend_s, REDIS_S), call_timeout_s=min(settings.call_timeout_s, REDIS_S))
    return app


def serve(line: ChildEnd) -> int:
    """Serve until told to drain; gives the exit code."""
    orders = line.orders
    host: str = orders["host"]
    try:
        app = load(orders)
        sockets = listen(host, orders["port"])
    except ConfigurationError as error:
        line.say({"failed": str(error)})
        return EXIT_MISCONFIGURED
    hosts = hosts_for(host, orders.get("hosts") or ())
    token: str | None = orders.get("token")
    if token is None and (orders.get("no_auth") or not is_loopback(host)):
        log.warning("NO AUTHENTICATION: the API listens on %s, and whoever reaches it can queue, see and cancel tasks", host)
    url = url_of(host, sockets)
    api = create_api(app, hosts=hosts, token=token)
    server = Server(configuration(api), lambda: line.say({"ready": True, "url": url}), api.drain)

    def heard(message: Message) -> None:
        if "drain" in message:
            server.should_exit = True

    line.listen(heard)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(server.serve(sockets))
    return EXIT_DRAINED


def allow_many_connections() -> None:
    """Let the process have as many files as its user may: each connection is one, and those of idle clients count too."""
    with contextlib.suppress(OSError, ValueError):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


def main() -> None:
    """Take the orders, then serve."""
    line = ChildEnd(sys.argv[1:])
    configure_logging(line.orders["log_level"])
    allow_many_connections()
    code = serve(line)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a thread of the app's must not keep the process


if __name__ == "__main__":
    main()
