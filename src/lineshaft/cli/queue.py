"""`lineshaft queue ...`: look at the queues, pause and resume them."""

from typing import TYPE_CHECKING, Any

import typer

from lineshaft.cli.options import AppOption, JsonOption, QueueArgument, RedisUrlOption, with_app
from lineshaft.cli.output import print_json, print_table

if TYPE_CHECKING:
    from lineshaft.app import App

COLUMNS = ("queue", "ready", "scheduled", "in_progress", "paused")

group = typer.Typer(no_args_is_help=True, help="Look at the queues, pause and resume them.")


@group.callback()
def options() -> None:
    """Look at the queues, pause and resume them."""


@group.command("ls")
def list_queues(
    context: typer.Context, as_json: JsonOption = False, app: AppOption = None, redis_url: RedisUrlOption = None
) -> None:
    """List the queues, and how many tasks of each are ready, scheduled and in progress."""

    async def work(loaded: "App") -> list[dict[str, Any]]:
        from lineshaft.views import queue_view

        return [queue_view(counts) for counts in await loaded.client.inspector.queues()]

    views = with_app(context, app, redis_url, work)
    if as_json:
        print_json(views)
    else:
        print_table(COLUMNS, views, nothing="There are no queues yet.")


@group.command()
def pause(context: typer.Context, name: QueueArgument, app: AppOption = None, redis_url: RedisUrlOption = None) -> None:
    """Pause a queue: no worker, on any machine, starts a task of it once this has printed `paused`.

    What runs goes on, and tasks are still accepted. A queue stays paused until `queue resume`, also when all is restarted.
    """

    async def work(loaded: "App") -> None:
        await loaded.client.pause(name)

    checked_name(name)
    with_app(context, app, redis_url, work)
    typer.echo("paused")


@group.command()
def resume(context: typer.Context, name: QueueArgument, app: AppOption = None, redis_url: RedisUrlOption = None) -> None:
    """Let workers start tasks of a paused queue again, at once."""

    async def work(loaded: "App") -> None:
        await loaded.client.resume(name)

    checked_name(name)
    with_app(context, app, redis_url, work)
    typer.echo("resumed")


def checked_name(name: str) -> None:
    """Refuse what cannot be a queue's name, before anything is connected.

    Raises:
        ConfigurationError: it cannot.
    """
    from lineshaft.task_function import checked_queue

    checked_queue(name)
