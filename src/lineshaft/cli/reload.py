"""`lineshaft worker --reload`: runs the workers as a process of its own, and starts them again when a file changes.

Loads no app: one that cannot be imported ends the workers, not this, which waits for the next change.
"""

import asyncio
import contextlib
import importlib.util
import json
import logging
import os
import signal
import sys
from asyncio.subprocess import Process
from pathlib import Path
from typing import Any, cast

from lineshaft.cli.start import log_level
from lineshaft.control import EXIT_DRAINED, meaning_of
from lineshaft.errors import ConfigurationError
from lineshaft.telemetry import configure_logging, logger

log = logger("reload")

RELOADED = "lineshaft.cli.reloaded"
GRACE_S = 2.0  # that running tasks have after a change, before they are handed back
KILL_S = 10.0  # from then on
IGNORED = frozenset({"__pycache__", "node_modules", "site-packages", "venv"})  # and all that begin with a dot


def run_reloading(options: dict[str, Any]) -> int:
    """Run workers with these options of `run_worker`, again after each change, until told to stop; gives the exit code.

    Raises:
        ConfigurationError: the package that watches files is not installed.
        OSError: files cannot be watched.
    """
    if importlib.util.find_spec("watchfiles") is None:
        raise ConfigurationError('--reload needs an extra: pip install "lineshaft[all]"')
    configure_logging(log_level())
    logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it says how many changes there were; we say which
    return asyncio.run(Reloading(options, source_folder(options["app_path"]).resolve()).run())


class Reloading:
    """The workers' process, and what ends it: a change, after which there is the next one, or a signal."""

    def __init__(self, options: dict[str, Any], folder: Path) -> None:
        self._options = options
        self._folder = folder
        self._process: Process | None = None
        self._is_stopping = False
        self._called = asyncio.Event()  # by a change or a signal
        self._over = asyncio.Event()

    async def run(self) -> int:
        """Run until told to stop; gives the exit code of the last process."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop, number)
        watching = asyncio.create_task(self._watch())
        watching.add_done_callback(lambda _: self._stop(signal.SIGTERM))
        await asyncio.sleep(0)  # from here on it watches, so no change is missed while the first process starts
        code = 0
        while not self._is_stopping:
            self._called.clear()
            code = await self._run_once()
            if not self._called.is_set():
                if code == EXIT_DRAINED:
                    break  # each of the workers was told to stop
                log.error("the workers have ended (%s); they are started again when a file changes", meaning_of(code))
                await self._called.wait()
        self._over.set()
        await watching
        return code

    async def _run_once(self) -> int:
        """Run the workers until they end, by themselves or since something called; gives the exit code."""
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", RELOADED, str(os.getpid()), json.dumps(self._options)),
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in a terminal is for us, and we pass it on
        )
        ended, called = asyncio.create_task(process.wait()), asyncio.create_task(self._called.wait())
        await asyncio.wait([ended, called], return_when=asyncio.FIRST_COMPLETED)
        called.cancel()
        if not ended.done() and not self._is_stopping:
            self._tell(signal.SIGTERM)
            await asyncio.wait([ended], timeout=GRACE_S)
            self._tell(signal.SIGTERM)
            await asyncio.wait([ended], timeout=KILL_S)
            self._tell(signal.SIGKILL)
        return await ended

    def _stop(self, number: signal.Signals) -> None:
        """Pass a signal on: the first drains the workers, the second ends their grace, the third kills them."""
        self._is_stopping = True
        self._tell(number)
        self._called.set()

    def _tell(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _watch(self) -> None:
        """Say which files changed, and have the workers start again."""
        import watchfiles

        watch = cast("Any", watchfiles.awatch)  # pyright: ignore[reportUnknownMemberType] - its types name trio's, which is not here
        async for changes in watch(self._folder, watch_filter=self._is_source, stop_event=self._over):
            changed = sorted(str(Path(path).relative_to(self._folder)) for _, path in changes)
            log.info("%s changed: the workers start again", ", ".join(changed))
            self._called.set()

    def _is_source(self, _change: object, path: str) -> bool:
        return is_source_file(Path(path).relative_to(self._folder))


def source_folder(app_path: str) -> Path:
    """The folder to watch: the current one where the app is in it, else that of its package or module. Imports nothing."""
    here = Path.cwd()
    if str(here) not in sys.path:
        sys.path.insert(0, str(here))
    with contextlib.suppress(ValueError, ImportError):  # the worker will say what is wrong with it
        spec = importlib.util.find_spec(app_path.partition(":")[0].partition(".")[0])
        places = [*(spec.submodule_search_locations or ())] if spec is not None else []
        if spec is not None and not places and spec.origin is not None:
            places = [str(Path(spec.origin).parent)]
        if places and not Path(places[0]).resolve().is_relative_to(here.resolve()):
            return Path(places[0])
    return here


def is_source_file(path: Path) -> bool:
    """Whether a change of this file may change the app: it is Python, and in no folder of tools or of installed packages."""
    return path.suffix == ".py" and not any(part in IGNORED or part.startswith(".") for part in path.parts)
