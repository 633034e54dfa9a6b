"""Options and arguments that several commands share."""

from typing import Annotated

import typer

from lineshaft.cli import completion

APP_METAVAR = "M:APP"
APP_HELP = "The app, as module:name. By default LINESHAFT_APP, else the built-in demo."

AppOption = Annotated[str | None, typer.Option("--app", metavar=APP_METAVAR, help=APP_HELP)]
AppArgument = Annotated[str, typer.Argument(metavar=APP_METAVAR, show_default=False, help=APP_HELP)]
RedisUrlOption = Annotated[
    str | None,
    typer.Option(
        "--redis-url",
        metavar="URL",
        help="The server. By default REDIS_URL, else the one that `lineshaft serve` runs for this project.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
OfQueueOption = Annotated[
    str | None,
    typer.Option("--queue", "-q", metavar="NAME", help="Only those of this queue.", autocompletion=completion.queues),
]
OfNameOption = Annotated[
    str | None, typer.Option("--task", metavar="NAME", help="Only those of this name.", autocompletion=completion.task_names)
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
TaskIdArgument = Annotated[
    str, typer.Argument(metavar="ID", show_default=False, help="The task's id.", autocompletion=completion.task_ids)
]
TaskIdsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID...", show_default=False, help="The tasks' ids.", autocompletion=completion.task_ids),
]
QueueArgument = Annotated[
    str, typer.Argument(metavar="NAME", show_default=False, help="The queue.", autocompletion=completion.queues)
]
QueuesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--queue",
        "-q",
        metavar="NAME",
        help="Take only from this queue; give it again for more, the most wanted first.",
        autocompletion=completion.queues,
    ),
]
ConcurrencyOption = Annotated[
    int | None,
    typer.Option("--concurrency", "-c", min=1, metavar="N", help="Tasks that each worker runs at a time. By default 100."),
]
WorkersOption = Annotated[int | None, typer.Option("--workers", min=1, metavar="N", help="Worker processes. By default 1.")]
GraceOption = Annotated[
    float | None,
    typer.Option("--grace", min=0, metavar="S", help="Seconds that running tasks may go on for on stopping. By default 25."),
]
