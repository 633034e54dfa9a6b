"""Takes the pictures of the dashboard for the documents: `python -m docs.pictures.page`, about two minutes.

What they show is real: `lineshaft serve` with its own server, the app beside this file, and some traffic until the chart has
something to tell.
"""

import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent / "images"
PORT = 3917
TRAFFIC_S = 150
NAMES = ("ada", "grace", "edsger", "barbara", "donald")
READY_S = 30
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


def main() -> None:
    """Take them all."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="shop-") as folder, sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        serve = start_serve(folder)
        try:
            take(browser)
        finally:
            serve.send_signal(signal.SIGINT)
            serve.wait(60)
            browser.close()


def start_serve(folder: str) -> "subprocess.Popen[bytes]":
    """Start `lineshaft serve` in a folder that has the app, and wait until it has a worker."""
    shutil.copy(HERE / "shop.py", folder)
    serve = subprocess.Popen(
        [sys.executable, "-m", "lineshaft", "serve", "shop:app", "--port", str(PORT), "--concurrency", "16", "--grace", "1"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": folder, "XDG_STATE_HOME": folder},
        stdout=subprocess.DEVNULL,
    )
    give_up_s = time.monotonic() + READY_S
    while time.monotonic() < give_up_s:
        try:
            if call("GET", "/workers"):
                return serve
        except OSError:
            time.sleep(0.2)
    serve.kill()
    raise SystemExit(f"no worker within {READY_S} s")


def take(browser: Browser) -> None:
    """Let the shop work while pages look on, then take their pictures."""
    pages = {}
    for name, size, scheme in (("light", WIDE, "light"), ("dark", WIDE, "dark"), ("phone", PHONE, "light")):
        pages[name] = browser.new_context(
            viewport=size, color_scheme=scheme, device_scale_factor=2 if size is PHONE else 1
        ).new_page()
        pages[name].goto(f"http://localhost:{PORT}/")
    call("POST", "/queues/reports/pause")
    traffic()
    for name, page in pages.items():
        page.screenshot(path=FOLDER / f"dashboard-{name}.png")
    (failed,) = call("GET", "/tasks?status=failed&limit=1")["items"]
    pages["light"].goto(f"http://localhost:{PORT}/#/tasks/{failed['taskID']}")
    pages["light"].get_by_text("Failed for good").wait_for()
    pages["light"].screenshot(path=FOLDER / "dashboard-task.png")


def traffic(seconds: int = TRAFFIC_S) -> None:
    """An ordinary day in short: orders all the time, receipts for them, now and then a picture."""
    chance, order = random.Random(2), 4700  # noqa: S311 - for a picture
    for second in range(seconds):
        items: list[dict[str, Any]] = []
        for _ in range(chance.randint(3, 9) + (8 if 95 < second < 115 else 0)):
            order += 1
            items.append({"task": "orders.confirm", "args": [order]})
            name, domain = chance.choice(NAMES), "example.org" if order % 19 == 0 else "example.com"
            items.append({"task": "mail.send_receipt", "args": [order, f"{name}@{domain}"]})
        if second % 9 == 0:
            items.append({"task": "images.resize", "args": [f"photos/{order}.jpg", 40]})
            items.append({"task": "orders.confirm", "args": [order], "queue": "reports", "delay": 3600 if second % 2 else 0})
        call("POST", "/tasks/batch", items)
        time.sleep(1)


def call(method: str, path: str, body: Any = None) -> Any:
    """One request to the API; gives the JSON of its answer."""
    connection = http.client.HTTPConnection("localhost", PORT, timeout=10)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


if __name__ == "__main__":
    main()
