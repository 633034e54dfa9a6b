"""`lineshaft worker ...`: start workers, look at them, tell some of them to be quiet or to stop."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from lineshaft.cli import completion
from lineshaft.cli.chosen import chosen_redis_url, started_app, with_app
from lineshaft.cli.options import (
    APP_HELP,
    APP_METAVAR,
    AppOption,
    ConcurrencyOption,
    GraceOption,
    JsonOption,
    QueuesOption,
    RedisUrlOption,
    WorkersOption,
)
from lineshaft.cli.output import print_json, print_table, report

if TYPE_CHECKING:
    from lineshaft.app import App
    from lineshaft.errors import LineshaftError

COLUMNS = ("session", "pid", "host", "queues", "running", "started_at", "quiet")
TOLD = {"quiet": "told to be quiet", "stop": "told to stop"}
NO_WORKER = "No worker runs: start one with `lineshaft worker module:name`."

SessionsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SESSION",
        show_default=False,
        help="The workers' sessions, as `worker ls` has them, or how they begin.",
        autocompletion=completion.sessions,
    ),
]
AllOption = Annotated[bool, typer.Option("--all", help="All workers that are there now.")]


class WorkerGroup(TyperGroup):
    """Both a command that starts workers, with an app for an argument, and a group of commands."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read a command's name that comes first as that; anything else is for starting workers."""
        if args and args[0] in self.commands:
            return super().parse_args(ctx, ["", *args])  # the empty word fills the place of the app
        ctx.allow_interspersed_args = True
        return super().parse_args(ctx, args)

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters; without the app where a command asks for what comes before its own name in its usage line."""
        params = super().get_params(ctx)
        return params if ctx.command is self else [param for param in params if param.param_type_name != "argument"]


group = typer.Typer(cls=WorkerGroup, invoke_without_command=True, subcommand_metavar="| COMMAND [ARGS]...")


@group.callback()
def start(
    context: typer.Context,
    app_argument: Annotated[
        str, typer.Argument(metavar=APP_METAVAR, show_default=False, help=APP_HELP, autocompletion=completion.commands)
    ] = "",
    queues: QueuesOption = None,
    concurrency: ConcurrencyOption = None,
    workers: WorkersOption = None,
    burst: Annotated[bool, typer.Option("--burst", help="Stop when nothing is left to do.")] = False,
    reload: Annotated[bool, typer.Option("--reload", help="Start again whenever a Python file of the app changes.")] = False,
    grace: GraceOption = None,
    app: AppOption = None,
    redis_url: RedisUrlOption = None,
) -> None:
    """Start workers, and run tasks until told to stop; or look at those that run, and tell some to be quiet or to stop.

    For example: `lineshaft worker shop.tasks:app --queue mail --concurrency 20`
    """
    from lineshaft.errors import ConfigurationError

    commands = ", ".join(f"`lineshaft worker {name}`" for name in list_commands(context))
    if context.invoked_subcommand is not None:
        if app_argument:
            raise ConfigurationError(f"{context.invoked_subcommand!r} comes right after `worker`: {commands}")
        return
    if app_argument and ":" not in app_argument:
        if app_argument in list_commands(context):
            raise ConfigurationError(f"the options of {app_argument!r} come after it: {commands}")
        raise ConfigurationError(
            f"{app_argument!r} is neither an app (module:name, such as shop.tasks:app) nor a command ({commands})"
        )
    path = started_app(context, app_argument, app)

    from lineshaft.cli.start import run_worker

    options: dict[str, Any] = {
        "app_path": path,
        "queues": queues or [],
        "concurrency": concurrency,
        "workers": workers,
        "burst": burst,
        "grace": grace,
        "redis_url": chosen_redis_url(context, redis_url),
    }
    if not reload:
        raise typer.Exit(run_worker(**options))
    if burst:
        raise ConfigurationError("--burst ends when nothing is left to do, and --reload starts again: take one of them")

    from lineshaft.cli.reload import run_reloading

    raise typer.Exit(run_reloading(options))


@group.command("ls")
def list_workers(
    context: typer.Context, as_json: JsonOption = False, app: AppOption = None, redis_url: RedisUrlOption = None
) -> None:
    """List the workers, and how many tasks each runs."""

    async def work(loaded: "App") -> list[dict[str, Any]]:
        from lineshaft.views import worker_view

        return [worker_view(worker) for worker in await loaded.client.inspector.workers()]

    views = with_app(context, app, redis_url, work)
    if as_json:
        print_json(views)
    else:
        rows = [{**view, "queues": view["queues"] or "(all)"} for view in views]
        print_table(COLUMNS, rows, nothing=NO_WORKER)


@group.command()
def quiet(
    context: typer.Context, sessions: SessionsArgument = None, all_workers: AllOption = False,
    app: AppOption = None, redis_url: RedisUrlOption = None,
) -> None:  # fmt: skip
    """Tell workers to claim nothing more: what they run goes on, and they stay until they are told to stop.

    They hear of it within a few seconds. It ends with the worker: one that comes later, or in its place after a crash, claims
    again. Exits with 1 where there is no such worker; the others are told all the same.
    """
    tell(context, app, redis_url, sessions or [], "quiet", everyone=all_workers)


@group.command()
def stop(
    context: typer.Context, sessions: SessionsArgument = None, all_workers: AllOption = False,
    app: AppOption = None, redis_url: RedisUrlOption = None,
) -> None:  # fmt: skip
    """Tell workers to stop, as SIGTERM does: what they run has its grace, then the process ends, and none comes in its place.

    They hear of it within a few seconds. A command whose workers have all ended so ends with 0, `serve` too. Exits with 1 where
    there is no such worker; the others are told all the same.
    """
    tell(context, app, redis_url, sessions or [], "stop", everyone=all_workers)


def tell(
    context: typer.Context, app: str | None, redis_url: str | None, beginnings: Sequence[str], order: str, *, everyone: bool
) -> None:
    """Give an order to the workers whose sessions begin so, or to all, and print for each what it was told.

    Raises:
        ConfigurationError: neither sessions nor --all were given, or both.
        typer.Exit: with 1, where one is not there; each such is a line on stderr.
    """
    from lineshaft.errors import ConfigurationError

    if bool(beginnings) == everyone or "" in beginnings:
        raise ConfigurationError(f"`worker {order}` takes either sessions, as `lineshaft worker ls` has them, or --all")

    async def work(loaded: "App") -> bool:
        there = [worker.session for worker in await loaded.client.inspector.workers()]
        all_told = True
        for beginning in there if everyone else beginnings:
            said = await told(loaded, there, beginning, order)
            if isinstance(said, str):
                typer.echo(said)
            else:
                report(said)
                all_told = False
        if everyone and not there:
            typer.echo(NO_WORKER)
        return all_told

    if not with_app(context, app, redis_url, work):
        raise typer.Exit(1)


async def told(app: "App", there: Sequence[str], beginning: str, order: str) -> "str | LineshaftError":
    """Give an order to the one worker whose session begins so; gives what to say of it, or the error of one that is not there.

    Raises:
        ServerUnavailableError: Redis cannot be reached.
    """
    from lineshaft.errors import LineshaftError

    found = [session for session in there if session.startswith(beginning)] if beginning not in there else [beginning]
    if not found:
        return LineshaftError(f"no worker has the session {beginning!r}: `lineshaft worker ls` lists those that are there")
    if len(found) > 1:
        return LineshaftError(
            f"{beginning!r} is the beginning of {len(found)} sessions, so give more of it: {', '.join(found)}"
        )
    (session,) = found
    stands = await app.client.order(session, order)
    if stands == "gone":
        return LineshaftError(f"the worker of session {session} has just ended")
    return f"{session}  {'' if stands == order else 'was already '}{TOLD[stands]}"


def list_commands(context: typer.Context) -> list[str]:
    """The names of the commands in this group."""
    command = context.command
    return sorted(command.commands) if isinstance(command, WorkerGroup) else []
