"""Does one thing to many tasks: to those that are named, or to all of a status, after a count and a question."""

import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from lineshaft.cli.chosen import with_app
from lineshaft.cli.output import print_table, progress, report
from lineshaft.cli.waiting import checked_id

if TYPE_CHECKING:
    from lineshaft.app import App
    from lineshaft.inspection.pages import Wanted

AT_MOST = 10_000  # tasks that one command finds by their status: it holds their ids, and each costs some calls
PAGE = 500
REFUSALS_SHOWN = 5
COLUMNS = ("outcome", "tasks")

Act = Callable[[], Awaitable[str]]
Tell = Callable[[str, str], None]


class Deed(NamedTuple):
    """What is done.

    Attributes:
        verb: the command's word, and the method of a task that does it and gives the word the task has afterwards.
        question: with a place for the number of tasks.
        doing: for the bar.
        statuses: of tasks that it may be done to.
    """

    verb: str
    question: str
    doing: str
    statuses: tuple[str, ...]


def for_each(context: typer.Context, app: str | None, redis_url: str | None, task_ids: Sequence[str], deed: Deed) -> None:
    """Do it to each task, and print the word it answers with, after its id where there are several.

    Raises:
        typer.Exit: with 1, where one of them was refused; each refusal is a line on stderr.
        ServerUnavailableError: Redis cannot be reached; what was done before has been printed.
    """

    def tell(task_id: str, word: str) -> None:
        print(word if len(task_ids) == 1 else f"{task_id}  {word}")  # not by typer, which would print into the bar

    async def work(loaded: "App") -> int:
        return await act_on(loaded, task_ids, deed, tell, report)

    if with_app(context, app, redis_url, work):
        raise typer.Exit(1)


def for_all(
    context: typer.Context, app: str | None, redis_url: str | None, status: str, queue: str | None, task: str | None,
    deed: Deed, *, yes: bool,
) -> None:  # fmt: skip
    """Do it to all tasks of a status, and of a queue and a name where those are given; print how many ended up how.

    Raises:
        ConfigurationError: it is not done to tasks of that status, or there is no terminal to ask on.
        typer.Exit: with 1, where the answer was no, or some were refused; the first refusals are lines on stderr.
        ServerUnavailableError: Redis cannot be reached; how far it came has been printed.
    """
    from lineshaft.errors import ConfigurationError
    from lineshaft.inspection.pages import Wanted

    if status not in deed.statuses:
        raise ConfigurationError(f"`task {deed.verb}` takes tasks that are {' or '.join(deed.statuses)}, not {status!r}")
    found, outcomes, refusals = list[str](), Counter[str](), list[Exception]()

    async def find(loaded: "App") -> bool:
        return await find_all(loaded, Wanted(status, queue, task, loaded.default_task), found)

    async def work(loaded: "App") -> int:
        oldest_first = found[::-1]
        return await act_on(loaded, oldest_first, deed, lambda _, word: outcomes.update([word]), refusals.append)

    has_more = with_app(context, app, redis_url, find)
    where = "".join([f" of queue {queue!r}" if queue else "", f" named {task!r}" if task else ""])
    amount = f"{'the newest ' if has_more else ''}{counted(len(found))}"
    if found and not (yes or is_agreed(f"{deed.question.format(amount)} ({status}{where})?")):
        typer.echo("Nothing was done.", err=True)
        raise typer.Exit(1)
    try:
        refused = with_app(context, app, redis_url, work)
    finally:
        rows = [
            {"outcome": word, "tasks": number} for word, number in [*outcomes.items(), ("refused", len(refusals))] if number
        ]
        print_table(COLUMNS, rows, nothing="There are no such tasks.")
        for refusal in refusals[:REFUSALS_SHOWN]:
            report(refusal)
    if has_more:
        typer.echo(f"There are more: the same command again takes the next {AT_MOST:,}", err=True)
    if refused:
        raise typer.Exit(1)


async def find_all(app: "App", wanted: "Wanted", found: list[str]) -> bool:
    """Put the ids of such tasks into `found`, the newest first, at most AT_MOST; says whether there may be more."""
    seen, cursor = dict[str, None](), None
    while True:
        page = await app.client.pages.tasks(wanted, PAGE, cursor)
        seen.update((summary.task_id, None) for summary in page.items)
        cursor = page.next
        if cursor is None or len(seen) >= AT_MOST:
            found += list(seen)[:AT_MOST]
            return cursor is not None or len(seen) > AT_MOST


async def act_on(app: "App", task_ids: Sequence[str], deed: Deed, tell: Tell, refuse: Callable[[Exception], Any]) -> int:
    """Do it to each, with a bar on a terminal where there are several; gives how many were refused.

    Args:
        app: whose tasks they are.
        task_ids: which, in this order.
        deed: what to do.
        tell: is called with each id and what came of it.
        refuse: is called with the error of each that was refused.

    Raises:
        ConfigurationError, ServerUnavailableError: so would all the others be.
    """
    from lineshaft.errors import ConfigurationError, LineshaftError, ServerUnavailableError

    refused = 0
    with progress(len(task_ids) if len(task_ids) > 1 else 0, deed.doing) as advance:
        for task_id in task_ids:
            try:
                act: Act = getattr(app.get_task(checked_id(task_id)), deed.verb)
                word = await act()
            except (ConfigurationError, ServerUnavailableError):
                raise
            except LineshaftError as error:
                refuse(error)
                refused += 1
            else:
                tell(task_id, word)
            advance(1)
    return refused


def counted(amount: int) -> str:
    """A number of tasks in words."""
    return f"{amount:,} task" if amount == 1 else f"{amount:,} tasks"


def is_agreed(question: str) -> bool:
    """Ask on the terminal; outside of any loop, which would keep Ctrl-C from ending the question.

    Raises:
        ConfigurationError: there is no terminal to ask on.
    """
    from lineshaft.errors import ConfigurationError

    if not sys.stdin.isatty():
        raise ConfigurationError(f"{question} There is no terminal to ask on: add --yes if that is what you want")
    typer.echo(f"{question} [y/N] ", nl=False, err=True)
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        typer.echo(err=True)  # the input was closed, in the middle of the line
    return answer.strip().lower() in {"y", "yes"}
