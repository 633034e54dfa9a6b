"""The code blocks of the documents, and somebody who types them in, beside a `serve` of his own.

A fence may say how it is tested, as `data-test` in its braces:

- `serve`: it starts `lineshaft serve`, which goes on until the next such block or the end of the page;
- `until`: it only looks, and is typed again until it prints what the block after it shows;
- a reason from `NOT_RUN`: it is not run.

Any other `sh` is run, in order, and must end with 0. A `text` that follows is what it prints, where `...` is anything. A
`python` is saved under its title, or one of its own, type-checked with the page's others and run once; with `types`, it is only
type-checked. What is JSON, TOML or JavaScript has to be that.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
ADDRESS = "localhost:3000"
START_S, COMMAND_S, UNTIL_S, END_S = 60, 60, 20, 40

NOT_RUN = {
    "install": "installs packages, which the tests do not do: they run beside what is installed",
    "systemd": "needs systemd as the first process",
    "docker": "needs Docker, and images from the network",
    "sentinel": "needs sentinels; `tests/faults/test_sentinel.py` has them, with the same URL",
    "redis-cli": "needs redis-cli; the page shows the same by `lineshaft redis`, which is run",
    "go": "needs Go, which this project does not use otherwise",
    "hosts": "needs several machines",
    "drawing": "is a drawing",
    "types": "goes on for ever or needs a package that the project does not use; it is type-checked",
}

FENCE = re.compile(r"^```(?P<language>[\w-]*)(?: +\{(?P<attributes>[^}\n]*)\})?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """One fenced block."""

    page: str
    line: int
    language: str
    attributes: dict[str, str]
    text: str

    @property
    def how(self) -> str:
        """What its fence says about the test of it."""
        return self.attributes.get("data-test", "")

    @property
    def place(self) -> str:
        return f"docs/{self.page}:{self.line}"


def pages() -> list[str]:
    """Every page that has a code block."""
    return [path.relative_to(DOCS).as_posix() for path in sorted(DOCS.rglob("*.md")) if FENCE.search(path.read_text())]


def blocks(page: str) -> list[Block]:
    """The blocks of a page, in order."""
    text = (DOCS / page).read_text()
    found = []
    for fence in FENCE.finditer(text):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', fence["attributes"] or ""))
        line = text.count("\n", 0, fence.start()) + 1
        found.append(Block(page, line, fence["language"], attributes, fence["text"]))
    return found


def matches(shown: str, printed: str) -> bool:
    """Whether this was printed, where `...` in what is shown may be anything."""
    pattern = ".*".join(re.escape(part) for part in shown.strip().split("..."))
    return re.fullmatch(re.sub(r"(\\ )+", r" +", pattern), printed.strip(), re.DOTALL) is not None


class Reader:
    """Somebody who follows one page: a folder, a first terminal for `serve`, and a second one for the rest."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "project"
        self._folder.mkdir()
        kept = {name: value for name, value in os.environ.items() if name != "REDIS_URL" and not name.startswith("LINESHAFT_")}
        self._environment = kept | {
            "XDG_STATE_HOME": str(folder / "state"),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept["PATH"], "/usr/bin", "/bin", str(folder / "bin")]),
            "PYTHONDONTWRITEBYTECODE": "1",  # a file that is saved anew within the second has to be read anew
        }
        self._log = folder / "serve.log"
        self._serve: subprocess.Popen[bytes] | None = None
        self._port = 0
        stand_in = folder / "bin" / "curl"  # last on the path: only where there is no other
        stand_in.parent.mkdir()
        stand_in.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__).parent / "curl.py"} "$@"\n')
        stand_in.chmod(0o755)

    def saves(self, name: str, text: str) -> Path:
        """Write a file; gives its path."""
        path = self._folder / name
        path.write_text(self._here(text))
        return path

    def runs(self, *command: str) -> str:
        """Run a program in the folder; gives what it prints."""
        ran = subprocess.run(
            command, cwd=self._folder, env=self._environment, capture_output=True, text=True, timeout=COMMAND_S, check=False
        )
        assert ran.returncode == 0, (
            f"{command} ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}\nserve said:\n{self.log()}"
        )
        return ran.stdout

    def types(self, text: str) -> str:
        """Type lines into the second terminal, stopping at one that fails; what they export stays."""
        for name, value in re.findall(r"^export (\w+)=(\S+)$", text, re.MULTILINE):
            self._environment[name] = value
        return self.runs("/bin/sh", "-e", "-c", self._here(text))

    def types_until(self, text: str, shown: str) -> None:
        """Type the same lines until they print what is shown."""
        give_up_s = time.monotonic() + UNTIL_S
        while not matches(shown, printed := self.types(text)):
            assert time.monotonic() < give_up_s, f"{text}prints\n{printed}and not\n{shown}"
            time.sleep(0.05)

    def starts(self, text: str) -> None:
        """Stop the `serve` that runs, if one does, start this one, and wait until it is ready."""
        self.stops()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        command = f"exec {text.strip()} --port {self._port}"
        with self._log.open("wb") as log:
            self._serve = subprocess.Popen(
                ["/bin/sh", "-c", command], cwd=self._folder, env=self._environment, stdout=log, stderr=subprocess.STDOUT
            )
        give_up_s = time.monotonic() + START_S
        while not re.search("^worker ", self.log(), re.MULTILINE):
            assert self._serve.poll() is None, f"{text.strip()} ended: {self.log()}"
            assert time.monotonic() < give_up_s, f"{text.strip()} is not ready: {self.log()}"
            time.sleep(0.05)

    def stops(self) -> None:
        """Press Ctrl-C in the first terminal, and wait for the end."""
        if self._serve is None:
            return
        serve, self._serve = self._serve, None
        serve.send_signal(signal.SIGINT)
        try:
            assert serve.wait(END_S) == 0, self.log()
        finally:
            serve.kill()
            serve.wait()

    def log(self) -> str:
        """What `serve` has printed."""
        return self._log.read_text() if self._log.exists() else ""

    def _here(self, text: str) -> str:
        return text.replace(ADDRESS, f"localhost:{self._port}")
