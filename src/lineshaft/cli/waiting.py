"""Waits for a task's end, and says what keeps it from coming: for `task wait` and `enqueue --wait`."""

import asyncio
from typing import TYPE_CHECKING, Any

import typer

from lineshaft.cli.output import print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineshaft.app import App
    from lineshaft.inspection.inspector import WorkerInfo

LOOK_S = 1.0


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
    watch = asyncio.create_task(say_hindrances(app, task_id))
    try:
        result = await task.result(timeout_s)
    except TaskError:
        if as_json:
            print_json(await view_of(app, task_id))
        raise
    finally:
        watch.cancel()
    print_json(await view_of(app, task_id) if as_json else result)


async def say_hindrances(app: "App", task_id: str) -> None:
    """Say on stderr what keeps a task from starting, and that it is over when the server was away, until cancelled."""
    from lineshaft.errors import LineshaftError

    said, away = None, False
    while True:
        await asyncio.sleep(LOOK_S)
        try:
            hindrance = await hindrance_of(app, task_id)
            if away:
                typer.echo("Redis is back", err=True)
            away = False
        except LineshaftError:
            hindrance, away = "Redis cannot be reached: waiting until it is back", True
        if hindrance is not None and hindrance != said:
            typer.echo(hindrance, err=True)
        said = hindrance


async def hindrance_of(app: "App", task_id: str) -> str | None:
    """Why a task is ready and nobody takes it; None where it is not ready, or somebody will.

    Raises:
        LineshaftError: Redis cannot be asked.
    """
    from lineshaft.protocol.keys import DEFAULT_QUEUE

    inspector = app.client.inspector
    record = await inspector.task(task_id)
    if record.status != "pending":
        return None
    queue = record.envelope.queue if record.envelope else DEFAULT_QUEUE
    if any(counts.paused for counts in await inspector.queues() if counts.queue == queue):
        return f"The task waits: the queue {queue!r} is paused (`lineshaft queue resume {queue}`)"
    return nobody_takes(queue, await inspector.workers())


def nobody_takes(queue: str, workers: "Sequence[WorkerInfo]") -> str | None:
    """Why none of these workers takes from a queue; None where one does."""
    if not workers:
        return "The task waits: no worker runs; start one with `lineshaft worker module:name`"
    from_it = [worker for worker in workers if not worker.queues or queue in worker.queues]
    if not from_it:
        return f"The task waits: no worker takes from the queue {queue!r} (`lineshaft worker ls` says from which they do)"
    if all(worker.quiet for worker in from_it):
        return f"The task waits: every worker that takes from the queue {queue!r} was told to be quiet or to stop"
    return None


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
