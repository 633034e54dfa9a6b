"""`lineshaft queue ...`: look at the queues, pause and resume them, cancel what waits in one."""

from typing import TYPE_CHECKING, Any

import typer

from lineshaft.cli.chosen import with_app
from lineshaft.cli.many import counted, is_agreed
from lineshaft.cli.options import AppOption, JsonOption, QueueArgument, RedisUrlOption, YesOption
from lineshaft.cli.output import print_json, print_table, progress

if TYPE_CHECKING:
    from lineshaft.app import App

NAMED = 10  # queues, where one may have been misspelled
COLUMNS = ("queue", "ready", "scheduled", "in_progress", "paused")

group = typer.Typer(no_args_is_help=True, help="Look at the queues, pause and resume them, cancel what waits.")


@group.callback()
def options() -> None:
    """Look at the queues, pause and resume them, cancel what waits."""


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
    One that has never had a task may be paused too; it says so, in case another was meant.
    """

    async def work(loaded: "App") -> list[str]:
        used = await loaded.client.inspector.used_queues()
        await loaded.client.pause(name)
        return used

    checked_name(name)
    used = with_app(context, app, redis_url, work)
    typer.echo("paused")
    if name not in used:
        typer.echo(doubt(name, used), err=True)


def doubt(name: str, used: list[str]) -> str:
    """What to say of a queue that may have been misspelled, with those of the most similar names."""
    from difflib import get_close_matches

    named = ", ".join(get_close_matches(name, used, NAMED, cutoff=0))
    more = f" and {len(used) - NAMED:,} more" if len(used) > NAMED else ""
    return f"queue {name!r} has never had a task; there are: {named}{more}. To take it back: lineshaft queue resume {name}"


@group.command()
def resume(context: typer.Context, name: QueueArgument, app: AppOption = None, redis_url: RedisUrlOption = None) -> None:
    """Let workers start tasks of a paused queue again, at once."""

    async def work(loaded: "App") -> None:
        await loaded.client.resume(name)

    checked_name(name)
    with_app(context, app, redis_url, work)
    typer.echo("resumed")


@group.command()
def purge(
    context: typer.Context,
    name: QueueArgument,
    yes: YesOption = False,
    app: AppOption = None,
    redis_url: RedisUrlOption = None,
) -> None:
    """Cancel all tasks of a queue that have not started, and print how many that were.

    They stay on record as `cancelled`, and `task retry` runs them again; `queue ls` counts them until a worker passes them.
    What runs goes on, but for a task that starts in the very moment: that one is asked to stop.
    """

    async def count(loaded: "App") -> int:
        return sum([len(ids) async for ids in loaded.client.inspector.not_started(name)])

    async def cancel(loaded: "App") -> int:
        cancelled = 0
        with progress(amount, "cancelling") as advance:
            async for ids in loaded.client.inspector.not_started(name):
                words = await loaded.client.cancel_many(ids)
                cancelled += sum(word in {"cancelled", "cancelling"} for word in words)
                advance(len(ids))
        return cancelled

    checked_name(name)
    amount = with_app(context, app, redis_url, count)
    if amount and not (yes or is_agreed(f"Cancel {counted(amount)} of queue {name!r}?")):
        typer.echo("Nothing was cancelled.", err=True)
        raise typer.Exit(1)
    typer.echo(f"{counted(with_app(context, app, redis_url, cancel))} cancelled")


def checked_name(name: str) -> None:
    """Refuse what cannot be a queue's name, before anything is connected.

    Raises:
        ConfigurationError: it cannot.
    """
    from lineshaft.task_function import checked_queue

    checked_queue(name)
