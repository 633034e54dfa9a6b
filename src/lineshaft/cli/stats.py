"""`lineshaft stats`: how many tasks are where, and how fast they come and go; once, or again each second."""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lineshaft.cli.chosen import with_app
from lineshaft.cli.options import AppOption, JsonOption, RedisUrlOption
from lineshaft.cli.output import print_json, print_table

if TYPE_CHECKING:
    from lineshaft.app import App

AGAIN_S = 1.0
CLEARED = "\x1b[H\x1b[2J"  # the cursor goes home, and the screen is empty
COLUMNS = ("queue", "ready", "scheduled", "in_progress", "paused")
STATE_COLUMNS = ("status", "tasks")


def stats(
    context: typer.Context,
    as_json: JsonOption = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Again each second, until Ctrl-C.")] = False,
    app: AppOption = None,
    redis_url: RedisUrlOption = None,
) -> None:
    """Count the tasks by status and by queue, and say how many came and went in the last five minutes.

    Ended tasks are counted while they are kept: of the done ones a day, of the others a week, by default. A cancelled task
    counts as ready too until a worker passes it.
    """
    from lineshaft.errors import ConfigurationError

    if watch and not as_json and not sys.stdout.isatty():
        raise ConfigurationError("--watch draws on a terminal: add --json for a line of JSON each second, or leave it out")

    async def once(loaded: "App") -> dict[str, Any]:
        from lineshaft.views import statistics_view

        return statistics_view(await loaded.client.counters.statistics())

    async def again(loaded: "App") -> None:
        while True:
            view = await once(loaded)
            if as_json:
                print_json(view)
            else:
                typer.echo(CLEARED, nl=False)
                print_statistics(view)
            sys.stdout.flush()
            await asyncio.sleep(AGAIN_S)

    if watch:
        with_app(context, app, redis_url, again)
        return
    view = with_app(context, app, redis_url, once)
    if as_json:
        print_json(view)
    else:
        print_statistics(view)


def print_statistics(view: dict[str, Any]) -> None:
    """Print the two tables, and the rates in a line."""
    print_table(STATE_COLUMNS, [{"status": word, "tasks": amount} for word, amount in view["states"].items()], nothing="")
    typer.echo()
    print_table(COLUMNS, view["queues"], nothing="")
    rates = ", ".join(f"{rate:,.2f} {what}" for what, rate in view["rates"].items())
    typer.echo(f"\nA second, over the last {view['minutes']} minutes: {rates}")
    typer.echo(f"Workers: {view['live_sessions']}")
