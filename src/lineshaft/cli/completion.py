"""What the shell offers when Tab is pressed: statuses, queues, names of tasks, ids and workers, as far as they are quickly had.

Pressing Tab must never print anything else nor take long: where no app, no server or no answer is there in time, nothing is
offered.
"""

import asyncio
import contextlib
import io
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from lineshaft.app import App

PATIENCE_S = 1.0
IDS_AT_MOST = 100

Ask = Callable[["App"], Awaitable[Iterable[str]]]


def words(offered: Sequence[str]) -> Callable[[str], list[str]]:
    """What offers those of these words that begin as what was typed does."""

    def offer(incomplete: str) -> list[str]:
        return beginning(offered, incomplete)

    return offer


def queues(context: typer.Context, incomplete: str) -> list[str]:
    """Offer the queues that ever had a task."""

    async def ask(app: "App") -> list[str]:
        return await app.client.inspector.queue_names()

    return asked(context, incomplete, ask)


def task_names(context: typer.Context, incomplete: str) -> list[str]:
    """Offer the names of the app's tasks."""

    async def ask(app: "App") -> Iterable[str]:
        return [spec.name for spec in app.registry]

    return asked(context, incomplete, ask)


def task_ids(context: typer.Context, incomplete: str) -> list[str]:
    """Offer the ids of the newest tasks."""

    async def ask(app: "App") -> list[str]:
        from lineshaft.inspection.pages import Wanted

        page = await app.client.pages.tasks(Wanted(), IDS_AT_MOST)
        return [summary.task_id for summary in page.items]

    return asked(context, incomplete, ask)


def sessions(context: typer.Context, incomplete: str) -> list[str]:
    """Offer the sessions of the workers that are there."""

    async def ask(app: "App") -> list[str]:
        return [worker.session for worker in await app.client.inspector.workers()]

    return asked(context, incomplete, ask)


def commands(context: typer.Context, incomplete: str) -> list[str]:
    """Offer the commands of a group that takes an argument as well, for which the shell would offer nothing."""
    return beginning(getattr(context.command, "commands", {}), incomplete)


def asked(context: typer.Context, incomplete: str, ask: Ask) -> list[str]:
    """Offer what the app or its server answers; nothing where it does not, or not in time."""
    from lineshaft.cli.chosen import with_app

    async def in_time(app: "App") -> list[str]:
        async with asyncio.timeout(PATIENCE_S):
            return beginning(await ask(app), incomplete)

    logging.disable()
    said = io.StringIO()  # by the app while it is imported
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            return with_app(context, context.params.get("app"), context.params.get("redis_url"), in_time)
    except Exception:  # noqa: BLE001 - whatever it is, this is no place to say it
        return []


def beginning(offered: Iterable[str], incomplete: str) -> list[str]:
    """Those that begin so."""
    return [word for word in offered if word.startswith(incomplete)]
