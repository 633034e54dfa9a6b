"""`lineshaft redis`: any command for the server, and its reply as `redis-cli` prints it on a pipe."""

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import typer

from lineshaft.cli.chosen import with_app

if TYPE_CHECKING:
    from lineshaft.app import App
    from lineshaft.broker.connection import Connection

PASSES_ALL_ON: dict[str, Any] = {
    "context_settings": {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False},
    "add_help_option": False,
    "options_metavar": "CMD [ARGS]...",
}
STREAMING = {"monitor", "subscribe", "psubscribe", "ssubscribe"}


def redis(context: typer.Context) -> None:
    """Send any command to the server, and print its reply as `redis-cli` does on a pipe.

    For example: `lineshaft redis LRANGE task_queue 0 -1`

    All that follows `redis` goes to the server, so options stand before it: `lineshaft --redis-url URL redis PING`
    """
    if context.args in ([], ["--help"]):
        typer.echo(context.get_help())
        raise typer.Exit(0 if context.args else 2)
    command = [os.fsencode(word) for word in context.args]

    async def work(loaded: "App") -> None:
        from lineshaft.broker.connection import Connection

        connection = Connection(loaded.server_url, name="lineshaft-cli", timeout_s=loaded.settings.call_timeout_s)
        try:
            await connection.call("HELLO", 2)  # the older form of replies is the one that redis-cli prints
            print_reply(await answer(connection, command))
            if context.args[0].lower() in STREAMING:
                await print_stream(connection)
        finally:
            await connection.close()

    with_app(context, None, None, work)


async def answer(connection: "Connection", command: list[bytes]) -> Any:
    """The reply to a command, however long it takes: it may be one that blocks.

    Raises:
        ServerUnavailableError: the connection broke.
        LineshaftError: the server refused the command; the message is the server's own.
    """
    from lineshaft.errors import LineshaftError, ServerUnavailableError

    try:
        return await connection.call(*command, timeout_s=math.inf)
    except LineshaftError as error:
        if isinstance(error, ServerUnavailableError) and error.sent:
            raise
        cause = error.__cause__
        said = f"{getattr(cause, 'status_code', None) or ''} {cause or error}"
        raise LineshaftError(said.strip()) from error


async def print_stream(connection: "Connection") -> None:
    """Print what the server goes on sending, until it or the user ends it."""
    while True:
        message = await connection.listen()
        is_line = all(isinstance(part, int) for part in message)  # MONITOR sends lines, which arrive as their bytes
        print_reply(bytes(message) if is_line else message)


def print_reply(reply: Any) -> None:
    """Print a reply, and a line break after it."""
    typer.echo(raw(reply))


def raw(reply: Any) -> bytes:
    """A reply without quotes or numbering: an element to a line, nothing for nil."""
    if reply is None:
        return b""
    if isinstance(reply, bytes):
        return reply
    if isinstance(reply, list):
        return b"\n".join(raw(part) for part in cast("Sequence[Any]", reply))
    return str(reply).encode()
