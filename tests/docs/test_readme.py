"""The README does what it says, for somebody who follows it word for word. Only the port is another one."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from walkthrough import ADDRESS, ROOT, Reader

README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> set[str]:
    """Every `lineshaft` command that stands in the text, up to its first argument that is no word."""
    found = re.findall(r"`lineshaft ((?:[a-z-]+ )*[a-z-]+)\b", README)
    return {" ".join(words.split()[: 2 if words.split()[0] in {"task", "queue"} else 1]) for words in found}


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Reader]]:
    """Start `serve` in a project folder of its own, wait until it says that it is ready, and give the reader beside it."""
    reader = Reader(tmp_path)
    reader.saves("shop.py", blocks("python")[0])

    def start(*arguments: str) -> Reader:
        reader.starts(" ".join(["lineshaft serve", *arguments]))
        return reader

    yield start
    reader.stops()


def test_trying_it_with_curl(serve):
    reader = serve()
    first, second = blocks("sh")

    printed = reader.types(first.replace(". .venv/bin/activate\n", ""))
    assert "HTTP/1.1 201 Created" in printed
    assert re.search(r'^\{"taskID":"[0-9a-f-]{36}"\}', printed, re.MULTILINE)
    assert printed.endswith(tuple(f'{{"status":"{word}"}}' for word in ("pending", "in-progress", "done")))

    assert '"taskID":"nap"' in reader.types(second)
    reader.types_until(f"curl -s http://{ADDRESS}/tasks/nap/status", '{"status":"in-progress"}')
    reader.types(f"curl -s -X DELETE http://{ADDRESS}/tasks/nap")
    reader.types_until(f"curl -s http://{ADDRESS}/tasks/nap/status", '{"status":"cancelled"}')
    reader.types_until("lineshaft redis GET task:nap:status", "cancelled")


def test_looking_inside_without_redis_cli(serve):
    reader = serve()

    assert reader.types("lineshaft enqueue demo.echo message=hi --wait").strip() == '"hi"'
    assert reader.types("lineshaft redis LRANGE task_queue 0 -1").strip() == ""
    reader.types("lineshaft redis SET task:foreign:status pending; lineshaft redis LPUSH task_queue foreign")
    reader.types_until("lineshaft redis GET task:foreign:status", "done")
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
