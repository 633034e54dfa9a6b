"""Starts the two long-running commands: what `serve` and `worker` have in common, and the embedded server of `serve`.

Loads no app and runs no user code: the children do.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from secrets import token_hex

from lineshaft.access import token_for
from lineshaft.cli.first_look import look_at
from lineshaft.cli.watched import WatchedSupervisor
from lineshaft.cli.welcome import Running, embedded_lines, ready_lines, shown_url
from lineshaft.control import Message
from lineshaft.embedded.server import EmbeddedServer
from lineshaft.errors import ConfigurationError
from lineshaft.settings import Settings, server_url
from lineshaft.telemetry import configure_logging
from lineshaft.worker.supervisor import Plan, Supervisor

API_MODULE = "lineshaft.api.process"


def run_worker(
    app_path: str,
    *,
    queues: Sequence[str] = (),
    concurrency: int | None = None,
    workers: int | None = None,
    burst: bool = False,
    grace: float | None = None,
    redis_url: str | None = None,
) -> int:
    """Run workers until they are told to stop; gives the exit code."""
    given = _given(concurrency=concurrency, workers=workers, grace_s=grace, redis_url=redis_url)
    return _run(Supervisor(Plan(app_path, given, tuple(queues), burst, log_level(), find_server=_join)))


def run_serve(
    app_path: str,
    *,
    host: str,
    port: int,
    redis_url: str | None = None,
    concurrency: int | None = None,
    workers: int | None = None,
    queues: Sequence[str] = (),
    grace: float | None = None,
    token_file: str | None = None,
    no_auth: bool = False,
) -> int:
    """Run the API and workers, and a server of their own where no URL is set, until told to stop; gives the exit code.

    Raises:
        ConfigurationError: the packages that serve the API are not installed, or others could reach it without a token.
    """
    token = token_for(host, token_file, no_auth=no_auth)
    for module in ("fastapi", "uvicorn"):
        if find_spec(module) is None:
            raise ConfigurationError('serving the API needs an extra: pip install "lineshaft[all]"')
    given = _given(concurrency=concurrency, workers=workers, grace_s=grace, redis_url=redis_url)
    servers: list[EmbeddedServer] = []
    with contextlib.ExitStack() as stack:

        def find_server(settings: Settings) -> str | None:
            if settings.redis_url:
                look_at(settings.redis_url)
                say(f"server   {shown_url(settings.redis_url)}")
                return None
            embedded = stack.enter_context(EmbeddedServer())
            running = embedded.start()
            servers.append(embedded)
            say(*embedded_lines(running.url, embedded.folder, is_displaced=embedded.displaced))
            return running.url

        def on_ready(said: dict[str, Message]) -> None:
            settings = said["worker-0"]["loaded"]
            running = Running(
                app=app_path,
                api_url=said[API_MODULE]["url"],
                workers=len(said) - 1,
                concurrency=settings["concurrency"],
                queues=tuple(queues),
                redis_url=settings["redis_url"],
                token_file=token_file,
                task_id=f"hello-{token_hex(2)}",
            )
            say(*ready_lines(running))
            kept_in = str(servers[0].data) if servers else shown_url(settings["redis_url"])
            supervisor.watch(kept_in=kept_in, say=say)

        services = {API_MODULE: {"host": host, "port": port, "token": token, "no_auth": no_auth}}
        plan = Plan(
            app_path,
            given,
            tuple(queues),
            log_level=log_level(),
            services=services,
            find_server=find_server,
            server_ended=lambda: any(server.poll() is not None for server in servers),
            on_ready=on_ready,
        )
        supervisor = WatchedSupervisor(plan)
        return _run(supervisor)


def log_level() -> str:
    """How much the processes say: `LOG_LEVEL`, or INFO."""
    return os.environ.get("LOG_LEVEL", "INFO").upper()


def say(*lines: str) -> None:
    """Print lines, at once; whoever read them may have gone."""
    with contextlib.suppress(OSError):
        print("\n".join(lines), flush=True)


def _join(settings: Settings) -> None:
    """Fail at once where there is no server to join; the address itself is asked for at each connect."""
    server_url(settings)
    if settings.redis_url:
        look_at(settings.redis_url)


def _given(**settings: float | str | None) -> Message:
    return {name: value for name, value in settings.items() if value is not None}


def _run(supervisor: Supervisor) -> int:
    configure_logging(log_level())
    sys.stdout.flush()
    return asyncio.run(supervisor.run())
