"""`lineshaft serve`: everything with one command."""

from typing import Annotated

import typer

from lineshaft.cli.chosen import chosen_redis_url, started_app
from lineshaft.cli.options import (
    AppArgument,
    AppOption,
    ConcurrencyOption,
    GraceOption,
    QueuesOption,
    RedisUrlOption,
    WorkersOption,
)

HOST = "127.0.0.1"
PORT = 3000


def serve(
    context: typer.Context,
    app_argument: AppArgument = "",
    port: Annotated[
        int, typer.Option("--port", "-p", min=0, max=65535, metavar="N", envvar="PORT", help="Where the API listens.")
    ] = PORT,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="On which address. Beyond this machine it wants --token-file.")
    ] = HOST,
    queues: QueuesOption = None,
    concurrency: ConcurrencyOption = None,
    workers: WorkersOption = None,
    grace: GraceOption = None,
    token_file: Annotated[
        str | None,
        typer.Option(
            "--token-file",
            metavar="PATH",
            envvar="LINESHAFT_TOKEN_FILE",
            help="A file with the token that each request must carry: Authorization: Bearer TOKEN.",
        ),
    ] = None,
    no_auth: Annotated[
        bool, typer.Option("--no-auth", help="Let in whoever reaches the API, also from other machines.")
    ] = False,
    app: AppOption = None,
    redis_url: RedisUrlOption = None,
) -> None:
    """Start everything: the API, a worker and, where no URL is given and REDIS_URL is not set, a server.

    For example: `lineshaft serve shop.tasks:app --port 8000`
    """
    path = started_app(context, app_argument, app)

    from lineshaft.cli.start import run_serve

    code = run_serve(
        path,
        host=host,
        port=port,
        redis_url=chosen_redis_url(context, redis_url),
        concurrency=concurrency,
        workers=workers,
        queues=queues or [],
        grace=grace,
        token_file=token_file,
        no_auth=no_auth,
    )
    raise typer.Exit(code)
