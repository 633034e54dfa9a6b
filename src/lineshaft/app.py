"""An app: its tasks, its settings, and how to call them later. Never loads what runs tasks."""

import asyncio
import importlib
import inspect
import weakref
from collections.abc import Callable, Coroutine, Generator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, Concatenate, ParamSpec, TypeVar, overload

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
    TaskConflictError,
)
from lineshaft.ids import new_id
from lineshaft.model.retry import Retry, Seconds, seconds
from lineshaft.model.task import TaskContext
from lineshaft.protocol import wire
from lineshaft.protocol.keys import DEFAULT_QUEUE, Keys
from lineshaft.registry import Registry, TaskSpec
from lineshaft.settings import Settings, load, server_url
from lineshaft.signature import Signature
from lineshaft.task_function import Call, Task, TaskDecorator, TaskFunction, checked_queue

P = ParamSpec("P")
R = TypeVar("R")
Returned = TypeVar("Returned")

Lifespan = Callable[["App"], AbstractAsyncContextManager[Any]]

DEFAULT_RETRY = Retry()


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
        self._make_client: Callable[[], Client] = lambda: Client(self.server_url, self.keys, self.settings)
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
            client = self._clients[loop] = self._make_client()
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

    @contextmanager
    def standing_in(self, make_client: Callable[[], Client], **given: Any) -> Generator[None]:
        """Within the block, use these settings, and clients that this makes; for `lineshaft.testing`.

        Afterwards the app is as it was. Whoever makes the clients closes them.

        Raises:
            ConfigurationError: a setting is wrong.
        """
        before = self._given, self._settings, self._clients, self._make_client
        self._settings = msgspec.structs.replace(self.settings, **given)
        self._given, self._clients, self._make_client = {**self._given, **given}, weakref.WeakKeyDictionary(), make_client
        try:
            yield
        finally:
            self._given, self._settings, self._clients, self._make_client = before

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
    def task(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> TaskFunction[P, P, R, Coroutine[Any, Any, R]]: ...
    @overload
    def task(
        self, function: Callable[Concatenate[TaskContext, P], R], /
    ) -> TaskFunction[Concatenate[TaskContext, P], P, R, R]: ...
    @overload
    def task(self, function: Callable[P, R], /) -> TaskFunction[P, P, R, R]: ...
    @overload
    def task(
        self,
        /,
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
                is_async=inspect.iscoroutinefunction(function),
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

    async def enqueue_many(self, calls: Iterable[Call[R]]) -> list[Task[R]]:
        """Enqueue calls, 500 to a round trip, in order; raises as `TaskFunction.enqueue`.

        All arguments are checked before anything is written. When it raises after that, the calls before may be accepted.
        """
        calls = list(calls)
        new = [self._new_task(call) for call in calls]
        words = await self.client.enqueue_many(new)
        return [self._accepted(call, task, word) for call, task, word in zip(calls, new, words, strict=True)]

    def enqueue_many_sync(self, calls: Iterable[Call[R]]) -> list[Task[R]]:
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
        size, limit = len(args) + len(kwargs), self.settings.body_limit
        if size > limit:
            message = f"the arguments of {spec.name!r} are {size} bytes as JSON, and the limit is {limit}"
            raise ArgumentError(f"{message}: store them elsewhere and pass where they are")
        if typed:
            spec.signature.decode(args, kwargs)
        queue = options.queue or spec.queue
        envelope = wire.encode_envelope(spec.name, queue, args, kwargs, wall_ms(), options.delay_ms or 0)
        keep_digest = options.task_id is not None and options.remembered
        return NewTask(options.task_id or new_id(), queue, envelope, options.delay_ms, keep_digest)

    def _accepted(self, call: Call[R], task: NewTask, word: str) -> Task[R]:
        if word == "conflict":
            key = call.options.key
            taken = f"the id {task.task_id!r}" if key is None else f"the idempotency key {key!r}"
            raise TaskConflictError(f"{taken} is taken by a task with other content; nothing was written")
        if word == "damaged":
            raise DamagedRecordError(f"the key of queue {task.queue!r} has another type in Redis; nothing was written")
        if word not in {"created", "same"}:
            raise LineshaftError(f"enqueue answered {word!r}, which this version does not know")
        return Task(self, task.task_id, call.spec.signature.hints.get("return", Any), created=word == "created")


async def ping() -> str:
    """The default task of an app that names no other."""
    return "pong"
