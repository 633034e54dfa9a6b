"""Runs coroutines for callers that have no loop: one thread with one loop, made when first needed, again after a fork."""

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class LoopThread:
    """A loop in a daemon thread of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pid = 0

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run it there and wait for what it returns or raises.

        Raises:
            RuntimeError: this is that very thread, which cannot wait for itself.
        """
        if self._thread is threading.current_thread() and self._pid == os.getpid():
            coroutine.close()
            raise RuntimeError(
                "a call that ends in _sync, made inside another one, would wait for itself: await the call without _sync"
            )
        return asyncio.run_coroutine_threadsafe(coroutine, self._running_loop()).result()

    def stop(self) -> None:
        """End the thread; the next call makes a new one."""
        with self._lock:
            loop, self._loop = self._loop, None
            if loop is None or self._thread is None or self._pid != os.getpid():
                return
            loop.call_soon_threadsafe(loop.stop)
            self._thread.join()
            loop.close()

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._pid != os.getpid():  # the first time, or in a forked child, where no thread came along
            self._lock = threading.Lock()
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                self._pid = os.getpid()
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="lineshaft-loop", daemon=True)
                self._thread.start()
            return self._loop
