"""The program: its commands put together, and how every one of them ends."""

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.main import get_command

from lineshaft.cli import doctor, enqueue, health, new, queue, redis, serve, stats, task, top, worker
from lineshaft.cli.options import AppOption, RedisUrlOption
from lineshaft.cli.output import mute_stdout, report

program = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
program.command("serve")(serve.serve)
program.command("new")(new.new)
program.add_typer(worker.group, name="worker")
program.command("enqueue")(enqueue.enqueue)
program.add_typer(task.group, name="task")
program.add_typer(queue.group, name="queue")
program.command("stats")(stats.stats)
program.command("top")(top.top)
program.command("health")(health.health)
program.command("doctor")(doctor.doctor)
program.command("redis", **redis.PASSES_ALL_ON)(redis.redis)


def print_version(wanted: bool) -> None:
    """Print the version and stop, where it was asked for."""
    if wanted:
        from importlib.metadata import version

        typer.echo(f"lineshaft {version('lineshaft')}")
        raise typer.Exit


@program.callback()
def options(
    app: AppOption = None,
    redis_url: RedisUrlOption = None,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=print_version, help="Print the version and stop.")
    ] = False,
) -> None:
    """Lineshaft: a task queue on Redis and Valkey that does not lose work.

    `lineshaft serve` starts everything: the API, a worker and, where no URL is given, a server. The other commands join it.

    Exit codes: 0 it worked, 1 what was asked for did not work out, 2 wrong use or settings.
    """


def show_flags_without_value(command: Any) -> None:
    """Have the help of a command, and of those below it, show `--json` where typer shows `--json <bool>`."""
    for parameter in command.get_params(typer.Context(command, **command.context_settings)):
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    for below in getattr(command, "commands", {}).values():
        show_flags_without_value(below)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit code. No error leaves it: each becomes one line on stderr.

    Args:
        arguments: in place of this process's own.
    """
    reconfigure: Any = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")  # as stderr is: what its encoding lacks is no reason to fail
    try:
        command = get_command(program)
        show_flags_without_value(command)
        ended = command(args=arguments, prog_name="lineshaft", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        mute_stdout()
        return 1
    except Exception as error:  # noqa: BLE001 - a command never ends in a traceback
        return report(error)
    return ended if isinstance(ended, int) else 0
