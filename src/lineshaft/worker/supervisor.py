"""Starts and watches the children of one command, and owns the signals. Runs no user code."""

import asyncio
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from lineshaft.children import Child
from lineshaft.clock import monotonic_s
from lineshaft.control import EXIT_DRAINED, EXIT_FAILED, EXIT_MISCONFIGURED, EXIT_STUCK, Message, meaning_of
from lineshaft.errors import ConfigurationError, LineshaftError
from lineshaft.settings import Settings
from lineshaft.telemetry import logger
from lineshaft.worker.backoff import Backoff
from lineshaft.worker.child_sessions import ChildSessions

log = logger("supervisor")

WORKER_MODULE = "lineshaft.worker.child"
FIRST_LOADS = 3
LIVED_S = 10.0  # a child that lived this long is started again at once
OVERSTAY_S = 5.0  # beyond its grace, before a child is killed
SERVER_LOOK_S = 1.0


@dataclass(frozen=True)
class Plan:
    """What to start.

    Attributes:
        app: path of the app, `module:name`.
        given: settings that the command's flags give; the app's own fill the rest.
        queues: of the workers; none is all.
        burst: end when nothing is left.
        log_level: of every child.
        services: other children, by the module that runs them, with their orders; they end before the workers.
        find_server: from the app's settings to the URL of a server that was started for them, or None to leave it to them.
        server_ended: says whether the server that was started has ended by itself; then the command ends too.
        on_ready: called once, with what each child said when it was ready.
    """

    app: str
    given: Message
    queues: tuple[str, ...] = ()
    burst: bool = False
    log_level: str = "INFO"
    services: Mapping[str, Message] = field(default_factory=dict[str, Message])
    find_server: Callable[[Settings], str | None] = lambda _settings: None
    server_ended: Callable[[], bool] = lambda: False
    on_ready: Callable[[dict[str, Message]], None] | None = None


class Supervisor:
    """The children of one command, from its start to its end.

    The first SIGTERM or SIGINT drains, the second ends the grace, the third kills at once.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._settings = Settings()  # until the first child has loaded the app
        self._workers: set[Child] = set()
        self._services: set[Child] = set()
        self._has_loaded = False
        self._signals = 0
        self._stopping = asyncio.Event()
        self._retired: set[Child] = set()  # told to stop by somebody, not by a signal; none comes after these
        self._killed: set[Child] = set()  # by us, so it is no crash
        self._ready: dict[str, Message] = {}
        self._exit_code = EXIT_DRAINED

    async def run(self) -> int:
        """Run until told to stop, or until a burst is over; gives the exit code of the command.

        Raises:
            ConfigurationError: there is no server, or none could be started.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, or a shell's background job
                loop.add_signal_handler(number, self.stop)
        try:
            first = await self._load_first()
            if first is not None:
                url = self._plan.find_server(self._settings) or self._settings.redis_url
                self._settings = msgspec.structs.replace(self._settings, redis_url=url)
                self._sessions = ChildSessions(self._settings, self._plan.queues, self._retire)
                await self._mind_all(first)
        finally:
            self._kill_all()
            await asyncio.gather(*(child.wait() for child in (*self._workers, *self._services)))
        return self._exit_code

    async def _mind_all(self, first: Child) -> None:
        """Keep everything alive until the workers have ended, for they end last."""
        self._sessions.start()
        services = [asyncio.create_task(self._mind_service(module)) for module in self._plan.services]
        others = range(1, self._settings.workers)
        workers = [self._mind_worker(0, first), *(self._mind_worker(number, None) for number in others)]
        helpers = [asyncio.create_task(self._stop_in_order(services)), asyncio.create_task(self._watch_server())]
        try:
            await asyncio.gather(*workers)
            self._stopping.set()
            await asyncio.gather(*services)
        finally:
            for helper in helpers:
                helper.cancel()
            await self._sessions.close()

    def stop(self) -> None:
        """Stop: the first call drains, the second ends the grace, the third kills at once."""
        self._signals += 1
        if self._signals == 1:
            grace_s = self._settings.grace_s
            log.info("stopping: tasks may go on for %g s; once more to hand them back now, a third time to kill", grace_s)
            self._stopping.set()
            for child in self._workers:
                if not child.has_orders:
                    child.kill()
        elif self._signals == 2:
            log.info("stopping faster: running tasks are handed back")
            for child in self._workers:
                child.tell({"drain": 0})
        else:
            log.warning("killing")
            self._kill_all()

    def _retire(self, child: Child) -> None:
        """Drain a worker for good. The last one ends the command as a signal does, services first."""
        if child in self._retired:
            return
        self._retired.add(child)
        log.info("worker process %d was told to stop, and no other is started in its place", child.pid)
        if len(self._retired) == self._settings.workers:
            self._stopping.set()
        else:
            child.tell({"drain": self._settings.grace_s})
            asyncio.get_running_loop().call_later(self._longest_drain_s(self._settings.grace_s), self._kill, child)

    def _longest_drain_s(self, grace_s: float) -> float:
        return grace_s + 2 * OVERSTAY_S + self._settings.call_timeout_s

    def _kill(self, child: Child) -> None:
        if child in self._workers or child in self._services:
            self._killed.add(child)
            child.kill()

    def _kill_all(self) -> None:
        for child in (*self._workers, *self._services):
            self._kill(child)

    async def _stop_in_order(self, services: list[asyncio.Task[None]]) -> None:
        """Services first, so that nothing new is accepted; then the workers, whose leases are renewed until they ended."""
        await self._stopping.wait()
        for child in self._services:
            child.tell({"drain": self._settings.grace_s})
        if services:
            await asyncio.wait(services, timeout=OVERSTAY_S)
        grace_s = 0.0 if self._signals > 1 else self._settings.grace_s
        for child in self._workers:
            if child.has_orders:
                child.tell({"drain": grace_s})
            else:
                child.kill()
        await asyncio.sleep(self._longest_drain_s(grace_s))
        self._kill_all()

    async def _watch_server(self) -> None:
        """A server of our own that ended by itself is not started again: what it could not keep must be seen by somebody."""
        while not self._stopping.is_set():
            await asyncio.sleep(SERVER_LOOK_S)
            if self._plan.server_ended() and not self._stopping.is_set():
                log.error("the embedded server has ended by itself: its log is in the state folder; start serve again")
                self._exit_code = EXIT_FAILED
                self._settings = msgspec.structs.replace(self._settings, grace_s=0.0)
                self._stopping.set()

    async def _load_first(self) -> Child | None:
        """As `_load`. A child that is killed while it loads says nothing about the app; several in a row say enough."""
        for left in reversed(range(FIRST_LOADS)):
            child = await self._load(may_be_killed=left > 0)
            if child is not None or self._stopping.is_set():
                return child
        return None

    async def _load(self, *, may_be_killed: bool = True) -> Child | None:
        """Start a worker process and have it load the app; None when it could not."""
        child = await Child.start(WORKER_MODULE)
        self._workers.add(child)
        plan = self._plan
        child.tell({
            "app": plan.app, "settings": plan.given, "queues": plan.queues, "burst": plan.burst, "log_level": plan.log_level,
        })  # fmt: skip
        loaded = await child.answer("loaded")
        if loaded is not None:
            if not self._has_loaded:
                self._settings, self._has_loaded = msgspec.convert(loaded, Settings), True
            return child
        code = await child.wait()
        self._workers.discard(child)
        if self._stopping.is_set():
            return None
        if code < 0 and may_be_killed:
            log.warning("worker process %d ended while it loaded the app (%s); another is started", child.pid, meaning_of(code))
        elif "failed" in child.said or code == EXIT_MISCONFIGURED or not self._has_loaded:
            self._fail(child.said.get("failed", f"the app could not be loaded ({meaning_of(code)})"), code)
        return None

    async def _mind_worker(self, number: int, child: Child | None) -> None:
        """Keep one worker process alive: a child under a session of its own, and after its death the next."""
        backoff = Backoff()
        while not self._stopping.is_set():
            started_s = monotonic_s()
            child = child or await self._load()
            if child is None:
                await backoff.wait()
                continue
            session = await self._give_session(child)
            code = await self._watch(f"worker-{number}", child)
            self._workers.discard(child)
            drained = "drained" in child.said
            if child.has_orders:
                await self._sessions.end(session, clean=drained or child in self._killed)
            if code == EXIT_STUCK:
                self._fail(child.said.get("failed", "a worker gave up"), code)
            elif child in self._retired:
                log.info("worker process %d, which was told to stop, ended (%s)", child.pid, meaning_of(code))
                return
            elif not drained and not self._stopping.is_set():
                log.warning("worker process %d ended (%s); another is started", child.pid, meaning_of(code))
                await self._pause(backoff, started_s)
            elif self._plan.burst:
                return
            child = None

    async def _mind_service(self, module: str) -> None:
        """Keep one other child alive, with the same orders each time."""
        backoff, plan = Backoff(), self._plan
        given = {**plan.given, "redis_url": self._settings.redis_url}
        while not self._stopping.is_set():
            started_s = monotonic_s()
            child = await Child.start(module)
            self._services.add(child)
            child.tell({**plan.services[module], "app": plan.app, "settings": given, "log_level": plan.log_level})
            code = await self._watch(module, child)
            self._services.discard(child)
            if code == EXIT_MISCONFIGURED:
                self._fail(child.said.get("failed", f"{module} could not start ({meaning_of(code)})"), code)
            elif not self._stopping.is_set():
                log.warning("%s, process %d, ended (%s); another is started", module, child.pid, meaning_of(code))
                await self._pause(backoff, started_s)

    async def _give_session(self, child: Child) -> str:
        try:
            return await self._sessions.open(child)
        except LineshaftError as error:
            self._fail(str(error), EXIT_MISCONFIGURED if isinstance(error, ConfigurationError) else EXIT_FAILED)
            child.kill()
            return ""

    async def _watch(self, name: str, child: Child) -> int:
        """Wait until a child has ended; tell whoever started us once every one was ready. Gives the exit code."""
        announcing = asyncio.create_task(self._announce(name, child))
        code = await child.wait()
        announcing.cancel()
        return code

    def _fail(self, reason: str, code: int = EXIT_FAILED) -> None:
        """A child cannot work, and none of its kind would: the command ends."""
        self._exit_code = code if code == EXIT_MISCONFIGURED else EXIT_FAILED
        sys.stderr.write(f"error: {reason}\n")
        self._stopping.set()

    async def _announce(self, name: str, child: Child) -> None:
        """Tell whoever started us once everything is ready for the first time."""
        await child.ready.wait()
        is_first, self._ready[name] = name not in self._ready, child.said
        is_last = len(self._ready) == len(self._plan.services) + self._settings.workers
        if is_first and is_last and self._plan.on_ready is not None:
            self._plan.on_ready(self._ready)

    async def _pause(self, backoff: Backoff, started_s: float) -> None:
        if monotonic_s() - started_s > LIVED_S:
            backoff.reset()
        else:
            await backoff.wait()
