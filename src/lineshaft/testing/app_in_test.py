"""An app under test: its tasks go to a namespace of their own, and are run when the test says so."""

import asyncio
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from lineshaft.app import App
from lineshaft.broker.broker import NewTask, ms
from lineshaft.errors import ConfigurationError, LineshaftError
from lineshaft.model.retry import Seconds, seconds
from lineshaft.task_function import TaskFunction
from lineshaft.testing.calls import EnqueuedCall, Expected, as_received, call_of, explanation
from lineshaft.testing.clients import ClientInTest
from lineshaft.testing.clock import Clock
from lineshaft.testing.drain import Ran, draining
from lineshaft.testing.eager import eager

AnyTask = TaskFunction[..., ..., Any, Any]


class AppInTest:
    """What a test can do with an app; made by `in_test`, or by the fixture `lineshaft_app`.

    Attributes:
        app: the app itself.
        clock: the time that its tasks are enqueued and run at. It stands still until it is moved.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        self.clock = Clock()
        self._calls: list[EnqueuedCall] = []

    async def drain(self, *, advance: Seconds = 0) -> list[Ran]:
        """Run tasks until none is ready, due or in progress; gives the runs, in the order in which they ended.

        Args:
            advance: let so much time pass, without waiting: what becomes due in it, retries too, runs at its own time.

        Raises:
            ConfigurationError: `advance` is not a time.
            LineshaftError: the server could not be reached, or the tasks never come to an end.
        """
        end_ms = self.clock.now_ms + ms(seconds(advance, "advance"))
        async with draining(self.app, self.clock) as drain:
            await drain.run_until(end_ms)
        return drain.ran

    def drain_sync(self, *, advance: Seconds = 0) -> list[Ran]:
        """As `drain`, for tests without a loop."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(self.drain(advance=advance))
        raise LineshaftError("drain_sync() would hold up the loop that runs here: write `await ....drain()`")

    def enqueued(self, task: AnyTask | str | None = None) -> list[EnqueuedCall]:
        """The calls that were enqueued since the test began, the oldest first; those of one task, or all.

        Raises:
            UnknownTaskError: the app has no task of that name.
        """
        if task is None:
            return list(self._calls)
        name = self.app.registry.get(task if isinstance(task, str) else task.name).name
        return [call for call in self._calls if call.task == name]

    def assert_enqueued(
        self, task: AnyTask | str, /, *args: Any, queue: str | None = None, delay: Seconds | None = None, **kwargs: Any
    ) -> EnqueuedCall:
        """Fail where no such call was enqueued, and show how those that were differ; gives the first that fits.

        Parameters of the task that are themselves named `queue` or `delay` are given by position.

        Args:
            task: the task, or its name.
            *args: its arguments, by position or by name as you like; with none at all, any call of the task fits.
            **kwargs: the same.
            queue: where it must wait; None is anywhere.
            delay: how long it must be put off; None is any time, 0 not at all.

        Raises:
            AssertionError: there is none.
            ArgumentError: the task cannot be called with these arguments.
        """
        __tracebackhide__ = True
        spec = self.app.registry.get(task if isinstance(task, str) else task.name)
        arguments = as_received(spec, args, kwargs) if args or kwargs else None
        expected = Expected(spec, arguments, queue, None if delay is None else ms(seconds(delay, "delay")))
        for call in self.enqueued(spec.name):
            if not expected.differences(call):
                return call
        raise AssertionError(explanation(expected, self._calls))

    @contextmanager
    def eager(self) -> Generator[list[EnqueuedCall]]:
        """Within the block, a task runs where it is enqueued; see `lineshaft.testing.eager`."""
        with eager(self.app, self.note) as calls:
            yield calls

    def new_client(self) -> ClientInTest:
        """A client of the app that goes by the clock, and notes what it enqueues."""
        app = self.app
        return ClientInTest(app.server_url, app.keys, app.settings, self.clock, self.note)

    def note(self, task: NewTask) -> None:
        """Note a task that was enqueued."""
        self._calls.append(call_of(task, self.app.registry))


@contextmanager
def in_test(app: App, url: str, **settings: Any) -> Generator[AppInTest]:
    """Within the block, let an app use this server, under a namespace that nobody else has; afterwards it is as it was.

    Args:
        app: the app, such as one that stands in a module.
        url: the server.
        settings: further settings of the app for this test, such as `result_limit=100`.

    Raises:
        ConfigurationError: a setting is wrong, or one that this sets itself.
    """
    if "namespace" in settings or "redis_url" in settings:
        raise ConfigurationError("redis_url and namespace are set for each test: leave them out")
    tested = AppInTest(app)
    with app.standing_in(tested.new_client, redis_url=url, namespace=f"test-{secrets.token_hex(8)}", **settings):
        yield tested
