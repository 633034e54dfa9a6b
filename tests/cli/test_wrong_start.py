"""Every wrong start says what happened and what to do: here are those of `serve` that no other test has."""

import re
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
import redis

from lineshaft.cli.first_look import warning_of
from servers import RunningServer, free_port

from .conftest import SECONDS, Commands

ROOT = Path(__file__).resolve().parents[2]
READY = b"Ctrl-C stops it all"


@contextmanager
def serving(commands: Commands, *words: str) -> Iterator[str]:
    """`serve`, once it is ready; gives what it had said by then."""
    serve = commands.started("serve", *words, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        told = b""
        while READY not in told:
            line = serve.stdout.readline() if serve.stdout else b""
            assert line, told.decode()
            told += line
        yield told.decode()
        serve.terminate()
        serve.communicate(timeout=SECONDS)
    finally:
        serve.kill()
        serve.communicate()


def last_line(commands: Commands, *words: str, **env: str) -> str:
    """The error that `serve` ends with, with exit code 2, after it may have said where its server is."""
    ended = commands("serve", "--port", "0", *words, **env)
    assert ended.code == 2, ended
    *_, last = ended.err.splitlines()
    return last.removeprefix("error: ")


def test_a_port_that_another_program_has(lineshaft: Commands) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert last_line(lineshaft, "--port", str(port)) == (
            f"port {port} on 127.0.0.1 is taken by another program: stop that one, or choose another port with --port"
        )


def test_a_port_that_another_web_server_has(lineshaft: Commands) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        assert "is taken by another program: " in last_line(lineshaft, "--port", str(other.server_port))
        other.shutdown()


def test_a_port_that_another_lineshaft_has(lineshaft: Commands) -> None:
    port = str(free_port())
    with serving(lineshaft, "--port", port):
        assert last_line(lineshaft, "--port", port) == (
            f"port {port} on 127.0.0.1 is taken by another Lineshaft: stop that one, or choose another port with --port"
        )


def test_a_second_serve_in_the_same_folder(alone: Commands) -> None:
    with serving(alone, "--port", "0"):
        said = last_line(alone)
    assert re.fullmatch(
        r"another `lineshaft serve` \(pid \d+\) runs the server of \S+, at redis://127\.0\.0\.1:\d+: "
        r"add workers to that one with `lineshaft worker`, or stop it and start again",
        said,
    )


def test_a_state_folder_that_cannot_be_written(alone: Commands) -> None:
    (alone.folder / "state").write_text("a file stands in the way")
    said = last_line(alone)
    assert f"the state of the embedded server in {alone.folder}/state/lineshaft/" in said
    assert said.endswith("make that folder yours, or set XDG_STATE_HOME to another place")


APPS = {
    "good.py": "from lineshaft import App\napp = App('good')\nthing = 3\n",
    "empty.py": "",
    "divides.py": "from helper import half\n\nhalf()\n",
    "helper.py": "def half() -> float:\n    return 1 / 0\n",
    "lacks.py": "import absent\n",
    "garbled.py": "def f(:\n",
    "leaves.py": "raise SystemExit('no')\n",
    "shop/__init__.py": "",
    "shop/tasks.py": "from lineshaft import App\napp = App('shop')\n",
}


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nosuch:app", "there is no module 'nosuch' here ({here}) or installed"),
        ("shop.nosuch:app", "there is no module 'shop.nosuch' here ({here}) or installed"),
        ("good", "an app is given as module:name, such as good:app; this was 'good'"),
        ("good:", "an app is given as module:name, such as good:app; this was 'good:'"),
        (":app", "an app is given as module:name, such as shop.tasks:app; this was ':app'"),
        ("good.py", "an app is given as module:name and not by its file: good:app in place of 'good.py'"),
        ("./good.py:app", "an app is given as module:name and not by its file: good:app in place of './good.py:app'"),
        ("shop/tasks:app", "an app is given as module:name and not by its file: shop.tasks:app in place of 'shop/tasks:app'"),
        ("good:nothing", "'good' has no App named 'nothing'; it has the app 'app'"),
        ("good:thing", "'good' has no App named 'thing'; that is of type int; it has the app 'app'"),
        ("empty:app", "'empty' has no App named 'app'; an app is made there by: app = lineshaft.App(...)"),
        (
            "divides:app",
            "importing 'divides' failed: ZeroDivisionError: division by zero ({here}/helper.py, line 2: return 1 / 0)",
        ),
        (
            "lacks:app",
            """importing 'lacks' failed: ModuleNotFoundError: No module named 'absent' \
({here}/lacks.py, line 1: import absent): install it, or mend the import""",
        ),
        ("garbled:app", "importing 'garbled' failed: SyntaxError: invalid syntax (garbled.py, line 1)"),
        ("leaves:app", "importing 'leaves' failed: SystemExit: no ({here}/leaves.py, line 1: raise SystemExit('no'))"),
    ],
)
def test_a_wrong_app(lineshaft: Commands, path: str, said: str) -> None:
    for name, text in APPS.items():
        file = lineshaft.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert last_line(lineshaft, path) == said.format(here=lineshaft.folder)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("localhost:6379", "it looks like redis://host:6379/0"),
        ("http://localhost:6379", "it looks like redis://host:6379/0"),
        ("redis://localhost:port", "it looks like redis://host:6379/0"),
        ("redis:/localhost:6379", "no host stands after two slashes; it looks like redis://host:6379/0"),
        ("redis://localhost:6379/one", "'one' is no number of a database; it looks like redis://host:6379/0"),
    ],
)
@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_url_with_a_typo(alone: Commands, command: str, url: str, said: str) -> None:
    told = alone(command, REDIS_URL=url).refused(2)
    assert told.startswith("the Redis URL cannot be used: ")
    assert said in told


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_no_server_at_the_url_is_said_and_waited_for(alone: Commands, command: str) -> None:
    port = free_port()
    process = alone.started(command, "--redis-url", f"redis://127.0.0.1:{port}", start_new_session=True)
    try:
        told = process.stderr.readline().decode() if process.stderr else ""
        assert f"Redis cannot be reached: Error 111 connecting to 127.0.0.1:{port}." in told
        assert told.endswith("It is waited for; check that it runs, and the URL in --redis-url or REDIS_URL\n")
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_password_that_is_missing_or_wrong(alone: Commands, start_server: Callable[..., RunningServer], command: str) -> None:
    guarded = start_server().url
    with redis.Redis.from_url(guarded) as client:
        client.config_set("requirepass", "secret")
    assert alone(command, REDIS_URL=guarded).refused(2) == (
        "Redis wants a password, and none was given; check the Redis URL: redis://:PASSWORD@host:6379/0"
    )
    said = alone(command, REDIS_URL=guarded.replace("//", "//:wrong@")).refused(2)
    assert said.startswith("Redis refuses this user or password: ")
    assert said.endswith("; check the Redis URL")
    assert "wrong@" not in said


def test_a_redis_that_throws_keys_away_and_the_command_that_mends_it(
    alone: Commands, start_server: Callable[..., RunningServer]
) -> None:
    url = start_server("--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru").url
    with serving(alone, "--port", "0", "--redis-url", url) as said:
        warning = next(line for line in said.splitlines() if "TASKS CAN BE LOST" in line)
    assert "WARNING" in warning
    assert f"the Redis at {url} throws keys away when its memory is full (maxmemory-policy allkeys-lru)" in warning
    mending = re.search(r"This mends it: lineshaft (.+?) \(", warning)
    assert mending is not None
    assert alone(*mending[1].split()).code == 0
    with redis.Redis.from_url(url, decode_responses=True) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_whether_keys_are_thrown_away_is_read_from_what_the_server_says() -> None:
    assert warning_of("redis://here", {"maxmemory_policy": "noeviction", "maxmemory": "1000"}) is None
    assert warning_of("redis://here", {}) is None
    without_limit = warning_of("redis://:secret@here", {"maxmemory_policy": "volatile-ttl", "maxmemory": "0"}) or ""
    assert "when it has a memory limit, which it has not yet, and is full (maxmemory-policy volatile-ttl)" in without_limit
    assert "secret" not in without_limit


class OldRedis(socketserver.StreamRequestHandler):
    """Answers as an old Redis does: `replies` says what to which command."""

    replies: ClassVar[dict[bytes, bytes]] = {}

    def handle(self) -> None:
        while line := self.rfile.readline():
            words = [self.rfile.read(int(self.rfile.readline()[1:]) + 2)[:-2] for _ in range(int(line[1:]))]
            self.wfile.write(self.replies.get(words[0].upper(), b"+OK\r\n"))


VERSION = b"redis_version:6.0.16\r\n"
VERSION_5 = {b"HELLO": b"-ERR unknown command `HELLO`, with args beginning with: `3`\r\n"}
VERSION_6_0 = {b"HELLO": b"%1\r\n+proto\r\n:3\r\n", b"INFO": b"$%d\r\n%s\r\n" % (len(VERSION), VERSION)}


@pytest.mark.parametrize(
    ("replies", "said"), [(VERSION_5, " is too old: "), (VERSION_6_0, " is version 6.0.16, which is too old: ")]
)
@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_redis_that_is_too_old(alone: Commands, command: str, replies: dict[bytes, bytes], said: str) -> None:
    handler = type("Handler", (OldRedis,), {"replies": replies})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as old:
        threading.Thread(target=old.serve_forever, daemon=True).start()
        url = f"redis://127.0.0.1:{old.server_address[1]}"
        assert alone(command, REDIS_URL=url).refused(2) == (
            f"the Redis at {url}{said}Lineshaft needs Redis 6.2 or newer, or Valkey: "
            "give the URL of one, or none, and `lineshaft serve` brings its own"
        )
        old.shutdown()


def test_a_python_that_is_too_old(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    environment: Any = __import__("_environment")
    monkeypatch.setattr(sys, "version_info", (3, 10, 12, "final", 0))
    monkeypatch.setattr(sys, "version", "3.10.12 (main)")
    with pytest.raises(SystemExit) as ended:
        environment.python()
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "error: Python 3.11 or newer is needed, this is 3.10.12: run this with a newer python3\n"
    )
