"""The page at `/` as files: what it is sent with, and who may have it. What it does is tested in tests/page."""

import contextlib
import re
from collections.abc import Callable

import pytest

from api.conftest import LocalApi
from api.running import Api, Reply, RunningApi, call
from lineshaft import App, Settings
from lineshaft.api import page

FILES = re.compile(r'(?:src|href)="(assets/[^"]+)"')


def get(api: Api, path: str, method: str = "GET") -> Reply:
    with contextlib.closing(api.connect()) as connection:
        return call(connection, method, path)


def test_the_page_may_load_nothing_but_what_this_server_gives(api: RunningApi) -> None:
    index = get(api, "/")
    assert (index.status, index.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert index.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert (index.headers["x-content-type-options"], index.headers["referrer-policy"]) == ("nosniff", "no-referrer")
    assert not re.search(rb"https?://(?!www\.w3\.org/2000/svg)|<style|style=|<script>|\bon\w+=", index.body)


def test_it_is_always_asked_for_and_what_it_loads_never_again(api: RunningApi) -> None:
    index = get(api, "/")
    assert index.headers["cache-control"] == "no-cache"
    names = FILES.findall(index.body.decode())
    assert sorted(re.sub("-[0-9A-Z]{8}", "", name) for name in names) == ["assets/app.css", "assets/app.js"]
    for name in names:
        file = get(api, f"/{name}")
        assert (file.status, file.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
        assert file.headers["content-type"].split(";")[0] in {"text/javascript", "text/css"}
        assert file.headers["x-content-type-options"] == "nosniff"


def test_the_licences_of_what_it_is_made_of_come_along(api: RunningApi) -> None:
    licences = get(api, "/assets/licences.txt")
    assert licences.headers["cache-control"] == "no-cache"
    assert re.findall(r"^(\w+)\n=+$", licences.body.decode(), re.MULTILINE) == ["preact", "uplot"]


def test_head_gives_the_heads_alone(api: RunningApi) -> None:
    head = get(api, "/", "HEAD")
    assert (head.status, head.body) == (200, b"")
    assert int(head.headers["content-length"]) == len(get(api, "/").body)


@pytest.mark.parametrize("path", ["/assets/nope.js", "/assets/manifest.json", "/assets/../page.py", "/assets/%2e%2e%2fpage.py"])
def test_other_files_are_not_given(api: RunningApi, path: str) -> None:
    assert (get(api, path).status, get(api, path).kind) == (404, "not-found")


def test_the_page_needs_no_token_and_what_it_shows_does(start_api: Callable[..., RunningApi], redis_url: str) -> None:
    closed = start_api(redis_url, token="sesame")
    index = get(closed, "/")
    assert index.status == 200
    assert [get(closed, f"/{name}").status for name in FILES.findall(index.body.decode())] == [200, 200]
    assert [get(closed, path).status for path in ("/queues", "/tasks", "/stats", "/events", "/assets", "//")] == [401] * 6


def test_a_checkout_without_it_says_how_to_make_it(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "load", lambda: None)
    api = LocalApi(App("local", settings=Settings()), redis_url)
    try:
        index = get(api, "/")
        assert (index.status, index.headers["content-type"]) == (503, "text/html; charset=utf-8")
        assert b"python ui/bundle.py" in index.body
        assert get(api, "/healthz").status == 200
    finally:
        api.stop()
