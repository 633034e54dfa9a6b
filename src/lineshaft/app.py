"""An app: its tasks, its settings, and how to call them later."""

import asyncio
import functools
import importlib
import weakref
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, overload

import msgspec

from lineshaft.blocking import LoopThread
from lineshaft.broker.broker import NewTask
from lineshaft.client import Client
from lineshaft.clock import wall_ms
from lineshaft.errors import (
    ArgumentError,
    ConfigurationError,
    DamagedRecordError,
    LineshaftError,
    ResultTimeoutError,
    TaskCancelled,
    TaskConflictError,
    TaskEndedError,
    TaskExpired,
    TaskFailed,
    TaskNotFoundError,
)
from lineshaft.model.registry import Registry, TaskSpec
from lineshaft.model.retry import Retry, Seconds, seconds
from lineshaft.model.signature import Signature, from_json
from lineshaft.model.task import TaskContext, new_id
from lineshaft.protocol import wire
from lineshaft.protocol.keys import DEFAULT_QUEUE, Keys, is_queue_name, is_task_id
from lineshaft.protocol.reply import Ended
from lineshaft.settings import Settings, load, server_url

Direct = ParamSpec("Direct")  # how the function itself is called
P = ParamSpec("P")  # how it is enqueued: without a leading TaskContext
R = TypeVar("R")
Returned = TypeVar("Returned")  # what a direct call gives: R, or a coroutine of R

Lifespan = Callable[["App"], AbstractAsyncContextManager[Any]]

DEFAULT_RETRY = Retry()


@dataclass(frozen=True)
class Options:
    """How one call is enqueued. Times in ms."""

    queue: str | None = None
    delay_ms: int | None = None
    task_id: str | None = None


@dataclass(frozen=True)
class Call(Generic[R]):
    """A call to be enqueued: the function, its arguments and how. Made by `TaskFunction.call`."""

    spec: TaskSpec
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    options: Options = field(default_factory=Options)


class Task(Generic[R]):
    """A task that was enqueued: ask how it is, wait for its result, cancel it."""

    def __init__(self, app: "App", task_id: str, returns: Any = Any) -> None:
        self.id = task_id
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
            raise ResultTimeoutError(f"task {self.id} had not ended after {limit_s:g} s; it goes on") from None
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

    def result_sync(self, timeout: Seconds | None = None) -> R:
        """As `result`, for callers without a loop."""
        return self._app.run_sync(self.result(timeout))

    def status_sync(self) -> str:
        """As `status`, for callers without a loop."""
        return self._app.run_sync(self.status())

    def cancel_sync(self) -> str:
        """As `cancel`, for callers without a loop."""
        return self._app.run_sync(self.cancel())

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
        value = bytes(outcome.value) if outcome else b"null"
        try:
            return msgspec.json.decode(value, type=self._returns, dec_hook=from_json)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise DamagedRecordError(f"the result of task {self.id} does not fit {self._returns}: {error}") from error


class Bound(Generic[P, R]):
    """A task function with options for how its calls are enqueued."""

    def __init__(self, app: "App", spec: TaskSpec, options: Options) -> None:
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
            TaskConflictError: the id given is taken by other content.
            OutcomeUnknownError: no answer came; enqueuing again under the same id is safe.
            ServerUnavailableError, ServerFullError: it was not accepted.
        """
        return await self._app.submit(Call(self._spec, args, kwargs, self._options))

    def enqueue_sync(self, *args: P.args, **kwargs: P.kwargs) -> Task[R]:
        """As `enqueue`, for callers without a loop; safe after a fork."""
        return self._app.run_sync(self._app.submit(Call(self._spec, args, kwargs, self._options)))


class TaskFunction(Bound[P, R], Generic[Direct, P, R, Returned]):
    """A function that is a task. Calling it is calling the plain function; `enqueue` calls it later, in a worker."""

    def __init__(self, app: "App", spec: TaskSpec, function: Callable[Direct, Returned]) -> None:
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
        self, *, delay: Seconds | None = None, queue: str | None = None, task_id: str | None = None
    ) -> Bound[P, R]:
        """The same task with options for how its calls are enqueued.

        Args:
            delay: not before this many seconds from now, by the server's clock.
            queue: in place of the task's own queue.
            task_id: in place of a new one: enqueuing the same again makes no second task, for 24 h beyond its record too.

        Raises:
            ConfigurationError: one of them is not what it should be; the message names it.
        """
        if queue is not None:
            checked_queue(queue)
        if task_id is not None and not is_task_id(task_id):
            raise ConfigurationError(f"task_id {task_id!r} must be 1 to 64 of 0-9, A-Z, a-z, _ and -")
        delay_ms = None if delay is None else round(seconds(delay, "delay") * 1000)
        return Bound(self._app, self._spec, Options(queue, delay_ms, task_id))


class TaskDecorator(Protocol):
    """What `app.task(...)` with settings gives: a decorator, typed for each kind of function."""

    @overload
    def __call__(
        self, function: Callable[Concatenate[TaskContext, P], Coroutine[Any, Any, R]], /
    ) -> TaskFunction[Concatenate[TaskContext, P], P, R, Coroutine[Any, Any, R]]: ...
    @overload
    def __call__(
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> TaskFunction[P, P, R, Coroutine[Any, Any, R]]: ...
    @overload
    def __call__(
        self, function: Callable[Concatenate[TaskContext, P], R], /
    ) -> TaskFunction[Concatenate[TaskContext, P], P, R, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> TaskFunction[P, P, R, R]: ...


class App:
    """The tasks of one program and the server they go through.

    Args:
        name: what the app is called, in logs.
        redis_url: the server; by default `REDIS_URL`, else the embedded server that runs for this project.
        namespace: stands before every key, so that several apps share one server.
        default_task: what a task without a name runs: `POST /tasks` without a body, and an id that a foreign program pushed.
        imports: modules to import before work starts, because they register tasks.
        lifespan: a function from the app to an async context manager; what that yields is `ctx.state` of every task.
        settings: in place of those collected from the environment and pyproject.toml.

    Raises:
        ConfigurationError: a setting is wrong.
    """

    def __init__(
        self,
        name: str,
        *,
        redis_url: str | None = None,
        namespace: str | None = None,
        default_task: str = "lineshaft.ping",
        imports: Sequence[str] = (),
        lifespan: Lifespan | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.name = name
        self.default_task = default_task
        self.registry = Registry()
        self.lifespan = lifespan
        self._imports = imports
        self._given: dict[str, Any] = {"redis_url": redis_url, "namespace": namespace}
        self._settings = settings
        self._clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Client] = weakref.WeakKeyDictionary()
        self._thread = LoopThread()
        if namespace is not None:
            Keys(namespace)
        self.task(name="lineshaft.ping")(ping)

    def __repr__(self) -> str:
        return f"App({self.name!r}, {len(self.registry)} tasks)"

    @property
    def settings(self) -> Settings:
        """The app's settings, collected when first asked for."""
        if self._settings is None:
            self._settings = load(self._given)
        return self._settings

    @property
    def keys(self) -> Keys:
        """The app's keys."""
        return Keys(self.settings.namespace)

    @property
    def client(self) -> Client:
        """The client of the running loop, made when first asked for."""
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = Client(self.server_url, self.keys, self.settings)
        return client

    def server_url(self) -> str:
        """The URL to connect to now; asked for at each connect.

        Raises:
            NoServerError: none is set, and no embedded server runs for this project.
        """
        return server_url(self.settings)

    def configure(self, **given: Any) -> None:
        """Let a command's flags override the settings; None leaves a setting as it is.

        Raises:
            ConfigurationError: a setting is unknown or wrong.
        """
        self._given.update({name: value for name, value in given.items() if value is not None})
        self._settings = load(self._given)

    def load_imports(self) -> None:
        """Import the modules that register tasks.

        Raises:
            ConfigurationError: one cannot be imported, or the default task is not registered afterwards.
        """
        for module in self._imports:
            try:
                importlib.import_module(module)
            except ImportError as error:
                raise ConfigurationError(f"app {self.name!r} imports {module!r}, which failed: {error}") from error
        if self.registry.find(self.default_task) is None:
            raise ConfigurationError(f"the default task {self.default_task!r} of app {self.name!r} is not registered with it")

    @overload
    def task(
        self, function: Callable[Concatenate[TaskContext, P], Coroutine[Any, Any, R]], /
    ) -> TaskFunction[Concatenate[TaskContext, P], P, R, Coroutine[Any, Any, R]]: ...
    @overload
    def task(
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> TaskFunction[P, P, R, Coroutine[Any, Any, R]]: ...
    @overload
    def task(
        self, function: Callable[Concatenate[TaskContext, P], R], /
    ) -> TaskFunction[Concatenate[TaskContext, P], P, R, R]: ...
    @overload
    def task(self, function: Callable[P, R], /) -> TaskFunction[P, P, R, R]: ...
    @overload
    def task(
        self,
        *,
        name: str | None = None,
        queue: str = DEFAULT_QUEUE,
        retry: Retry | None = None,
        timeout: Seconds | None = None,
    ) -> TaskDecorator: ...

    def task(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        name: str | None = None,
        queue: str = DEFAULT_QUEUE,
        retry: Retry | None = None,
        timeout: Seconds | None = None,
    ) -> Any:
        """Make a function a task.

        An async function runs on the worker's loop, a plain one in a thread. A first parameter annotated `TaskContext` is
        filled by the worker and is not an argument of `enqueue`.

        Args:
            function: when used without parentheses.
            name: by default the function's own name.
            queue: where its calls wait.
            retry: what happens when it raises; by default 3 tries with exponential delays.
            timeout: time limit of one run; 1 h by default. An async function is cancelled; in a thread, `ctx.cancelled` is set.

        Raises:
            ConfigurationError: the name is taken, or an option is not what it should be.
        """

        def register(function: Callable[..., Any]) -> TaskFunction[..., ..., Any, Any]:
            task_name = name or function.__name__
            spec = TaskSpec(
                name=task_name,
                function=function,
                signature=Signature(function, task_name),
                queue=checked_queue(queue),
                retry=retry or DEFAULT_RETRY,
                timeout_s=None if timeout is None else seconds(timeout, "timeout"),
            )
            self.registry.add(spec)
            return TaskFunction(self, spec, function)

        return register if function is None else register(function)

    def call(self, name: str | None, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None) -> Call[Any]:
        """A call of a task by its name; None is the default task.

        Raises:
            UnknownTaskError: no task has that name; the message names those there are.
        """
        return Call(self.registry.get(name or self.default_task), tuple(args), kwargs or {})

    async def submit(self, call: Call[R], *, typed: bool = False) -> Task[R]:
        """Enqueue one call; raises as `TaskFunction.enqueue`.

        Args:
            call: what to run.
            typed: also refuse arguments that the worker could not convert; for callers that no type checker has seen.
        """
        new = self._new_task(call, typed=typed)
        return self._accepted(call, new, await self.client.enqueue(new))

    async def enqueue_many(self, calls: Sequence[Call[R]]) -> list[Task[R]]:
        """Enqueue calls, 500 to a round trip, in order; raises as `TaskFunction.enqueue`.

        All arguments are checked before anything is written. When it raises after that, the calls before may be accepted.
        """
        new = [self._new_task(call) for call in calls]
        words = await self.client.enqueue_many(new)
        return [self._accepted(call, task, word) for call, task, word in zip(calls, new, words, strict=True)]

    def enqueue_many_sync(self, calls: Sequence[Call[R]]) -> list[Task[R]]:
        """As `enqueue_many`, for callers without a loop."""
        return self.run_sync(self.enqueue_many(calls))

    def get_task(self, task_id: str) -> Task[Any]:
        """A handle for a task by its id; whether there is one shows when it is asked something."""
        return Task(self, task_id)

    def run_sync(self, coroutine: Coroutine[Any, Any, Returned]) -> Returned:
        """Run a coroutine of this app for a caller without a loop."""
        return self._thread.run(coroutine)

    async def close(self) -> None:
        """Close this loop's client, after sending what waits."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()

    def _new_task(self, call: Call[Any], *, typed: bool = False) -> NewTask:
        spec, options = call.spec, call.options
        spec.signature.check(call.args, call.kwargs)
        args, kwargs = wire.encode_arguments(call.args, call.kwargs, spec.signature.name_of)
        if len(args) + len(kwargs) > self.settings.body_limit:
            raise ArgumentError(
                f"the arguments of {spec.name!r} are {len(args) + len(kwargs)} bytes as JSON, and {self.settings.body_limit} is the "
                "limit: store them elsewhere and pass where they are"
            )
        if typed:
            spec.signature.decode(args, kwargs)
        queue = options.queue or spec.queue
        envelope = wire.encode_envelope(spec.name, queue, args, kwargs, wall_ms(), options.delay_ms or 0)
        return NewTask(options.task_id or new_id(), queue, envelope, options.delay_ms, options.task_id is not None)

    def _accepted(self, call: Call[R], task: NewTask, word: str) -> Task[R]:
        if word == "conflict":
            raise TaskConflictError(f"the id {task.task_id!r} is taken by a task with other content; nothing was written")
        if word == "damaged":
            raise DamagedRecordError(f"the key of queue {task.queue!r} has another type in Redis; nothing was written")
        if word not in {"created", "same"}:
            raise LineshaftError(f"enqueue answered {word!r}, which this version does not know")
        return Task(self, task.task_id, call.spec.signature.hints.get("return", Any))


def with_options(call: Call[R], options: Options) -> Call[R]:
    """The same call, enqueued in another way."""
    return replace(call, options=options)


def checked_queue(queue: str) -> str:
    """The name, if it can be a queue's.

    Raises:
        ConfigurationError: it cannot.
    """
    if not is_queue_name(queue):
        raise ConfigurationError(f"queue {queue!r} must be 1 to 64 of 0-9, A-Z, a-z, _, . and -")
    return queue


async def ping() -> str:
    """The default task of an app that names no other."""
    return "pong"
