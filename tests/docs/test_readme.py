"""The README does what it says, for somebody who follows it word for word. Only the port is another one."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text()
ADDRESS = "localhost:3000"
START_S, END_S = 60, 40


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> set[str]:
    """Every `lineshaft` command that stands in the text, up to its first argument that is no word."""
    found = re.findall(r"`lineshaft ((?:[a-z-]+ )*[a-z-]+)\b", README)
    return {" ".join(words.split()[: 2 if words.split()[0] in {"task", "queue"} else 1]) for words in found}


class Reader:
    """Somebody in a second terminal, in the folder where `serve` was started in the first."""

    def __init__(self, folder: Path, environment: dict[str, str], port: int) -> None:
        self._folder = folder
        self._environment = environment
        self._port = port

    def types(self, text: str) -> str:
        """Run lines in a shell, stopping at one that fails; gives what they print."""
        text = text.replace(". .venv/bin/activate\n", "").replace(ADDRESS, f"localhost:{self._port}")
        ran = subprocess.run(
            ["/bin/sh", "-e", "-c", text],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=START_S,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def until(self, text: str, wanted: str) -> None:
        """Run a line again and again until it prints this."""
        give_up_s = time.monotonic() + 10
        while (printed := self.types(text).strip()) != wanted:
            assert time.monotonic() < give_up_s, f"{text!r} prints {printed!r}, not {wanted!r}"


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Reader]]:
    """Start `serve` in a project folder of its own, wait until it says that it is ready, and give the reader beside it."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "shop.py").write_text(blocks("python")[0])
    environment = {
        name: value for name, value in os.environ.items() if name != "REDIS_URL" and not name.startswith("LINESHAFT_")
    }
    environment["XDG_STATE_HOME"] = str(tmp_path / "state")
    folders = [str(Path(sys.executable).parent), environment["PATH"], "/usr/bin", "/bin", str(tmp_path / "bin")]
    environment["PATH"] = os.pathsep.join(folders)
    (tmp_path / "bin").mkdir()
    stand_in = tmp_path / "bin" / "curl"  # last on the path: only where there is no other
    stand_in.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__).parent / "curl.py"} "$@"\n')
    stand_in.chmod(0o755)
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> Reader:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [sys.executable, "-m", "lineshaft", "serve", *arguments, "--port", str(port)]
        process = subprocess.Popen(
            command, cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        started.append(process)
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("worker"):
                return Reader(project, environment, port)
        raise AssertionError(f"serve ended with {process.wait()} before it was ready: {lines}")

    yield start
    for process in started:
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(END_S) == 0
        finally:
            process.kill()
            process.stdout.close()


def test_trying_it_with_curl(serve):
    reader = serve()
    first, second = blocks("sh")

    printed = reader.types(first)
    assert "HTTP/1.1 201 Created" in printed
    assert re.search(r'^\{"taskID":"[0-9a-f-]{36}"\}', printed, re.MULTILINE)
    assert printed.endswith(tuple(f'{{"status":"{word}"}}' for word in ("pending", "in-progress", "done")))

    assert '"taskID":"nap"' in reader.types(second)
    reader.until(f"curl -s http://{ADDRESS}/tasks/nap/status", '{"status":"in-progress"}')
    reader.types(f"curl -s -X DELETE http://{ADDRESS}/tasks/nap")
    reader.until(f"curl -s http://{ADDRESS}/tasks/nap/status", '{"status":"cancelled"}')
    reader.until("lineshaft redis GET task:nap:status", "cancelled")


def test_looking_inside_without_redis_cli(serve):
    reader = serve()

    assert reader.types("lineshaft enqueue demo.echo message=hi --wait").strip() == '"hi"'
    assert reader.types("lineshaft redis LRANGE task_queue 0 -1").strip() == ""
    reader.types("lineshaft redis SET task:foreign:status pending; lineshaft redis LPUSH task_queue foreign")
    reader.until("lineshaft redis GET task:foreign:status", "done")
    assert "foreign" in reader.types("lineshaft task show foreign")


def test_an_app_of_ones_own(serve):
    reader = serve("shop:app")

    assert reader.types("python shop.py").strip() == "a.png is 640 pixels wide"
    assert "`a.png is 640 pixels wide`" in README


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_command_that_is_named_exists(command: str):
    ran = subprocess.run(
        [sys.executable, "-m", "lineshaft", *command.split(), "--help"], capture_output=True, text=True, check=False
    )

    assert (ran.returncode, ran.stderr) == (0, "")


def test_it_stays_short():
    assert len(README.splitlines()) <= 130
