"""What all event streams are told: the counts each second, and the words of the tasks that any of them asks for.

One reader serves them all, so that a hundred open pages cost Redis as much as one, and nothing while nobody listens.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Collection, Generator, Sequence
from functools import partial
from typing import Any

import msgspec
from fastapi.sse import format_sse_event

from lineshaft.api.complaints import Complaints
from lineshaft.api.patience import answered
from lineshaft.api.problems import problem_of
from lineshaft.app import App
from lineshaft.clock import monotonic_s
from lineshaft.errors import LineshaftError
from lineshaft.model.lifecycle import ENDED
from lineshaft.views import statistics_view

MOST_STREAMS = 100
EVERY_S = 1.0
AT_ONCE = 500  # words in one read

SERVER = ""  # the topic of counts and of problems: only the newer of the two is of interest


class Listener:
    """What one stream has still to be told: of each topic the newest alone, so a slow client costs no more than a fast one."""

    def __init__(self, task_ids: Collection[str]) -> None:
        self.task_ids = task_ids
        self._words: dict[str, str | None] = {}
        self._news: dict[str, bytes] = {}
        self._has_news = asyncio.Event()

    def tell(self, topic: str, event: bytes) -> None:
        """Have it told this, in place of what it was not told yet of the same topic."""
        self._news[topic] = event
        self._has_news.set()

    def tell_word(self, task_id: str, word: str | None, event: bytes) -> None:
        """Have it told the word of a task, if that is another than before."""
        if task_id not in self._words or self._words[task_id] != word:
            self._words[task_id] = word
            self.tell(task_id, event)

    async def news(self, patience_s: float) -> bytes:
        """Everything that it was not told yet, as soon as there is anything; nothing when that takes too long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._has_news.wait()
        self._has_news.clear()
        news, self._news = self._news, {}
        return b"".join(news.values())


class Bulletin:
    """Reads for all listeners of one server; belongs to its loop."""

    def __init__(self, app: App, complaints: Complaints) -> None:
        self._app = app
        self._complaints = complaints
        self._listeners: set[Listener] = set()
        self._by_task: defaultdict[str, set[Listener]] = defaultdict(set)
        self._counts: bytes | None = None  # the newest, or the newest problem
        self._reader: asyncio.Task[None] | None = None
        self._unread: set[str] = set()
        self._is_asked = asyncio.Event()
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._heard: set[str] = set()  # the tasks whose end came by push while their words were being read

    @property
    def is_full(self) -> bool:
        """Whether there are as many listeners as there may be."""
        return len(self._listeners) >= MOST_STREAMS

    @contextlib.contextmanager
    def listening(self, task_ids: Collection[str]) -> Generator[Listener]:
        """Have a listener told the counts, and the words of these tasks: at once, and whenever they are others."""
        listener = Listener(task_ids)
        self._add(listener)
        try:
            yield listener
        finally:
            self._remove(listener)

    def _add(self, listener: Listener) -> None:
        self._listeners.add(listener)
        for task_id in listener.task_ids:
            self._by_task[task_id].add(listener)
        self._unread.update(listener.task_ids)
        self._is_asked.set()
        if self._counts is not None:
            listener.tell(SERVER, self._counts)
        if self._reader is None:
            self._reader = asyncio.create_task(self._read())

    def _remove(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        for task_id in listener.task_ids:
            self._by_task[task_id].discard(listener)
            if not self._by_task[task_id]:
                del self._by_task[task_id]
                if watch := self._watches.pop(task_id, None):
                    watch.cancel()
        if not self._listeners and self._reader is not None:
            self._reader.cancel()
            self._reader = self._counts = None

    async def _read(self) -> None:
        """Read the counts and all words once a second, and in between the words of tasks that somebody just asked for."""
        next_s = monotonic_s()
        while True:
            self._is_asked.clear()
            everything = monotonic_s() >= next_s
            if everything:
                next_s = monotonic_s() + EVERY_S
            try:
                await self._read_once(everything=everything)
            except Exception as error:  # noqa: BLE001 - whatever it is, the listeners are told, and the reading goes on
                problem = problem_of(error)
                self._complaints.say(error, problem)
                self._tell_server("problem", problem.as_json())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, next_s - monotonic_s())):
                    await self._is_asked.wait()

    async def _read_once(self, *, everything: bool) -> None:
        task_ids = list(self._by_task if everything else self._unread)
        self._unread.clear()
        if everything:
            self._tell_server("counts", statistics_view(await answered(self._app.client.counters.statistics)))
        for first in range(0, len(task_ids), AT_ONCE):
            await self._read_words(task_ids[first : first + AT_ONCE])

    async def _read_words(self, task_ids: Sequence[str]) -> None:
        self._heard.clear()
        words = await answered(partial(self._app.client.inspector.statuses, list(task_ids)))
        for task_id, word in zip(task_ids, words, strict=True):
            if task_id in self._heard or task_id not in self._by_task:
                continue  # what was pushed meanwhile is newer; nobody listens any more
            self._tell_word(task_id, word)
            if word is not None and word not in ENDED and task_id not in self._watches:
                self._watches[task_id] = asyncio.create_task(self._watch(task_id))

    async def _watch(self, task_id: str) -> None:
        """Tell the end of a task as soon as it comes; where that cannot be had by push, the reader finds it."""
        try:
            ended = await self._app.client.wait(task_id, None)
            if ended is not None:
                self._heard.add(task_id)
                self._tell_word(task_id, ended.status)
        except LineshaftError:
            pass
        finally:
            if self._watches.get(task_id) is asyncio.current_task():  # else nobody wants to know any more
                del self._watches[task_id]

    def _tell_server(self, kind: str, data: Any) -> None:
        self._counts = event(kind, data)
        for listener in self._listeners:
            listener.tell(SERVER, self._counts)

    def _tell_word(self, task_id: str, word: str | None) -> None:
        told = event("task", {"taskID": task_id, "status": word})
        for listener in self._by_task.get(task_id, ()):
            listener.tell_word(task_id, word, told)


def event(kind: str, data: Any) -> bytes:
    """One event as it travels."""
    return format_sse_event(event=kind, data_str=msgspec.json.encode(data).decode())
