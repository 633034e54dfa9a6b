"""`lineshaft top`: rates, queues, workers and what runs now, on the whole terminal, about once a second, until a key ends it.

It goes on while Redis is away, and leaves the terminal as it was, however it ends.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import typer

from lineshaft.cli.chosen import with_app
from lineshaft.cli.options import AppOption, RedisUrlOption

if TYPE_CHECKING:
    from lineshaft.app import App
    from lineshaft.cli.keyboard import Keyboard
    from lineshaft.cli.top_picture import Picture, Reading

AGAIN_S = 1.0
LATE_S = 3.0  # without an answer, before that is said
RUNNING_AT_MOST = 100  # tasks that are looked at to show which run longest
USUAL_WIDTH, USUAL_HEIGHT = 80, 24  # of a terminal that does not know its size
END_SIGNALS = {signal.SIGINT: 0, signal.SIGTERM: 128 + signal.SIGTERM, signal.SIGHUP: 128 + signal.SIGHUP}


def top(context: typer.Context, app: AppOption = None, redis_url: RedisUrlOption = None) -> None:
    """Watch rates, queues, workers and what runs now, on the whole terminal. `q` or Ctrl-C ends it.

    Keys: up and down (or `k` and `j`) select a queue, `p` pauses or resumes it after a question, the space bar freezes the
    picture, and once more lets it go on.
    """
    from lineshaft.errors import ConfigurationError

    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM", "dumb") == "dumb":
        raise ConfigurationError("top draws on a terminal: take `lineshaft stats --json` here; with --watch again each second")

    async def work(loaded: "App") -> int:
        return await Top(loaded).run()

    raise typer.Exit(with_app(context, app, redis_url, work))


class Top:
    """One run of the command: what is read, what the keys do, and the picture of both."""

    def __init__(self, app: "App") -> None:
        from lineshaft.cli.rates import Rates
        from lineshaft.cli.top_picture import Picture

        self._client = app.client
        self._rates = Rates()
        self._newest: Reading | None = None
        self._picture = Picture(title_of(app), app.default_task)
        self._changed = asyncio.Event()
        self._exit_code: int | None = None
        self._action: asyncio.Task[None] | None = None
        self._keys: dict[str, Callable[[], None]] = {
            "q": self.end,
            "p": self.ask,
            "space": self.freeze,
            **dict.fromkeys(("up", "k"), lambda: self.select(-1)),
            **dict.fromkeys(("down", "j"), lambda: self.select(1)),
        }

    async def run(self) -> int:
        """Read, draw and obey until told to end; gives the exit code.

        Raises:
            ConfigurationError: the very first read shows that the URL or the user is wrong.
            LineshaftError: the last thing that was asked for before the end did not work out.
        """
        from lineshaft.cli.keyboard import Keyboard, single_keys

        loop, keys = asyncio.get_running_loop(), sys.stdin.fileno()
        for number, code in END_SIGNALS.items():
            loop.add_signal_handler(number, self.end, code)
        loop.add_signal_handler(signal.SIGWINCH, self._changed.set)
        with no_log(), single_keys(keys), whole_screen() as draw:
            loop.add_reader(keys, self._obey, Keyboard(keys))
            reading = asyncio.create_task(self._read_on())
            reading.add_done_callback(lambda _: self._changed.set())
            try:
                while self._exit_code is None and not reading.done():
                    draw(self._picture)
                    await self._changed.wait()
                    self._changed.clear()
            finally:
                loop.remove_reader(keys)
                reading.cancel()
        loop.remove_signal_handler(signal.SIGINT)
        with contextlib.suppress(asyncio.CancelledError):
            await reading
        if self._action is not None:
            await self._action
        return self._exit_code or 0

    def end(self, code: int = 0) -> None:
        """End, with this exit code."""
        self._exit_code = code
        self._changed.set()

    def select(self, steps: int) -> None:
        """Select the queue so many lines below, as far as there are any."""
        names = [counts.queue for counts in self._picture.reading.statistics.queues] if self._picture.reading else []
        if names:
            at = names.index(self._picture.selected) if self._picture.selected in names else 0
            self._picture.selected = names[max(0, min(at + steps, len(names) - 1))]

    def freeze(self) -> None:
        """Keep the picture as it is, or let it go on."""
        self._picture.is_frozen = not self._picture.is_frozen
        self._show_newest()

    def ask(self) -> None:
        """Ask whether the selected queue is to be paused, or resumed."""
        if self._newest is not None:
            verb = "Resume" if self._is_paused(self._picture.selected) else "Pause"
            self._picture.question = f"{verb} queue {self._picture.selected!r}? y for yes, any other key for no"

    def answer(self, key: str) -> None:
        """Take the answer to the question, and act on it."""
        self._picture.question = ""
        if key == "y":
            queue = self._picture.selected
            self._action = asyncio.create_task(self._turn(queue, to_pause=not self._is_paused(queue), after=self._action))

    def _is_paused(self, queue: str) -> bool:
        queues = self._newest.statistics.queues if self._newest else []
        return any(counts.paused for counts in queues if counts.queue == queue)

    async def _turn(self, queue: str, *, to_pause: bool, after: "asyncio.Task[None] | None") -> None:
        """Pause or resume a queue, after what was asked for before."""
        from lineshaft.errors import LineshaftError

        if after is not None:
            await after
        turn, done = (self._client.pause, "paused") if to_pause else (self._client.resume, "resumed")
        try:
            await turn(queue)
        except LineshaftError as error:
            if self._exit_code is not None:
                raise
            self._picture.notice = f"Queue {queue!r} was not {done}: {error}"
        else:
            self._picture.notice = f"Queue {queue!r} is {done}."
        self._changed.set()

    def _obey(self, keyboard: "Keyboard") -> None:
        """Do what the keys that were pressed mean."""
        try:
            pressed = keyboard.read()
        except EOFError:
            self.end(END_SIGNALS[signal.SIGHUP])
            return
        for key in pressed:
            if self._picture.question:
                self.answer(key)
            else:
                self._picture.notice = ""
                self._keys.get(key, lambda: None)()
        self._changed.set()

    async def _read_on(self) -> None:
        """Read all there is to show, again and again; where that does not work out, say why and go on."""
        from lineshaft.errors import ConfigurationError, LineshaftError

        loop = asyncio.get_running_loop()
        while True:
            again_s = loop.time() + AGAIN_S
            late = loop.call_later(LATE_S, self._say, f"Redis has not answered for {LATE_S:g} s; waiting")
            try:
                self._newest = await self._read()
            except LineshaftError as error:
                if isinstance(error, ConfigurationError) and self._newest is None:
                    raise
                self._say(f"{error}; trying again")
            else:
                self._say("")
                self._show_newest()
            finally:
                late.cancel()
            await asyncio.sleep(again_s - loop.time())

    async def _read(self) -> "Reading":
        """Read once; bounded, whatever there is."""
        from lineshaft.cli.top_picture import Reading
        from lineshaft.inspection.pages import Wanted

        client = self._client
        statistics, counted = await client.counters.statistics(), await client.counters.counted()
        running = await client.pages.tasks(Wanted(status="in-progress"), RUNNING_AT_MOST)
        workers = await client.inspector.workers()
        self._rates.add(counted)
        by_age = sorted(running.items, key=lambda summary: summary.started_ms or counted.now_ms)
        return Reading(counted.now_ms, statistics, self._rates.seen(), workers, by_age)

    def _show_newest(self) -> None:
        if not self._picture.is_frozen:
            self._picture.reading = self._newest

    def _say(self, trouble: str) -> None:
        self._picture.trouble = trouble
        self._changed.set()


def title_of(app: "App") -> str:
    """Which app and server this is, without user and password.

    Raises:
        NoServerError: there is no server.
    """
    parts = urlsplit(app.server_url())
    return f"{app.name} at {parts.netloc.rpartition('@')[2]}{parts.path}"


@contextlib.contextmanager
def whole_screen() -> Generator["Callable[[Picture], None]"]:
    """Take the terminal's other screen, without a cursor, while the block runs; gives what draws a picture on all of it."""
    from rich.live import Live

    from lineshaft.cli.output import console

    drawing = console()
    is_plain = not drawing.encoding.startswith("utf")

    def draw(picture: "Picture") -> None:
        width, height = os.get_terminal_size(sys.stdout.fileno())
        drawing.size = (width or USUAL_WIDTH, height or USUAL_HEIGHT)
        live.update(picture.drawn(*drawing.size, is_plain=is_plain), refresh=True)

    with Live(console=drawing, screen=True, auto_refresh=False) as live:
        yield draw


@contextlib.contextmanager
def no_log() -> Generator[None]:
    """Keep logging off the picture while the block runs: what matters is said in it."""
    logging.disable()
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
