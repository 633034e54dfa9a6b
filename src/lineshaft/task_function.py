"""Task functions, calls and handles: what a program holds of its tasks. The app they belong to does it all, nothing here."""

import functools
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, cast, overload

import msgspec

from lineshaft.client import Client
from lineshaft.errors import (
    ConfigurationError,
    DamagedRecordError,
    ResultTimeoutError,
    TaskCancelled,
    TaskEndedError,
    TaskExpired,
    TaskFailed,
    TaskNotFoundError,
    TaskNotRetriedError,
)
from lineshaft.ids import KEY_RULE, id_of_key, is_idempotency_key
from lineshaft.model.lifecycle import ENDED
from lineshaft.model.retry import Seconds, seconds
from lineshaft.model.task import TaskContext
from lineshaft.protocol import wire
from lineshaft.protocol.keys import is_queue_name, is_task_id
from lineshaft.protocol.reply import Ended
from lineshaft.registry import TaskSpec
from lineshaft.signature import from_json

LONGEST_DELAY_MS = 10**13  # some 300 years

Direct = ParamSpec("Direct")  # how the function itself is called
P = ParamSpec("P")  # how it is enqueued: without a leading TaskContext
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)  # calls with different results may stand in one list
Returned = TypeVar("Returned")  # what a direct call gives: R, or a coroutine of R


class Options(msgspec.Struct, frozen=True):
    """How one call is enqueued. Times in ms.

    `remembered`: a `task_id` that is given is known beyond its record. `key`: the idempotency key that `task_id` stands for.
    """

    queue: str | None = None
    delay_ms: int | None = None
    task_id: str | None = None
    remembered: bool = True
    key: str | None = None


class Sender(Protocol):
    """What a task function needs of the app it belongs to."""

    @property
    def client(self) -> Client:
        """The client of the running loop."""
        ...

    async def submit(self, call: "Call[R]", *, typed: bool = False) -> "Task[R]":
        """Enqueue one call."""
        ...

    def run_sync(self, coroutine: Coroutine[Any, Any, R]) -> R:
        """Run a coroutine for a caller without a loop."""
        ...


class Call(msgspec.Struct, Generic[R_co], frozen=True):
    """A call to be enqueued: the function, its arguments and how. Made by `TaskFunction.call`."""

    spec: TaskSpec
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    options: Options = Options()


class Task(Generic[R]):
    """A task that was enqueued: ask how it is, wait for its result, cancel it.

    Attributes:
        id: its id.
        created: whether the call that gave this handle made the task; False where that very task was known already, None
            where nothing was enqueued.
    """

    def __init__(self, app: Sender, task_id: str, returns: Any = Any, *, created: bool | None = None) -> None:
        self.id = task_id
        self.created = created
        self._app = app
        self._returns = returns

    def __repr__(self) -> str:
        return f"Task({self.id!r})"

    async def result(self, timeout: Seconds | None = None) -> R:  # noqa: ASYNC109 - it ends the wait, not the task
        """Wait for the task's end and give what it returned, converted to the function's return annotation.

        Args:
            timeout: seconds to wait at most; None waits for ever.

        Raises:
            TaskFailed, TaskCancelled, TaskExpired: it ended otherwise.
            TaskNotFoundError: there is no such task, or its record was trimmed.
            ResultTimeoutError: it had not ended in time (also a TimeoutError).
            DamagedRecordError: the result does not fit the return annotation.
        """
        limit_s = None if timeout is None else seconds(timeout, "timeout")
        try:
            ended = await self._app.client.wait(self.id, limit_s)
        except TimeoutError:
            raise ResultTimeoutError(f"task {self.id} had not ended after {limit_s:g} s; it is kept") from None
        return self._value_of(ended)

    async def status(self) -> str:
        """The status word.

        Raises:
            TaskNotFoundError: there is no such task, or its record was trimmed.
        """
        word = await self._app.client.inspector.status(self.id)
        if word is None:
            raise TaskNotFoundError(f"there is no task {self.id!r}: it never was, or its record was trimmed after its time")
        return word

    async def cancel(self) -> str:
        """Cancel the task: "cancelled" where it had not started, "cancelling" where it runs and was asked to stop.

        Raises:
            TaskEndedError: it has ended already.
            TaskNotFoundError: there is no such task.
        """
        word = await self._app.client.cancel(self.id)
        if word == "unknown":
            raise TaskNotFoundError(f"there is no task {self.id!r}: it never was, or its record was trimmed after its time")
        if word not in {"cancelled", "cancelling"}:
            raise TaskEndedError(f"task {self.id} cannot be cancelled: it has ended, as {word!r}", word)
        return word

    async def retry(self) -> str:
        """Run a task that has ended again, with fresh tries, at the end of its queue; gives its new word, "pending".

        Raises:
            TaskNotRetriedError: it has not ended, or it ran again meanwhile.
            TaskNotFoundError: there is no such task, or nothing is kept that could be run.
            DamagedRecordError: what is kept of it cannot be read.
        """
        client = self._app.client
        word, queue, attempts = await client.inspector.before_retry(self.id)
        if word is None:
            raise TaskNotFoundError(f"there is no task {self.id!r}: it never was, or its record was trimmed after its time")
        if word not in ENDED:
            raise TaskNotRetriedError(f"task {self.id} cannot be retried: it has not ended, it is {word!r}", word)
        answer = await client.retry(self.id, queue, attempts)
        if answer == "unknown":
            raise TaskNotFoundError(f"task {self.id!r} cannot be retried: nothing is kept of what it ran")
        if answer == "damaged":
            raise DamagedRecordError(f"task {self.id} cannot be retried: a key of it or its queue has another type in Redis")
        if answer != "pending":
            raise TaskNotRetriedError(
                f"task {self.id} was not retried: it ran again meanwhile; look at it, and retry it if that is still wanted",
                word,
            )
        return answer

    def result_sync(self, timeout: Seconds | None = None) -> R:
        """As `result`, for callers without a loop."""
        return self._app.run_sync(self.result(timeout))

    def status_sync(self) -> str:
        """As `status`, for callers without a loop."""
        return self._app.run_sync(self.status())

    def cancel_sync(self) -> str:
        """As `cancel`, for callers without a loop."""
        return self._app.run_sync(self.cancel())

    def retry_sync(self) -> str:
        """As `retry`, for callers without a loop."""
        return self._app.run_sync(self.retry())

    def _value_of(self, ended: Ended | None) -> R:
        if ended is None:
            raise TaskNotFoundError(f"there is no task {self.id!r}: it never was, or its record was trimmed after its time")
        outcome = wire.decode_outcome(ended.outcome) if ended.outcome else None
        if ended.status == "cancelled":
            raise TaskCancelled(f"task {self.id} was cancelled", self.id)
        if ended.status == "expired":
            raise TaskExpired(f"task {self.id} was not started in time", self.id)
        if ended.status == "failed":
            error = outcome.error if outcome else None
            if error is None:
                raise TaskFailed(f"task {self.id} failed, and nothing says why", self.id)
            message = f"task {self.id} failed: {error.type}: {error.message}"
            raise TaskFailed(message, self.id, error.type, error.message, error.traceback)
        if outcome is None:  # a foreign consumer ended it, and left no result
            return cast("R", None)
        value = bytes(outcome.value)
        try:
            return cast("R", msgspec.json.decode(value, type=self._returns, dec_hook=from_json))
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise DamagedRecordError(f"the result of task {self.id} does not fit {self._returns}: {error}") from error


class Bound(Generic[P, R]):
    """A task function with options for how its calls are enqueued."""

    def __init__(self, app: Sender, spec: TaskSpec, options: Options) -> None:
        self._app = app
        self._spec = spec
        self._options = options

    def call(self, *args: P.args, **kwargs: P.kwargs) -> Call[R]:
        """A call for `App.enqueue_many`; arguments are checked when it is enqueued."""
        return Call(self._spec, args, kwargs, self._options)

    async def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> Task[R]:
        """Enqueue a call.

        Raises:
            ArgumentError: the arguments do not fit the function, or JSON cannot carry one; nothing was written.
            TaskConflictError: the id or the idempotency key given is taken by other content.
            OutcomeUnknownError: no answer came; enqueuing again under the same id or key is safe.
            ServerUnavailableError, ServerFullError: it was not accepted.
        """
        return await self._app.submit(Call(self._spec, args, kwargs, self._options))

    def enqueue_sync(self, *args: P.args, **kwargs: P.kwargs) -> Task[R]:
        """As `enqueue`, for callers without a loop; safe after a fork."""
        return self._app.run_sync(self._app.submit(Call(self._spec, args, kwargs, self._options)))


class TaskFunction(Bound[P, R], Generic[Direct, P, R, Returned]):
    """A function that is a task. Calling it is calling the plain function; `enqueue` calls it later, in a worker."""

    def __init__(self, app: Sender, spec: TaskSpec, function: Callable[Direct, Returned]) -> None:
        super().__init__(app, spec, Options())
        self._function = function
        functools.update_wrapper(self, function)

    @property
    def name(self) -> str:
        """The name the task is registered under."""
        return self._spec.name

    def __call__(self, *args: Direct.args, **kwargs: Direct.kwargs) -> Returned:
        """Call the plain function, here and now."""
        return self._function(*args, **kwargs)

    def options(
        self,
        *,
        delay: Seconds | None = None,
        queue: str | None = None,
        task_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Bound[P, R]:
        """The same task with options for how its calls are enqueued.

        Args:
            delay: not before this many seconds from now, by the server's clock.
            queue: in place of the task's own queue.
            task_id: in place of a new one: enqueuing the same again within 24 h makes no second task, record or no record.
            idempotency_key: the same for text that is no id, such as "order 4711/mail": the task's id is made from the key
                alone, so that the same key with the same content is the same task, and with other content a conflict.

        Raises:
            ConfigurationError: one of them is not what it should be; the message names it.
        """
        if queue is not None:
            checked_queue(queue)
        if task_id is not None and not is_task_id(task_id):
            raise ConfigurationError(f"task_id {task_id!r} must be 1 to 64 of 0-9, A-Z, a-z, _ and -")
        if idempotency_key is not None:
            if task_id is not None:
                raise ConfigurationError("task_id and idempotency_key both say which task it is: give one of them")
            if not is_idempotency_key(idempotency_key):
                raise ConfigurationError(f"idempotency_key {idempotency_key!r} must be {KEY_RULE}")
            task_id = id_of_key(idempotency_key)
        delay_ms = None if delay is None else round(seconds(delay, "delay") * 1000)
        if delay_ms is not None and delay_ms > LONGEST_DELAY_MS:
            raise ConfigurationError(f"delay must be at most {LONGEST_DELAY_MS // 1000} seconds; it is {delay!r}")
        return Bound(self._app, self._spec, Options(queue, delay_ms, task_id, key=idempotency_key))


class TaskDecorator(Protocol):
    """What `app.task(...)` with settings gives: a decorator, typed for each kind of function."""

    @overload
    def __call__(
        self, function: Callable[Concatenate[TaskContext, P], Coroutine[Any, Any, R]], /
    ) -> TaskFunction[Concatenate[TaskContext, P], P, R, Coroutine[Any, Any, R]]: ...
    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> TaskFunction[P, P, R, Coroutine[Any, Any, R]]: ...
    @overload
    def __call__(
        self, function: Callable[Concatenate[TaskContext, P], R], /
    ) -> TaskFunction[Concatenate[TaskContext, P], P, R, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> TaskFunction[P, P, R, R]: ...


def checked_queue(queue: str) -> str:
    """The name, if it can be a queue's.

    Raises:
        ConfigurationError: it cannot.
    """
    if not is_queue_name(queue):
        raise ConfigurationError(f"queue {queue!r} must be 1 to 64 of 0-9, A-Z, a-z, _, . and -")
    return queue
