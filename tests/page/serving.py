"""`lineshaft serve` as a process, with a server and a worker of its own, and plain requests to it."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from servers import free_port

HERE = Path(__file__).resolve().parent
WITHIN_S = 40.0

Found = TypeVar("Found")


class Serving:
    """One `serve`, that has a worker; `stop` ends it and all that it started."""

    def __init__(self, folder: Path, *words: str, token: str | None = None) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LINESHAFT_", "REDIS_", "PORT"))}
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "lineshaft", "serve", "shop:app", "--port", str(self.port), *words],
                cwd=folder,
                env={**kept, "XDG_STATE_HOME": str(folder), "SHOP_FOLDER": str(folder), "PYTHONPATH": str(HERE)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        try:
            until(self._has_worker)
        except AssertionError:
            self.stop()
            raise AssertionError(f"serve is not ready: {(folder / 'log').read_text()}") from None

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One request; gives the JSON of its answer, which must be no refusal."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=WITHIN_S)) as connection:
            connection.request(method, path, None if body is None else json.dumps(body).encode(), self._headers)
            answer = connection.getresponse()
            told = answer.read()
        assert answer.status < 300, told
        return json.loads(told)

    def enqueue(self, task: str = "shop.ping", *args: Any, **fields: Any) -> str:
        """Queue a task; gives its id."""
        return self.call("POST", "/tasks", {"task": task, "args": args, **fields})["taskID"]

    def wait(self, task_id: str, *words: str) -> None:
        """Wait until a task has one of these words."""
        until(lambda: self.call("GET", f"/tasks/{task_id}/status")["status"] in words)

    def stop(self) -> None:
        """Press Ctrl-C, twice, since nobody waits for what still runs."""
        for _ in range(2):
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(3)
        self._process.kill()
        self._process.wait()

    def _has_worker(self) -> bool:
        try:
            return bool(self.call("GET", "/workers"))
        except (OSError, AssertionError):
            return False


def until(look: Callable[[], Found]) -> Found:
    """Wait until something is so; gives what was found."""
    give_up_s = time.monotonic() + WITHIN_S
    while not (found := look()):
        assert time.monotonic() < give_up_s, "it is not so after all this time"
        time.sleep(0.02)
    return found
