"""Options that several commands share, and what they lead to: the app and its server."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from lineshaft.app import App

Result = TypeVar("Result")

APP_METAVAR = "M:APP"

AppOption = Annotated[
    str | None,
    typer.Option(
        "--app", metavar=APP_METAVAR, help="The app, as module:name. By default LINESHAFT_APP, else the built-in demo."
    ),
]
AppArgument = Annotated[
    str,
    typer.Argument(
        metavar=APP_METAVAR,
        show_default=False,
        help="The app, as module:name. By default LINESHAFT_APP, else the built-in demo.",
    ),
]
RedisUrlOption = Annotated[
    str | None,
    typer.Option(
        "--redis-url",
        metavar="URL",
        help="The server. By default REDIS_URL, else the one that `lineshaft serve` runs for this project.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
OfQueueOption = Annotated[str | None, typer.Option("--queue", "-q", metavar="NAME", help="Only those of this queue.")]
OfNameOption = Annotated[str | None, typer.Option("--task", metavar="NAME", help="Only those of this name.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
TaskIdArgument = Annotated[str, typer.Argument(metavar="ID", show_default=False, help="The task's id.")]
TaskIdsArgument = Annotated[list[str] | None, typer.Argument(metavar="ID...", show_default=False, help="The tasks' ids.")]
QueueArgument = Annotated[str, typer.Argument(metavar="NAME", show_default=False, help="The queue.")]
QueuesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--queue", "-q", metavar="NAME", help="Take only from this queue; give it again for more, the most wanted first."
    ),
]
ConcurrencyOption = Annotated[
    int | None,
    typer.Option("--concurrency", "-c", min=1, metavar="N", help="Tasks that each worker runs at a time. By default 100."),
]
WorkersOption = Annotated[int | None, typer.Option("--workers", min=1, metavar="N", help="Worker processes. By default 1.")]
GraceOption = Annotated[
    float | None,
    typer.Option("--grace", min=0, metavar="S", help="Seconds that running tasks may go on for on stopping. By default 25."),
]


def chosen_app(context: typer.Context, given: str | None) -> str:
    """The path of the app: given to the command, before its name, in LINESHAFT_APP, or the built-in demo's."""
    from lineshaft.loading import DEMO

    return given or context.find_root().params.get("app") or os.environ.get("LINESHAFT_APP") or DEMO


def started_app(context: typer.Context, argument: str, option: str | None) -> str:
    """The path of the app that a long-running command starts, which may stand as its argument.

    Raises:
        ConfigurationError: it is no path of an app.
    """
    from lineshaft.errors import ConfigurationError

    path = chosen_app(context, argument or option)
    module, _, name = path.partition(":")
    if not module or not name:
        raise ConfigurationError(f"an app is given as module:name, such as shop.tasks:app; this was {path!r}")
    return path


def chosen_redis_url(context: typer.Context, given: str | None) -> str | None:
    """The URL given to the command or before its name; None where neither was."""
    return given or context.find_root().params.get("redis_url") or None


def with_app(
    context: typer.Context, app: str | None, redis_url: str | None, work: Callable[["App"], Awaitable[Result]]
) -> Result:
    """Load the app, have it do this work on a loop of its own, and close its connections.

    Raises:
        ConfigurationError: there is no such app, or a setting is wrong.
    """
    from lineshaft.loading import load_app

    loaded = load_app(chosen_app(context, app))
    if url := chosen_redis_url(context, redis_url):
        loaded.configure(redis_url=url)

    async def run() -> Result:
        try:
            return await work(loaded)
        finally:
            await loaded.close()

    return asyncio.run(run())
