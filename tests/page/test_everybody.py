"""The page works by keyboard alone, with a screen reader, on a phone and on a wide screen, in the light and in the dark."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from page.accessible import assert_accessible
from page.conftest import Eyes
from page.serving import Serving

WIDTHS = (390, 1440)
VIEWS = ("overview", "tasks", "failed", "done", "running", "nowhere")


@pytest.fixture(scope="package")
def addresses(mill: Serving) -> dict[str, str]:
    """Each view, with something to see in it."""
    made = {
        "failed": mill.enqueue("shop.charge", "order-of-a-customer-with-quite-a-long-name-indeed"),
        "done": mill.enqueue("shop.ping"),
        "running": mill.enqueue("shop.nap", 3600),
    }
    for word, task_id in made.items():
        mill.wait(task_id, "in-progress" if word == "running" else word)
    mill.call("POST", "/queues/held/pause")
    pages = {name: f"{mill.url}#/tasks/{task_id}" for name, task_id in made.items()}
    return {"overview": mill.url, "tasks": f"{mill.url}#/tasks", "nowhere": f"{mill.url}#/nope", **pages}


def settled(page: Page) -> Page:
    """The page once it has everything."""
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(page.get_by_text("Loading")).to_have_count(0)
    return page


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing(addresses: dict[str, str], look: Eyes, view: str) -> None:
    page = settled(look(addresses[view]))
    for details in page.locator("details").all():
        details.locator("summary").click()
    assert_accessible(page)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_wider_than_the_window(addresses: dict[str, str], look: Eyes, view: str, width: int) -> None:
    page = settled(look(addresses[view], width=width, height=844))
    assert page.evaluate("document.documentElement.scrollWidth") == width
    beyond = """[...document.querySelectorAll('main *:not(.wide *, .code *, .hidden, .hidden *)')]
        .filter((part) => part.getBoundingClientRect().right > innerWidth + 0.5).map((part) => part.outerHTML.slice(0, 80))"""
    assert page.evaluate(beyond) == []


def test_everything_is_done_by_keyboard_alone(mill: Serving, look: Eyes) -> None:
    task_id = mill.enqueue("shop.nap", 60, queue="keys")
    mill.wait(task_id, "in-progress")
    page = settled(look(f"{mill.url}#/tasks?queue=keys"))
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    expect(page).to_have_url(f"{mill.url}#/tasks?queue=keys")
    reach(page, page.get_by_role("link", name="shop.nap"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="shop.nap")).to_be_focused()
    reach(page, page.get_by_role("button", name="Cancel this task"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Yes, cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Cancel this task")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Yes, cancel")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".task-name .badge")).to_have_text("cancelled")
    expect(page.get_by_role("button", name="Retry this task")).to_be_focused()


def test_the_keyboard_stays_where_a_token_is_given_and_forgotten(
    serve: Callable[..., Serving], look: Eyes, tmp_path: Path
) -> None:
    look.forgive("status of 401")
    file = tmp_path / "token"
    file.write_text("sesame-1234")
    file.chmod(0o600)
    page = look(serve("--token-file", str(file), token="sesame-1234").url)
    field = page.get_by_role("textbox", name="Token")
    for token in ("sesame-4321", "sesame-1234"):
        expect(field).to_be_focused()
        expect(field).to_have_value("")
        page.keyboard.type(token)
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert" if token == "sesame-4321" else "heading").first).to_be_visible()
    settled(page)
    expect(page.get_by_role("heading", name="Overview")).to_be_focused()
    page.get_by_role("button", name="Forget token").focus()
    page.keyboard.press("Enter")
    expect(field).to_be_focused()


def reach(page: Page, target, presses: int = 40) -> None:
    """Press Tab until something has the focus; what has it on the way can be seen to have it."""
    for _ in range(presses):
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        if target.evaluate("(part) => part === document.activeElement"):
            return
    raise AssertionError(f"{target} is not reached by {presses} presses of Tab")


def test_the_tab_key_leads_through_the_page_and_out_of_it(addresses: dict[str, str], look: Eyes) -> None:
    page = settled(look(addresses["overview"]))
    seen: list[str] = []
    for _ in range(120):
        page.keyboard.press("Tab")
        at = page.evaluate("document.activeElement === document.body ? '' : document.activeElement.outerHTML.slice(0, 120)")
        if at == "":
            break
        seen.append(at)
    assert at == "", seen[-5:]
    assert any("Pause default" in part for part in seen)


def test_it_works_below_a_path_that_a_proxy_takes_away(mill: Serving, look: Eyes) -> None:
    mill.wait(mill.enqueue(queue="proxied"), "done")
    page = look("about:blank")
    page.route("**/below/**", lambda route: route.continue_(url=route.request.url.replace("/below/", "/")))
    page.goto(f"{mill.url}below/#/tasks?queue=proxied")
    settled(page)
    expect(page.locator("#tasks tbody tr")).to_have_count(1)
    page.get_by_role("link", name="shop.ping").click()
    expect(page.locator("#result pre")).to_have_text('"pong"')


def test_the_theme_is_chosen_kept_and_there_before_anything_is_drawn(mill: Serving, look: Eyes) -> None:
    page = settled(look(mill.url, scheme="light"))
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.get_by_label("Theme").select_option("dark")
    dark = page.evaluate(background)
    assert dark != light
    page.reload(wait_until="commit")
    page.wait_for_function("document.body !== null")
    assert page.evaluate(background) == dark
    page.get_by_label("Theme").select_option("system")
    assert page.evaluate(background) == light


def test_a_screen_reader_hears_the_counts_at_first_and_then_seldom(mill: Serving, look: Eyes) -> None:
    page = settled(look(mill.url))
    said = page.locator("#counts [role=status]")
    expect(said).to_contain_text("in progress")
    page.evaluate("""() => {
        window.changes = 0;
        new MutationObserver(() => window.changes++).observe(document.querySelector('#counts [role=status]'),
            {characterData: true, childList: true, subtree: true});
    }""")
    before = page.locator('.tile[data-status="done"] .tile-count').inner_text()
    for _ in range(3):
        mill.wait(mill.enqueue(), "done")
    expect(page.locator('.tile[data-status="done"] .tile-count')).not_to_have_text(before)
    assert page.evaluate("window.changes") <= 1
