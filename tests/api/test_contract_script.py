"""`scripts/contract` against a server as it is started for users."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import redis

from servers import free_port

CONTRACT = Path(__file__).resolve().parents[2] / "scripts" / "contract"
START_S = 60.0
STOP_S = 60.0


@pytest.fixture
def served(redis_url: str, tmp_path: Path) -> Iterator[str]:
    """The URL of the API that `lineshaft serve` starts."""
    url = f"http://localhost:{free_port()}"
    command = [sys.executable, "-m", "lineshaft", "serve", "--port", url.rpartition(":")[2]]
    with subprocess.Popen(command, cwd=tmp_path, env={**os.environ, "REDIS_URL": redis_url, "LOG_LEVEL": "WARNING"}) as serve:
        try:
            wait_for_workers(url)
            yield url
        finally:
            serve.terminate()
            assert serve.wait(STOP_S) == 0


def wait_for_workers(url: str) -> None:
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s:
        try:
            with urllib.request.urlopen(f"{url}/workers", timeout=5) as answer:
                if answer.read() != b"[]":
                    return
        except OSError:
            pass
        time.sleep(0.05)  # whoever starts a server for a script has nothing but this either
    pytest.fail("the server did not start")


def contract(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, CONTRACT, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_every_row_holds_and_nothing_is_left_to_do(served: str, redis_url: str, raw: redis.Redis) -> None:
    with contract("--url", served, "--redis-url", redis_url) as script:
        out, err = script.communicate(timeout=120)
    assert script.returncode == 0, out + err
    lines = out.splitlines()
    assert len(lines) == 9
    assert all(line.startswith("ok ") for line in lines)
    assert raw.smembers("lineshaft:paused") == set()
    assert raw.llen("task_queue") == 0
    words = [raw.get(key) for key in raw.scan_iter("task:*:status")]
    assert set(words) == {"done"}


def test_interrupted_it_leaves_no_queue_paused(served: str, redis_url: str, raw: redis.Redis) -> None:
    with contract("--url", served, "--redis-url", redis_url) as script:
        deadline_s = time.monotonic() + START_S
        while not raw.sismember("lineshaft:paused", "default"):
            assert time.monotonic() < deadline_s
        script.send_signal(signal.SIGINT)
        script.communicate(timeout=60)
    assert script.returncode == 130
    assert raw.smembers("lineshaft:paused") == set()


def test_it_does_not_touch_a_queue_that_somebody_paused(served: str, redis_url: str, raw: redis.Redis) -> None:
    raw.sadd("lineshaft:paused", "default")
    with contract("--url", served, "--redis-url", redis_url) as script:
        _, err = script.communicate(timeout=60)
    assert script.returncode == 2
    assert "paused" in err
    assert raw.smembers("lineshaft:paused") == {"default"}


class Impostor(BaseHTTPRequestHandler):
    """Says that it is well, and does nothing of what it should."""

    def answer(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 418)
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_POST = do_DELETE = answer  # noqa: N815 - names that the library calls

    def log_message(self, *_: object) -> None:
        pass


def test_every_row_that_differs_is_told(redis_url: str, raw: redis.Redis) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Impostor) as impostor:
        Thread(target=impostor.serve_forever).start()
        with contract("--url", f"http://127.0.0.1:{impostor.server_port}", "--redis-url", redis_url) as script:
            out, _ = script.communicate(timeout=60)
        impostor.shutdown()
    assert script.returncode == 1
    assert [line.partition(" ")[0] for line in out.splitlines()] == ["DIFF"] * 9
    assert raw.smembers("lineshaft:paused") == set()


def test_without_a_server_it_says_so(redis_url: str) -> None:
    with contract("--url", f"http://localhost:{free_port()}", "--redis-url", redis_url) as script:
        out, err = script.communicate(timeout=60)
    assert (script.returncode, out) == (2, "")
    assert err.startswith("error: cannot check")
