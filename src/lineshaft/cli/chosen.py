"""The app and the server that a command is for: as its options, those before its name, and the environment say."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import typer

if TYPE_CHECKING:
    from lineshaft.app import App

Result = TypeVar("Result")


def chosen_app(context: typer.Context, given: str | None) -> str:
    """The path of the app: given to the command, before its name, in LINESHAFT_APP, or the built-in demo's."""
    from lineshaft.loading import DEMO

    return given or context.find_root().params.get("app") or os.environ.get("LINESHAFT_APP") or DEMO


def started_app(context: typer.Context, argument: str, option: str | None) -> str:
    """The path of the app that a long-running command starts, which may stand as its argument.

    Raises:
        ConfigurationError: it is no path of an app.
    """
    from lineshaft.loading import split_path

    path = chosen_app(context, argument or option)
    split_path(path)
    return path


def chosen_redis_url(context: typer.Context, given: str | None) -> str | None:
    """The URL given to the command or before its name; None where neither was."""
    return given or context.find_root().params.get("redis_url") or None


def with_app(
    context: typer.Context, app: str | None, redis_url: str | None, work: Callable[["App"], Awaitable[Result]]
) -> Result:
    """Load the app, have it do this work on a loop of its own, and close its connections.

    Raises:
        ConfigurationError: there is no such app, or a setting is wrong.
    """
    from lineshaft.loading import load_app

    loaded = load_app(chosen_app(context, app))
    if url := chosen_redis_url(context, redis_url):
        loaded.configure(redis_url=url)

    async def run() -> Result:
        try:
            return await work(loaded)
        finally:
            await loaded.close()

    return asyncio.run(run())
