"""What `serve` says when it starts: what runs where, and three commands to try. They work as they are printed."""

import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

DEMO = "lineshaft.demo:app"  # as `lineshaft.loading` has it, which nothing here may load
PING = "lineshaft.ping"  # every app has it, and it takes no arguments


@dataclass(frozen=True, kw_only=True)
class Running:
    """What runs, once all of it is ready.

    Attributes:
        app: path of the app.
        api_url: where a browser on this machine finds the API.
        workers, concurrency: worker processes, and how many tasks each runs at a time.
        queues: those that they take from; none is all.
        redis_url: the server, where somebody chose one; None is the embedded one, which every command finds by itself.
        token_file: the file with the token that requests must carry, where they must.
        task_id: for the task to try with; no task of an earlier start may have it.
    """

    app: str
    api_url: str
    workers: int
    concurrency: int
    queues: tuple[str, ...]
    redis_url: str | None
    token_file: str | None
    task_id: str


def embedded_lines(url: str, state_folder: Path, *, is_displaced: bool) -> list[str]:
    """Where the embedded server is, and what it keeps where."""
    lines = [f"server   {url} (embedded)"]
    if is_displaced:
        lines.append("         port 6379 is another server's; to use that one: REDIS_URL=redis://127.0.0.1:6379")
    return [*lines, f"state    {state_folder} (its data, and its log)"]


def ready_lines(running: Running) -> list[str]:
    """What runs besides the server, and what to try."""
    workers = f"{running.workers} worker processes" if running.workers > 1 else "1 worker process"
    at_a_time = f"{running.concurrency} tasks" if running.concurrency > 1 else "1 task"
    queues = f", queues {', '.join(running.queues)}" if running.queues else ""
    return [
        f"api      {running.api_url} (in a browser: the page; {running.api_url}/openapi.json lists the rest)",
        f"worker   {running.app}, {workers}, {at_a_time} at a time{queues}",
        "",
        "Try these in a second terminal, in the same folder:",
        "",
        *(f"    {line}" for line in to_try(running, lineshaft_command())),
        "",
        "Ctrl-C stops it all; what waits is kept.",
    ]


def to_try(running: Running, lineshaft: str) -> list[str]:
    """Three commands: queue a task, ask how it is, watch everything.

    Args:
        running: what they are for.
        lineshaft: how the command line is called here.
    """
    curl, url = "curl", running.api_url
    if running.token_file is not None:
        curl = f'curl -H "Authorization: Bearer $(cat {shlex.quote(running.token_file)})"'
    named = "" if running.app == DEMO else f'"task": "{PING}", '
    top = [lineshaft, "top"]
    if running.app != DEMO:
        top += ["--app", shlex.quote(running.app)]
    if running.redis_url is not None:
        top += ["--redis-url", url_word(running.redis_url)]
    return [
        f"""{curl} -X POST {shlex.quote(f"{url}/tasks")} -d '{{{named}"id": "{running.task_id}"}}'""",
        f"{curl} {shlex.quote(f'{url}/tasks/{running.task_id}/status')}",
        " ".join(top),
    ]


def lineshaft_command(env: Mapping[str, Any] | None = None) -> str:
    """How this very command line is called in a terminal like this one: by its name where a shell finds it."""
    beside = Path(sys.executable).with_name("lineshaft")
    found = shutil.which("lineshaft", path=None if env is None else env.get("PATH", ""))
    if not beside.is_file():
        return f"{shlex.quote(sys.executable)} -m lineshaft"
    if found is not None and beside.samefile(found):
        return "lineshaft"
    here = Path.cwd()
    return shlex.quote(str(beside.relative_to(here) if beside.is_relative_to(here) else beside))


def shown_url(url: str) -> str:
    """The URL of a server as it may be shown: without user, password and parameters."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def url_word(url: str) -> str:
    """A URL as a word for the shell; one that holds a password is left to the variable, which must hold it there too."""
    return shlex.quote(url) if shown_url(url) == url else '"$REDIS_URL"'
