"""What `serve` says when it starts, and that what it says to try works as it is printed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lineshaft.cli.welcome import Running, embedded_lines, lineshaft_command, ready_lines, to_try

from .conftest import SECONDS, Commands

URL = "http://localhost:3000"


def running(**changed: Any) -> Running:
    facts: dict[str, Any] = {
        "app": "shop:app", "api_url": URL, "workers": 1, "concurrency": 100, "queues": (), "redis_url": None,
        "token_file": None, "task_id": "hello-1",
    }  # fmt: skip
    return Running(**facts | changed)


def test_it_says_what_runs_where() -> None:
    assert embedded_lines("redis://127.0.0.1:6379", Path("/state/shop"), is_displaced=False) == [
        "server   redis://127.0.0.1:6379 (embedded)",
        "state    /state/shop (its data, and its log)",
    ]
    assert "port 6379 is another server's" in embedded_lines("redis://127.0.0.1:7000", Path("/s"), is_displaced=True)[1]
    api, worker, *_ = ready_lines(running(workers=2, concurrency=5, queues=("mail", "reports")))
    assert api == f"api      {URL} (in a browser: the page; {URL}/openapi.json lists the rest)"
    assert worker == "worker   shop:app, 2 worker processes, 5 tasks at a time, queues mail, reports"
    assert ready_lines(running())[1] == "worker   shop:app, 1 worker process, 100 tasks at a time"


def test_the_commands_to_try_are_made_for_what_runs() -> None:
    assert to_try(running(app="lineshaft.demo:app"), "lineshaft") == [
        f"""curl -X POST {URL}/tasks -d '{{"id": "hello-1"}}'""",
        f"curl {URL}/tasks/hello-1/status",
        "lineshaft top",
    ]
    post, look, top = to_try(running(redis_url="redis://there:1/2", token_file="my secret"), "bin/lineshaft")
    carrying = """curl -H "Authorization: Bearer $(cat 'my secret')" """
    assert post == f"""{carrying}-X POST {URL}/tasks -d '{{"task": "lineshaft.ping", "id": "hello-1"}}'"""
    assert look == f"{carrying}{URL}/tasks/hello-1/status"
    assert top == "bin/lineshaft top --app shop:app --redis-url redis://there:1/2"
    assert "'http://[::1]:3000/tasks'" in to_try(running(api_url="http://[::1]:3000"), "lineshaft")[0]


@pytest.mark.parametrize("url", ["redis://:secret@there", "redis+sentinel://a,b/main?sentinel_password=secret"])
def test_a_password_is_never_said(url: str) -> None:
    said = "\n".join(ready_lines(running(redis_url=url)))
    assert "secret" not in said
    assert 'top --app shop:app --redis-url "$REDIS_URL"' in said


def test_the_command_line_is_called_as_a_shell_here_finds_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "venv" / "bin"
    folder.mkdir(parents=True)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    assert lineshaft_command() == f"{folder / 'python'} -m lineshaft"
    (folder / "lineshaft").touch(0o755)
    assert lineshaft_command({"PATH": str(folder)}) == "lineshaft"
    assert lineshaft_command({"PATH": "/nowhere"}) == str(folder / "lineshaft")
    monkeypatch.chdir(tmp_path)
    assert lineshaft_command({"PATH": "/nowhere"}) == "venv/bin/lineshaft"


@pytest.fixture
def said_by(alone: Commands) -> Iterator[Callable[..., list[str]]]:
    """Start `serve` on a free port; gives the lines that it prints until it is ready, and stops it after the test."""
    alone.env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{alone.env['PATH']}"
    started: list[subprocess.Popen[bytes]] = []

    def start(*words: str) -> list[str]:
        serve = alone.started("serve", "--port", "0", *words, stderr=subprocess.DEVNULL, start_new_session=True)
        started.append(serve)
        lines: list[str] = []
        while not lines or not lines[-1].startswith("Ctrl-C"):
            line = serve.stdout.readline() if serve.stdout else b""
            assert line, lines
            lines.append(line.decode().rstrip())
        return lines

    yield start
    for serve in started:
        serve.send_signal(signal.SIGINT)
        serve.communicate(timeout=SECONDS)
        assert serve.returncode == 0


@pytest.mark.parametrize("app", [(), ("shop:app",)], ids=["demo", "shop"])
def test_what_it_says_to_try_works_as_it_is_printed(
    alone: Commands, said_by: Callable[..., list[str]], app: tuple[str, ...]
) -> None:
    secret = alone.folder / "secret"
    secret.write_text("sesame")
    secret.chmod(0o600)
    lines = said_by("--token-file", "secret", *app)
    words = [line.split()[0] for line in lines if line]
    assert [word for word in words if word != "port"][:4] == ["server", "state", "api", "worker"]  # 6379 may be another test's
    post, look, top = (line.strip() for line in lines if line.startswith("    "))

    def types(command: str) -> str:
        ran = subprocess.run(command, shell=True, cwd=alone.folder, env=alone.env, capture_output=True, timeout=SECONDS)
        assert ran.returncode == 0, ran.stderr.decode()
        return ran.stdout.decode()

    assert '{"taskID":"hello-' in types(post)
    assert '{"status":"' in types(look)
    assert '"done"' in types(f"{top.replace('top', 'stats')} --json")  # the same words; `top` itself wants a terminal
