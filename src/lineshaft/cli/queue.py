"""`lineshaft queue ...`: look at the queues."""

from typing import TYPE_CHECKING, Any

import typer

from lineshaft.cli.options import AppOption, JsonOption, RedisUrlOption, with_app
from lineshaft.cli.output import print_json, print_table

if TYPE_CHECKING:
    from lineshaft.app import App

COLUMNS = ("queue", "ready", "scheduled", "in_progress", "paused")

group = typer.Typer(no_args_is_help=True, help="Look at the queues.")


@group.callback()
def options() -> None:
    """Look at the queues."""


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
