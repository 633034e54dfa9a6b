"""`lineshaft health`: for probes. Says nothing that is not needed, and answers with its exit code."""

from typing import TYPE_CHECKING

import typer

from lineshaft.cli.chosen import with_app
from lineshaft.cli.options import AppOption, JsonOption, RedisUrlOption
from lineshaft.cli.output import one_line, print_json

if TYPE_CHECKING:
    from lineshaft.app import App


def health(
    context: typer.Context, as_json: JsonOption = False, app: AppOption = None, redis_url: RedisUrlOption = None
) -> None:
    """Say whether tasks can be accepted and run: Redis is reached and takes writes, and at least one worker claims them.

    Exits with 0 where it is so and with 1 where it is not, and says why not; with 2 where the URL or the password is wrong.
    """

    async def work(loaded: "App") -> str | None:
        checkup = loaded.client.checkup
        refusal = await checkup.write_refusal()
        if refusal is not None:
            return refusal
        live, _ = await checkup.live_sessions()
        if not live:
            return "no worker lives: start one with `lineshaft worker module:name`"
        is_any_claiming = any(not worker.quiet for worker in await loaded.client.inspector.workers())
        return None if is_any_claiming else "every worker was told to be quiet or to stop, so none claims tasks: start another"

    reason = with_app(context, app, redis_url, work)
    if as_json:
        print_json({"healthy": reason is None, "reason": reason})
    else:
        typer.echo("healthy" if reason is None else f"unhealthy: {one_line(reason)}")
    if reason is not None:
        raise typer.Exit(1)
