"""Waits for a task's end, and says so when the server is away meanwhile: for `task wait` and `enqueue --wait`."""

import asyncio
from typing import TYPE_CHECKING, Any

import typer

from lineshaft.cli.output import print_json

if TYPE_CHECKING:
    from lineshaft.app import App

PING_S = 2.0


async def wait_and_print(app: "App", task_id: str, timeout_s: float | None, *, as_json: bool) -> None:
    """Wait for a task's end, then print its result, or the whole task.

    Raises:
        TaskError: it did not end with a result; as JSON, it is printed all the same.
        ResultTimeoutError: it had not ended in time.
        TaskNotFoundError: there is no such task.
        ServerUnavailableError, NoServerError: Redis cannot be reached at the start; a later outage is waited out.
    """
    from lineshaft.errors import TaskError

    task = app.get_task(checked_id(task_id))
    await task.status()
    watch = asyncio.create_task(say_outages(app))
    try:
        result = await task.result(timeout_s)
    except TaskError:
        if as_json:
            print_json(await view_of(app, task_id))
        raise
    finally:
        watch.cancel()
    print_json(await view_of(app, task_id) if as_json else result)


async def say_outages(app: "App") -> None:
    """Say on stderr that the server is away, and that it is back, until cancelled."""
    from lineshaft.errors import LineshaftError

    away = False
    while True:
        await asyncio.sleep(PING_S)
        try:
            await app.client.inspector.ping()
        except LineshaftError:
            if not away:
                typer.echo("Redis cannot be reached: waiting until it is back", err=True)
            away = True
        else:
            if away:
                typer.echo("Redis is back", err=True)
            away = False


async def view_of(app: "App", task_id: str) -> dict[str, Any]:
    """A task in the form that the API has for it; raises as `Inspector.task`."""
    from lineshaft.views import task_view

    return task_view(await app.client.inspector.task(task_id), app.default_task)


def checked_id(task_id: str) -> str:
    """The id, if it can be one.

    Raises:
        TaskNotFoundError: it cannot, so there is no such task.
    """
    from lineshaft.errors import TaskNotFoundError
    from lineshaft.protocol.keys import is_task_id

    if not is_task_id(task_id):
        raise TaskNotFoundError(f"there is no task {task_id!r}: an id is 1 to 64 of 0-9, A-Z, a-z, _ and -")
    return task_id
