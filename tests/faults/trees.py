"""Commands as trees of processes: a supervisor, its worker processes and, under `serve`, an API."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from integration.journal import Journal
from integration.processes import MARK, WorkerProcess, is_alive

HERE = Path(__file__).parent
WORKER_MODULE, API_MODULE = "lineshaft.worker.child", "lineshaft.api.process"

COMMAND = """
import json, sys
from lineshaft.cli import start
from lineshaft.errors import LineshaftError
name, options = json.loads(sys.argv[1])
try:
    code = getattr(start, name)("foundry:app", **options)
except LineshaftError as error:
    print(f"error: {error}", file=sys.stderr)
    code = 2
sys.exit(code)
"""


class Tree(WorkerProcess):
    """`lineshaft worker foundry:app`, or `lineshaft serve foundry:app` where it gets a port."""

    def __init__(
        self,
        url: str,
        journal: Path,
        folder: Path,
        settings: Mapping[str, Any],
        *,
        look_url: str,
        api_port: int | None = None,
    ) -> None:
        self.folder = folder
        self.journal = Journal(journal)
        self.serves = api_port is not None
        self._url = look_url
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("LINESHAFT_", "REDIS_"))}
        environment |= {f"LINESHAFT_{name.upper()}": str(value) for name, value in settings.items()}
        environment |= {"REDIS_URL": url, "FOUNDRY_JOURNAL": str(journal), "LOG_LEVEL": "WARNING", **MARK}
        command = ("run_serve", {"host": "127.0.0.1", "port": api_port}) if self.serves else ("run_worker", {})
        with (folder / "stderr").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", COMMAND, json.dumps(command)],
                cwd=HERE,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                process_group=0,
            )

    def is_up(self) -> bool:
        """Whether its supervisor lives, stopped or not."""
        return self.process.poll() is None

    def workers(self) -> list[int]:
        """The worker processes that live now."""
        return self._running(WORKER_MODULE)

    def apis(self) -> list[int]:
        """The API process that lives now, in a list of its own."""
        return self._running(API_MODULE)

    def resume(self) -> None:
        """Continue whatever of it is stopped."""
        self.signal(signal.SIGCONT, self.everybody())

    def _running(self, module: str) -> list[int]:
        found = []
        for pid in self.children():
            try:
                if module in psutil.Process(pid).cmdline() and is_alive(pid):
                    found.append(pid)
            except psutil.Error:
                continue
        return found
