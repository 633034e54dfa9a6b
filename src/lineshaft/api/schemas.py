"""The shapes of what the API takes and gives, for its OpenAPI document. Nothing is parsed or checked with them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from lineshaft.model.lifecycle import Status

ID_PATTERN = "^[0-9A-Za-z_-]{1,64}$"
KEY_PATTERN = r'^"?[!#-\[\]-~]([ !#-\[\]-~]{0,253}[!#-\[\]-~])?"?$'
QUEUE_PATTERN = "^[0-9A-Za-z_.-]{1,64}$"

EXAMPLE_ID = "019ab5d2-6f1e-7c3a-9b52-3f0a1c9d8e47"
EXAMPLE_SESSION = "8c1f0e6ad2f94b7c9a3de50b6471f2c8"
RAN_BY = "The worker that runs it, or ran it last before it ended."
DUE = "When it becomes ready, where it is `scheduled`."

TaskID = Annotated[str, Field(pattern=ID_PATTERN, examples=[EXAMPLE_ID])]
Queue = Annotated[str, Field(pattern=QUEUE_PATTERN, examples=["default"])]
Count = Annotated[int, Field(ge=0)]
Rate = Annotated[float, Field(ge=0)]


class Exact(BaseModel):
    """A shape with these fields and no others."""

    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """Why a request was refused (RFC 9457). Some kinds have further members, such as `argument` or `known_tasks`."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(pattern="^urn:lineshaft:problem:", description="The kind; it stays the same for ever.")
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    argument: str | None = Field(None, description="The argument of the task that is to blame.")
    field: str | None = Field(None, description="The field of the body that is to blame.")
    parameter: str | None = Field(None, description="The parameter of the address that is to blame.")
    known_tasks: list[str] | None = Field(None, description="The names that a task may have.")
    taskID: str | None = Field(None, description="The task to ask for.")  # noqa: N815
    task_status: str | None = Field(None, description="The word that the task has ended with.")
    items: list[Any] | None = Field(None, description="How each item of a batch fared, where none was accepted.")


class NewTask(Exact):
    """A task to queue. What is left out is the task's own, or is chosen by the server."""

    task: str | None = Field(None, description="Its name; by default the app's default task.", examples=["demo.sleep"])
    args: list[Any] = Field([], description="Arguments by position.")
    kwargs: dict[str, Any] = Field({}, description="Arguments by name.", examples=[{"seconds": 2}])
    queue: Queue | None = Field(None, description="In place of the task's own queue.")
    delay: float | None = Field(None, ge=0, le=1e10, description="Seconds from now before which it does not start.")
    id: TaskID | None = Field(
        None, description="In place of a new one. Sending the same again under the same id makes no second task."
    )


class Created(Exact):
    """The task that was queued."""

    taskID: TaskID  # noqa: N815 - the name that the contract gives it


class ItemView(Exact):
    """How one item of a batch fared."""

    outcome: Literal["created", "same", "conflict", "invalid", "refused", "unknown"] = Field(
        description="`created`: queued. `same`: that very task was queued before. `conflict`: other content has its id. "
        "`invalid`: it cannot be queued as it is. `refused`: it was not queued, and may be sent again. "
        "`unknown`: Redis did not say; ask for its status, or send it again under this id."
    )
    taskID: TaskID | None = Field(description="Of the task; null where the item is invalid.")  # noqa: N815
    problem: Problem | None = Field(description="Why it was not queued; null where it was.")


class BatchView(Exact):
    """How the items fared, in the order in which they were sent."""

    items: list[ItemView]


class Retried(Exact):
    """It is ready to run again."""

    taskID: TaskID  # noqa: N815
    status: Literal["pending"]


class StatusView(Exact):
    """Where a task is in its life, and nothing else."""

    status: Status


class ErrorView(Exact):
    """Why a task failed."""

    type: str = Field(examples=["ValueError"])
    message: str
    traceback: str


class AttemptView(Exact):
    """One line of a task's history, the oldest first; null where it is of no such thing."""

    kind: Literal["error", "timeout", "crash", "unknown", "retry"] = Field(
        description="`error`: a try failed. `timeout`: it took too long. `crash`: its worker died. "
        "`unknown`: the worker does not know the task. `retry`: it was run again by hand."
    )
    at: datetime | None
    started_at: datetime | None
    try_number: Count | None
    session: str | None
    was: str | None = Field(description="The word that it had before it was run again by hand.")
    error: ErrorView | None


class TaskView(Exact):
    """All that is kept of one task; null where something has not happened yet."""

    taskID: TaskID  # noqa: N815
    task: str = Field(examples=["demo.sleep"])
    queue: Queue
    status: Status
    tries: Count = Field(description="Runs so far, the present one included; crashes are not in it.")
    crashes: Count = Field(description="How often a worker died while running it.")
    enqueued_at: datetime | None
    due_at: datetime | None = Field(description=DUE)
    started_at: datetime | None
    session: str | None = Field(description=RAN_BY)
    ended_at: datetime | None
    result: Any = Field(description="What it returned.")
    error: ErrorView | None
    attempts: list[AttemptView] = Field(description="What came before: failed tries, crashes, and runs by hand.")


class ErrorLine(Exact):
    """Why a task failed, in short."""

    type: str = Field(examples=["ValueError"])
    message: str


class TaskRow(Exact):
    """One task in a list; null where something has not happened yet."""

    taskID: TaskID  # noqa: N815
    task: str = Field(examples=["demo.sleep"])
    queue: Queue
    status: Status
    enqueued_at: datetime | None
    due_at: datetime | None = Field(description=DUE)
    started_at: datetime | None
    session: str | None = Field(description=RAN_BY)
    ended_at: datetime | None
    error: ErrorLine | None


class TaskPage(Exact):
    """Some tasks, about newest first. A page may have fewer than asked for, and even none, and not be the last."""

    items: list[TaskRow]
    next: str | None = Field(description="The `cursor` of the next page; null where this was the last.")


class Unfinished(Exact):
    """It has not ended."""

    taskID: TaskID  # noqa: N815
    status: Status


class Cancelled(Exact):
    """It had not started, and never will."""

    taskID: TaskID  # noqa: N815
    status: Literal["cancelled"]


class Cancelling(Exact):
    """It runs, and was asked to stop."""

    taskID: TaskID  # noqa: N815
    status: Literal["cancelling"]


class QueueView(Exact):
    """How many tasks of one queue are where."""

    queue: Queue
    ready: Count
    scheduled: Count
    in_progress: Count
    paused: bool


class QueueState(Exact):
    """Whether a queue is paused."""

    queue: Queue
    paused: bool


class Rates(Exact):
    """How many a second."""

    enqueued: Rate
    claimed: Rate
    done: Rate
    failed: Rate
    retried: Rate
    crashed: Rate
    cancelled: Rate


class States(Exact):
    """How many tasks there are with each word. Those that have ended are counted while they are kept."""

    model_config = ConfigDict(extra="forbid", alias_generator=lambda name: name.replace("_", "-"))

    scheduled: Count
    pending: Count
    in_progress: Count
    done: Count
    failed: Count
    cancelled: Count
    expired: Count


class Minute(Exact):
    """What was counted in one minute."""

    model_config = ConfigDict(extra="forbid", alias_generator=lambda name: name.removesuffix("_"))

    from_: datetime
    enqueued: Count
    claimed: Count
    done: Count
    failed: Count
    retried: Count
    crashed: Count
    cancelled: Count


class StatisticsView(Exact):
    """All counts."""

    states: States
    queues: list[QueueView]
    rates: Rates = Field(description="Over these minutes.")
    minutes: Count = Field(description="How many minutes are looked back on, the present one included.")
    counted: list[Minute] = Field(description="Each of those minutes, the present one first.")
    live_sessions: Count = Field(description="Workers whose lease has not ended.")


class WorkerView(Exact):
    """One worker process."""

    session: str = Field(examples=[EXAMPLE_SESSION])
    pid: Count
    host: str
    queues: list[str] = Field(description="The queues it takes from; none means all.")
    running: Count
    started_at: datetime | None
    quiet: bool = Field(description="Whether it was told to claim nothing more, or to stop.")


class TaskTypeView(Exact):
    """A task that can be queued."""

    task: str = Field(description="Its name.", examples=["demo.sleep"])
    queue: Queue = Field(description="Where it waits, where nothing else is asked for.")
    is_default: bool = Field(description="Whether it is what a request without a body queues.")
    description: str | None = Field(description="What its author says of it.")
    positional: list[str] = Field(description="The arguments that `args` may hold, in their order.", examples=[["seconds"]])
    takes_more: bool = Field(description="Whether `args` may hold more than those.")
    arguments: dict[str, Any] = Field(
        description="A JSON Schema of `kwargs`, where `args` is not used.",
        examples=[
            {
                "type": "object",
                "properties": {"seconds": {"type": "number"}},
                "required": ["seconds"],
                "additionalProperties": False,
            }
        ],
    )


class Health(Exact):
    """The API answers."""

    status: Literal["ok"]


class Readiness(Exact):
    """The API answers, and so does Redis."""

    status: Literal["ready"]
