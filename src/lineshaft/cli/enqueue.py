"""`lineshaft enqueue`: one task, from words."""

import asyncio
import contextlib
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lineshaft.cli import completion
from lineshaft.cli.chosen import chosen_app, with_app
from lineshaft.cli.options import AppOption, JsonOption, RedisUrlOption
from lineshaft.cli.output import print_json
from lineshaft.cli.waiting import wait_and_print

if TYPE_CHECKING:
    from collections.abc import Generator

    from lineshaft.app import App
    from lineshaft.task_function import Call, Options


def enqueue(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", show_default=False, help="The name of the task.", autocompletion=completion.task_names),
    ],
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="K=V", show_default=False, help="Arguments by name. A value is JSON where it parses, else a string."
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="JSON", help='All arguments, in place of K=V: {"args": [...], "kwargs": {...}}'),
    ] = None,
    queue: Annotated[
        str | None,
        typer.Option(
            "--queue", "-q", metavar="NAME", help="In place of the task's own queue.", autocompletion=completion.queues
        ),
    ] = None,
    delay: Annotated[
        float | None, typer.Option("--delay", min=0, metavar="S", help="Not before this many seconds from now.")
    ] = None,
    task_id: Annotated[
        str | None,
        typer.Option("--id", metavar="ID", help="In place of a new id. The same task again under it makes no second one."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for its end, and print its result as JSON.")] = False,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0, metavar="S", help="With --wait: at most this many seconds.")
    ] = None,
    as_json: JsonOption = False,
    app: AppOption = None,
    redis_url: RedisUrlOption = None,
) -> None:
    """Enqueue a task, and print its id.

    For example: `lineshaft enqueue demo.echo message=hello --wait`

    With --json it prints {"taskID": ...}; with --wait as well, the whole task, as `task show --json` does.
    With --wait it exits with 1 where the task does not end well or in time.
    """
    from lineshaft.cli.arguments import from_data, from_words
    from lineshaft.errors import ArgumentError, ConfigurationError
    from lineshaft.model.retry import seconds

    words = words or []
    if data is not None and words:
        raise ArgumentError(f"give the arguments as name=value or as --data, not both: {words[0]!r} is the former")
    if timeout is not None and not wait:
        raise ConfigurationError("--timeout says how long --wait may take: give --wait as well, or leave it out")
    args, kwargs = from_words(words) if data is None else from_data(data)
    timeout_s = None if timeout is None else seconds(timeout, "--timeout")
    options = checked_options(queue, delay, task_id)

    async def work(loaded: "App") -> None:
        call = called(loaded, name, args, kwargs, is_demo=is_demo(context, app))
        accepted = await accept(loaded, call, options, words)
        if wait:
            with saying_that_it_was_accepted(accepted):
                await wait_and_print(loaded, accepted, timeout_s, as_json=as_json)
        elif as_json:
            print_json({"taskID": accepted})
        else:
            typer.echo(accepted)

    with_app(context, app, redis_url, work)


def checked_options(queue: str | None, delay: float | None, task_id: str | None) -> "Options":
    """The options of the call.

    Raises:
        ConfigurationError: one of them is not what it should be; the message names it.
    """
    from lineshaft.errors import ConfigurationError
    from lineshaft.model.retry import seconds
    from lineshaft.protocol.keys import is_task_id
    from lineshaft.task_function import Options, checked_queue

    if task_id is not None and not is_task_id(task_id):
        raise ConfigurationError(f"--id {task_id!r} must be 1 to 64 of 0-9, A-Z, a-z, _ and -")
    return Options(
        queue=None if queue is None else checked_queue(queue),
        delay_ms=None if delay is None else round(seconds(delay, "--delay") * 1000),
        task_id=task_id,
    )


def is_demo(context: typer.Context, app: str | None) -> bool:
    """Whether the app is the built-in demo, which is also what one gets who forgot to name his own."""
    from lineshaft.loading import DEMO

    return chosen_app(context, app) == DEMO


def called(app: "App", name: str, args: list[Any], kwargs: dict[str, Any], *, is_demo: bool) -> "Call[Any]":
    """The call of a task by its name.

    Raises:
        UnknownTaskError: no task has that name; the message names those there are, and says whose they are.
    """
    from lineshaft.errors import UnknownTaskError

    try:
        return app.call(name, args, kwargs)
    except UnknownTaskError as error:
        whose = "the built-in demo app: name yours with --app module:name" if is_demo else f"the app {app.name!r}"
        raise UnknownTaskError(f"{error} (those of {whose})") from error


@contextlib.contextmanager
def saying_that_it_was_accepted(task_id: str) -> "Generator[None]":
    """Wait within this, so that nobody takes an end of the wait for a task that was not accepted.

    Raises:
        LineshaftError: in place of one that says nothing of the task.
    """
    from lineshaft.errors import LineshaftError, ResultTimeoutError, TaskError

    try:
        yield
    except asyncio.CancelledError:
        typer.echo(f"task {task_id} was accepted: `lineshaft task wait {task_id}` waits for it again", err=True)
        raise
    except (TaskError, ResultTimeoutError):
        raise
    except LineshaftError as error:
        raise LineshaftError(f"task {task_id} was accepted, but its end cannot be waited for: {error}") from error


async def accept(app: "App", call: "Call[Any]", options: "Options", words: list[str]) -> str:
    """Enqueue the call; gives the task's id, and says on stderr where that very task was there already.

    Raises:
        ArgumentError: an argument does not fit; the message names it, and says how to give it as a string.
        LineshaftError: as `App.submit` raises.
    """
    from lineshaft.cli.arguments import string_hint
    from lineshaft.errors import ArgumentError
    from lineshaft.task_function import Call

    configured: Call[Any] = Call(call.spec, call.args, call.kwargs, options)
    try:
        task = await app.submit(configured, typed=True)
    except ArgumentError as error:
        hint = string_hint(words, error.argument) if "`str`" in str(error) else ""
        raise ArgumentError(f"{error}{hint}", error.argument) from error
    if not task.created:
        typer.echo(f"this very task was there already, and is {await task.status()}: no second one was made", err=True)
    return task.id
