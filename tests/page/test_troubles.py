"""When the page cannot know: Redis is away, the server is away, or it wants a token."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from page.accessible import assert_accessible
from page.conftest import Eyes
from page.serving import Serving
from servers import RunningServer

Serve = Callable[..., Serving]
REFUSED = "Failed to load resource"


def test_while_redis_is_away_it_says_so_and_how_old_the_numbers_are(
    serve: Serve, look: Eyes, start_server: Callable[..., RunningServer]
) -> None:
    look.forgive(REFUSED)
    redis = start_server("--appendonly", "yes")
    serving = serve("--redis-url", redis.url)
    serving.wait(serving.enqueue(), "done")
    page = look(serving.url)
    done = page.locator('.tile[data-status="done"] .tile-count')
    expect(done).to_have_text("1")
    redis.stop()
    expect(page.locator(".outage")).to_have_text("Redis cannot be reached.")
    expect(page.locator(".outage-more")).to_contain_text("What you see is")
    expect(page.get_by_text("Not live")).to_be_visible()
    expect(done).to_have_text("1")
    assert_accessible(page)
    redis.restart()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(page.locator(".outage")).to_have_count(0)
    serving.enqueue()
    expect(done).to_have_text("2")


def test_when_the_server_ends_it_tries_again_and_tells_when(serve: Serve, look: Eyes) -> None:
    look.forgive(f"{REFUSED}|ERR_")
    serving = serve()
    page = look(serving.url)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    serving.stop()
    expect(page.get_by_text("Not live")).to_be_visible()
    expect(page.locator(".outage-more")).to_contain_text("Trying again in")
    expect(page.get_by_role("button", name="Try now")).to_be_visible()
    assert_accessible(page)


def test_without_the_stream_the_counts_still_come_now_and_then(mill: Serving, look: Eyes) -> None:
    look.forgive(f"{REFUSED}|ERR_")
    page = look("about:blank")
    page.route("**/events*", lambda route: route.abort())
    page.goto(mill.url)
    done = page.locator('.tile[data-status="done"] .tile-count')
    before = mill.call("GET", "/stats")["states"]["done"]
    expect(done).to_have_text(str(before))
    mill.wait(mill.enqueue(), "done")
    expect(done).to_have_text(str(before + 1))
    expect(page.get_by_text("Not live")).to_be_visible()


@pytest.fixture
def guarded(serve: Serve, look: Eyes, tmp_path: Path) -> Serving:
    """A `serve` that wants the token `sesame-1234`."""
    look.forgive("status of 401")
    file = tmp_path / "token"
    file.write_text("sesame-1234")
    file.chmod(0o600)
    return serve("--token-file", str(file), token="sesame-1234")


def test_a_token_is_asked_for_kept_for_the_tab_and_forgotten_when_told_to(guarded: Serving, look: Eyes) -> None:
    page = look(f"{guarded.url}#/tasks")
    expect(page.get_by_role("heading", name="This server wants a token")).to_be_visible()
    page.get_by_role("textbox", name="Token").fill("sesame-4321")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("The server does not know that token.")
    assert_accessible(page)
    page.get_by_role("textbox", name="Token").fill("sesame-1234")
    page.get_by_role("button", name="Use it").click()
    expect(page.get_by_role("heading", name="Tasks")).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Tasks")).to_be_visible()
    assert page.evaluate("localStorage.length") == 0
    page.get_by_role("button", name="Forget token").click()
    expect(page.get_by_role("heading", name="This server wants a token")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0


def test_a_token_that_no_request_can_carry_is_one_that_the_server_does_not_know(guarded: Serving, look: Eyes) -> None:
    page = look(f"{guarded.url}#/tasks")
    for wrong in ("sesame-\N{GREEK SMALL LETTER ALPHA}", "sesam\N{LATIN SMALL LETTER E WITH ACUTE}-1234"):
        page.get_by_role("textbox", name="Token").fill(wrong)
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text("The server does not know that token.")
    page.get_by_role("textbox", name="Token").fill("sesame-1234")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Tasks")).to_be_visible()


def test_where_the_browser_keeps_nothing_a_token_and_a_theme_hold_until_the_page_is_left(guarded: Serving, look: Eyes) -> None:
    page = look("about:blank")
    for name in ("localStorage", "sessionStorage"):
        page.add_init_script(
            f"Object.defineProperty(window, '{name}', {{ get() {{ throw new DOMException('', 'SecurityError'); }} }})"
        )
    page.goto(f"{guarded.url}#/tasks")
    page.get_by_role("textbox", name="Token").fill("sesame-1234")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    page.get_by_role("combobox", name="Theme").select_option("dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="Forget token").click()
    expect(page.get_by_role("heading", name="This server wants a token")).to_be_visible()
