"""Takes the pictures of the terminal for the documents: `python -m docs.pictures.terminal`, about a minute.

What they show is real: a shell on a terminal, what is typed there, and what the programs draw. Nothing is drawn by hand.
"""

import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyte
from rich.console import Console
from rich.style import Style
from rich.text import Text

from docs.pictures.page import FOLDER, HERE, call, start_serve, traffic

WIDTH, HEIGHT = 120, 26
TUTORIAL = HERE.parent / "tutorial" / "first-tasks.md"
TRAFFIC_S = 25
WITHIN_S = 60
FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)  # from elsewhere; a picture loads nothing


class Shell:
    """A shell on a terminal of its own, in a folder."""

    def __init__(self, folder: str, **env: str) -> None:
        self._ours, theirs = os.openpty()
        self._screen = pyte.Screen(WIDTH, HEIGHT)
        self._stream = pyte.ByteStream(self._screen)
        termios.tcsetwinsize(theirs, (HEIGHT, WIDTH))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LINESHAFT_", "REDIS_", "NO_COLOR"))}
        path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
        self._process = subprocess.Popen(
            ["setsid", "--ctty", "bash", "--norc", "--noprofile"],  # noqa: S607 - those of the system
            cwd=folder,
            env={**kept, "PATH": path, "PS1": "$ ", "TERM": "xterm-256color", "XDG_STATE_HOME": folder, **env},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self.shows("$")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.prompts()
        self.press("exit\n")
        self.until(lambda: self._process.poll() is not None)
        os.close(self._ours)

    @property
    def text(self) -> str:
        """What stands on the screen."""
        return "\n".join(self._screen.display)

    def press(self, keys: str) -> None:
        """Press keys."""
        os.write(self._ours, keys.encode())

    def shows(self, text: str) -> None:
        """Wait until this stands on the screen."""
        self.until(lambda: text in self.text)

    def prompts(self) -> None:
        """Wait until the shell asks for the next command."""
        self.until(lambda: self.text.rstrip().endswith("$"))

    def until(self, is_so: Callable[[], bool]) -> None:
        """Follow what is drawn until something is so."""
        give_up_s = time.monotonic() + WITHIN_S
        while not is_so():
            if time.monotonic() > give_up_s:
                raise SystemExit(f"what was waited for did not come:\n{self.text}")
            if select.select([self._ours], [], [], 0.1)[0]:
                with contextlib.suppress(OSError):  # the shell has ended
                    self._stream.feed(os.read(self._ours, 65_536))

    def save(self, name: str, title: str) -> None:
        """Make a picture of the screen, without the empty lines at its end."""
        rows = [self._row(y) for y in range(HEIGHT)]
        while not rows[-1].plain.strip():
            rows.pop()
        with Path(os.devnull).open("w") as nowhere:
            console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True, color_system="truecolor")
            console.print(Text("\n").join(rows), no_wrap=True, crop=False)
            picture = FONT_FACE.sub("", console.export_svg(title=title, unique_id=name))
        (FOLDER / f"{name}.svg").write_text("\n".join(line.rstrip() for line in picture.splitlines()) + "\n")

    def _row(self, y: int) -> Text:
        row = Text()
        for x in range(WIDTH):
            cell = self._screen.buffer[y][x]
            row.append(cell.data, style_of(cell))
        return row


def style_of(cell: Any) -> Style:
    """How the terminal draws one of its cells."""
    return Style(color=colour(cell.fg), bgcolor=colour(cell.bg), bold=cell.bold, reverse=cell.reverse, italic=cell.italics)


def colour(name: str) -> str | None:
    """A colour of pyte's as rich calls it."""
    if name == "default":
        return None
    if re.fullmatch(r"[0-9a-f]{6}", name):
        return f"#{name}"
    return {"brown": "yellow"}.get(name, name.replace("bright", "bright_"))


def main() -> None:
    """Take them all."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="try-") as folder:
        first_minutes(folder)
    with tempfile.TemporaryDirectory(prefix="shop-") as folder:
        top(folder)


def first_minutes(folder: str) -> None:
    """The two terminals of somebody who follows the tutorial."""
    (app,) = re.findall(r"^```python .*?shop.py.*?\n(.*?)^```", TUTORIAL.read_text(), re.MULTILINE | re.DOTALL)[:1]
    Path(folder, "shop.py").write_text(app)
    with Shell(folder) as first, Shell(folder, LINESHAFT_APP="shop:app") as second:
        first.press("lineshaft serve shop:app\n")
        first.shows("in-progress 0")
        post, look = re.findall(r"^    (curl .*?) *$", first.text, re.MULTILINE)
        for command, answer in (
            (post, '{"taskID"'),
            (look, '{"status":"done"}'),
            ("lineshaft enqueue greet name=Ada --wait", '"Hello, Ada!"'),
            ("lineshaft task ls", "STATUS"),
        ):
            second.press(f"{command}\n")
            second.shows(answer)
            second.prompts()
        first.until(lambda: "done 2" in first.text)
        first.save("serve", "lineshaft serve")
        second.save("first-task", "a second terminal")
        first.press("\x03")


def top(folder: str) -> None:
    """`lineshaft top` while a shop works."""
    serve = start_serve(folder)
    try:
        with ThreadPoolExecutor() as aside, Shell(folder, LINESHAFT_APP="shop:app", PYTHONPATH=folder) as shell:
            shell.press("lineshaft top\n")
            call("POST", "/queues/reports/pause")
            shop = aside.submit(traffic, TRAFFIC_S)
            shell.until(shop.done)
            shop.result()
            shell.save("top", "lineshaft top")
            shell.press("q")
    finally:
        serve.send_signal(signal.SIGINT)
        serve.wait(WITHIN_S)


if __name__ == "__main__":
    main()
