"""`lineshaft task ...`: list tasks, look at one, wait for it; cancel tasks, run them again."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lineshaft.cli import completion
from lineshaft.cli.chosen import with_app
from lineshaft.cli.many import Deed, for_all, for_each
from lineshaft.cli.options import (
    AppOption,
    JsonOption,
    OfNameOption,
    OfQueueOption,
    RedisUrlOption,
    TaskIdArgument,
    TaskIdsArgument,
    YesOption,
)
from lineshaft.cli.output import print_json, print_record, print_table, print_text
from lineshaft.cli.waiting import view_of, wait_and_print
from lineshaft.model.lifecycle import Status

if TYPE_CHECKING:
    from lineshaft.app import App

group = typer.Typer(no_args_is_help=True, help="List tasks, look at one, wait for it; cancel tasks, run them again.")

ERROR_SHOWN = 60  # characters of an error in a list
CANCEL = Deed("cancel", "Cancel {}", "cancelling", ("pending", "scheduled", "in-progress"))
RETRY = Deed("retry", "Run {} again", "retrying", ("failed", "cancelled", "expired", "done"))
COLUMNS = ("taskID", "status", "task", "queue", "last", "error")


@group.command("ls")
def list_tasks(
    context: typer.Context,
    status: Annotated[
        str | None,
        typer.Option(
            "--status", metavar="WORD", help="Only those of this status.", autocompletion=completion.words(tuple(Status))
        ),
    ] = None,
    queue: OfQueueOption = None,
    task: OfNameOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, metavar="N", help="At most so many.")] = 50,
    cursor: Annotated[str | None, typer.Option("--cursor", metavar="C", help="Go on after an earlier page.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: the tasks, and the cursor of the next page.")] = False,
    app: AppOption = None,
    redis_url: RedisUrlOption = None,
) -> None:
    """List tasks, about newest first: by their end, else their start, else when they were enqueued.

    That time stands under LAST, but for what is scheduled: there it says when that is due.

    It looks at a thousand tasks at most. Where that was not enough, or where there are more, it says how to go on.
    """

    async def work(loaded: "App") -> tuple[list[dict[str, Any]], str | None]:
        from lineshaft.inspection.pages import Wanted
        from lineshaft.views import task_row

        wanted = Wanted(status, queue, task, loaded.default_task)
        page = await loaded.client.pages.tasks(wanted, limit, cursor)
        return [task_row(summary, loaded.default_task) for summary in page.items], page.next

    items, next_cursor = with_app(context, app, redis_url, work)
    if as_json:
        print_json({"items": items, "next": next_cursor})
    else:
        print_table(COLUMNS, [for_people(item) for item in items], nothing="There are no such tasks.")
        if next_cursor:
            typer.echo(f"There may be more: the same command with --cursor {next_cursor}", err=True)


def for_people(item: dict[str, Any]) -> dict[str, Any]:
    """A task of a list as a row: one time, to the second, which is to come where the task is due later; the error in short."""
    due, last, error = item["due_at"], item["ended_at"] or item["started_at"] or item["enqueued_at"], item["error"]
    said = f"{error['type']}: {error['message']}" if error else None
    return {
        **item,
        "last": f"due {to_the_second(due)}" if due else last and to_the_second(last),
        "error": shortened(said),
    }


def to_the_second(time: str) -> str:
    """A time as the API writes it, for people: `2026-11-30 05:00:00`."""
    return f"{time[:10]} {time[11:19]}"


def shortened(said: str | None) -> str | None:
    """What an error says, cut where it is too long for a row."""
    return said if said is None or len(said) <= ERROR_SHOWN else f"{said[: ERROR_SHOWN - 3]}..."


@group.command()
def show(
    context: typer.Context,
    task_id: TaskIdArgument,
    as_json: JsonOption = False,
    app: AppOption = None,
    redis_url: RedisUrlOption = None,
) -> None:
    """Show all that is kept of a task: where it is, how often it ran, and what came of it."""

    async def work(loaded: "App") -> dict[str, Any]:
        return await view_of(loaded, task_id)

    view = with_app(context, app, redis_url, work)
    if as_json:
        print_json(view)
    else:
        print_task(view)


@group.command()
def wait(
    context: typer.Context,
    task_id: TaskIdArgument,
    timeout: Annotated[float | None, typer.Option("--timeout", min=0, metavar="S", help="At most this many seconds.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the whole task, as `task show --json` does, in place of its result.")
    ] = False,
    app: AppOption = None,
    redis_url: RedisUrlOption = None,
) -> None:
    """Wait for a task's end, and print its result as JSON.

    Exits with 1 where the task failed, was cancelled or expired, or had not ended in time.
    """
    from lineshaft.model.retry import seconds

    timeout_s = None if timeout is None else seconds(timeout, "--timeout")

    async def work(loaded: "App") -> None:
        await wait_and_print(loaded, task_id, timeout_s, as_json=as_json)

    with_app(context, app, redis_url, work)


@group.command()
def cancel(
    context: typer.Context, task_ids: TaskIdsArgument = None,
    status: Annotated[str | None, typer.Option(
        "--status", metavar="WORD", help=f"All that are {', '.join(CANCEL.statuses)}.",
        autocompletion=completion.words(CANCEL.statuses),
    )] = None,
    queue: OfQueueOption = None, task: OfNameOption = None, yes: YesOption = False,
    app: AppOption = None, redis_url: RedisUrlOption = None,
) -> None:  # fmt: skip
    """Cancel tasks: those with these ids, or all of a status, after a count and a question.

    Prints `cancelled` where one had not started, and `cancelling` where it runs and was asked to stop. Exits with 1 where any
    has ended already or does not exist; the others are cancelled all the same.

    For example: `lineshaft task cancel --status scheduled --queue mail`
    """
    to_those_chosen(context, app, redis_url, task_ids, status, queue, task, CANCEL, yes=yes)


@group.command()
def retry(
    context: typer.Context, task_ids: TaskIdsArgument = None,
    status: Annotated[str | None, typer.Option(
        "--status", metavar="WORD", help=f"All that are {', '.join(RETRY.statuses)}.",
        autocompletion=completion.words(RETRY.statuses),
    )] = None,
    queue: OfQueueOption = None, task: OfNameOption = None, yes: YesOption = False,
    app: AppOption = None, redis_url: RedisUrlOption = None,
) -> None:  # fmt: skip
    """Run tasks that have ended again, with fresh tries, at the end of their queues; those with these ids, or all of a status.

    Prints `pending` for each. Exits with 1 where any has not ended or does not exist; the others are run again all the same.

    For example: `lineshaft task retry --status failed --queue mail`
    """
    to_those_chosen(context, app, redis_url, task_ids, status, queue, task, RETRY, yes=yes)


def to_those_chosen(
    context: typer.Context, app: str | None, redis_url: str | None, task_ids: list[str] | None, status: str | None,
    queue: str | None, task: str | None, deed: Deed, *, yes: bool,
) -> None:  # fmt: skip
    """Do it to the tasks with these ids, or to those of this status; raises as `for_each` and `for_all`.

    Raises:
        ConfigurationError: it must be one of the two, and only a status can be narrowed down.
    """
    from lineshaft.errors import ConfigurationError

    if task_ids and not (status or queue or task):
        for_each(context, app, redis_url, task_ids, deed)
    elif status and not task_ids:
        for_all(context, app, redis_url, status, queue, task, deed, yes=yes)
    else:
        raise ConfigurationError("give ids, or --status with --queue and --task to narrow it down, and not both")


def print_task(view: dict[str, Any]) -> None:
    """Print a task for people: its result as JSON, then what happened to it, then the traceback of its error."""
    import msgspec

    from lineshaft.cli import timeline

    error, fields = view["error"], {name: value for name, value in view.items() if name != "attempts"}
    if view["status"] == "done":
        fields["result"] = msgspec.json.encode(view["result"]).decode()
    if error is not None:
        fields["error"] = f"{error['type']}: {error['message']}"
    print_record(fields)
    if rows := timeline.timeline(view):
        typer.echo()
        print_table(timeline.COLUMNS, [{**row, "error": shortened(row["error"])} for row in rows], nothing="")
    if error and error["traceback"]:
        print_text(error["traceback"])
