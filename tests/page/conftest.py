"""Chromium, and a `lineshaft serve` to look at. Pictures of what each test saw at last are kept in artifacts/page."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from page.serving import WITHIN_S, Serving

PICTURES = Path(__file__).resolve().parents[2] / "artifacts" / "page"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NOTE_VIOLATIONS = "addEventListener('securitypolicyviolation', (event) => console.error('CSP: ' + event.violatedDirective))"


def program() -> str | None:
    """The browser of this machine."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what needs a browser where there is none; pytest prints how many."""
    if program() is not None:
        return
    needing = [item for item in items if "chromium" in getattr(item, "fixturenames", ())]
    config.hook.pytest_deselected(items=needing)
    items[:] = [item for item in items if item not in needing]


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The browser. Playwright holds on to the thread's loop, so it ends with this package."""
    expect.set_options(timeout=WITHIN_S * 1000)
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program(), args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Serving]]:
    """Start `lineshaft serve` for one test alone."""
    started: list[Serving] = []

    def start(*words: str, token: str | None = None) -> Serving:
        started.append(Serving(tmp_path_factory.mktemp("serve"), *words, token=token))
        return started[-1]

    yield start
    for serving in started:
        serving.stop()


@pytest.fixture(scope="package")
def mill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """The `serve` that the tests share: each uses tasks and queues of its own."""
    serving = Serving(tmp_path_factory.mktemp("mill"))
    yield serving
    serving.stop()


class Eyes:
    """Opens pages, and notes what the browser complains of."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self.pages: list[Page] = []
        self.complaints: list[str] = []
        self.forgiven: list[str] = []

    def __call__(self, url: str, *, width: int = 1440, height: int = 900, scheme: str = "light") -> Page:
        """Open a page in a browser that knows nothing of others."""
        context = self._browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        context.set_default_timeout(WITHIN_S * 1000)
        page = context.new_page()
        page.on("console", lambda said: self.complaints.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.add_init_script(NOTE_VIOLATIONS)
        page.goto(url)
        self.pages.append(page)
        return page

    def forgive(self, pattern: str) -> None:
        """The browser may say this: it notes each answer that is a refusal."""
        self.forgiven.append(pattern)

    @property
    def unforgiven(self) -> list[str]:
        """What it complained of otherwise."""
        return [said for said in self.complaints if not any(re.search(pattern, said) for pattern in self.forgiven)]


@pytest.fixture
def look(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Eyes]:
    """Open a page: `look(mill.url + "#/tasks")`. In no test may the browser complain of anything."""
    eyes = Eyes(chromium)
    yield eyes
    PICTURES.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^\w.-]+", "-", f"{request.module.__name__.rpartition('.')[2]}.{request.node.name}")
    for number, page in enumerate(eyes.pages):
        page.screenshot(path=PICTURES / f"{name}.{number}.png")
        page.context.close()
    assert eyes.unforgiven == []
