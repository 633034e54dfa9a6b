"""What the page makes of the answers that it reads: those that fail, those that never come, and the numbers in them."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, Route, expect

from page.accessible import assert_accessible
from page.conftest import Eyes
from page.serving import Serving

REFUSED = "Failed to load resource"


def refuse(page: Page, url: str, status: int, detail: str) -> None:
    """Have this page's requests for something refused from now on."""
    body = json.dumps({"type": "urn:lineshaft:problem", "title": "Refused", "status": status, "detail": detail})
    page.route(url, lambda route: route.fulfill(status=status, content_type="application/problem+json", body=body))


def test_a_task_that_is_gone_while_it_is_looked_at_is_shown_no_more(mill: Serving, look: Eyes) -> None:
    look.forgive(REFUSED)
    task_id = mill.enqueue(delay=600)
    page = look(f"{mill.url}#/tasks/{task_id}")
    expect(page.get_by_role("button", name="Cancel this task")).to_be_visible()
    refuse(page, f"**/tasks/{task_id}", 404, "there is none")
    expect(page.get_by_role("alert")).to_contain_text(f"There is no task {task_id}.")
    expect(page.get_by_role("button", name="Cancel this task")).to_have_count(0)
    expect(page.locator("#timeline")).to_have_count(0)


def test_a_task_that_cannot_be_read_any_more_has_that_said_above_what_is_known(mill: Serving, look: Eyes) -> None:
    look.forgive(REFUSED)
    task_id = mill.enqueue(delay=600)
    page = look(f"{mill.url}#/tasks/{task_id}")
    expect(page.locator("#timeline")).to_contain_text("Not due yet")
    refuse(page, f"**/tasks/{task_id}", 500, "Its record is damaged.")
    expect(page.get_by_role("alert")).to_have_text("Its record is damaged.")
    expect(page.locator("#timeline")).to_contain_text("Not due yet")
    assert_accessible(page)
    page.unroute(f"**/tasks/{task_id}")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_lists_that_cannot_be_read_say_why(mill: Serving, look: Eyes) -> None:
    look.forgive(REFUSED)
    page = look("about:blank")
    refuse(page, "**/tasks?status=failed&*", 500, "An index is damaged.")
    refuse(page, "**/workers", 500, "A record is damaged.")
    page.goto(mill.url)
    expect(page.get_by_role("alert").filter(has_text="An index is damaged.")).to_be_visible()
    expect(page.locator("#workers").get_by_role("alert")).to_have_text("A record is damaged.")
    expect(page.get_by_text("Loading")).to_have_count(0)
    assert_accessible(page)


def test_rows_that_were_read_before_stay_below_the_reason_why_there_are_no_newer_ones(mill: Serving, look: Eyes) -> None:
    look.forgive(REFUSED)
    task_id = mill.enqueue()
    mill.wait(task_id, "done")
    (worker,) = mill.call("GET", "/workers")
    for address, place, answers, row in (
        ("", "#workers", "**/workers", worker["session"][:8]),
        ("#/tasks", "#tasks", "**/tasks?*", task_id),
    ):
        page = look(mill.url + address)
        known = page.locator(place).get_by_role("row").filter(has_text=row)
        expect(known).to_be_visible()
        refuse(page, answers, 500, "A record is damaged.")
        expect(page.get_by_role("alert").filter(has_text="A record is damaged.")).to_be_visible()
        expect(known).to_be_visible()
        assert_accessible(page)


def test_a_read_that_is_never_answered_ends_no_others(mill: Serving, look: Eyes) -> None:
    look.forgive(REFUSED)
    page = look("about:blank")
    held: list[Route] = []
    page.route("**/workers", lambda route: held.append(route) if not held else route.continue_())
    page.goto(mill.url)
    expect(page.get_by_text("Loading workers")).to_be_visible()
    expect(page.locator("#workers").get_by_role("alert")).to_have_text("The server did not answer in time.")
    expect(page.locator("#workers tbody tr")).to_have_count(1)
    expect(page.locator("#workers").get_by_role("alert")).to_have_count(0)


def test_a_page_that_is_read_once_is_asked_for_again_until_it_came(mill: Serving, look: Eyes) -> None:
    look.forgive(REFUSED)
    task_id = mill.enqueue()
    mill.wait(task_id, "done")
    page = look("about:blank")
    asked: list[str] = []

    def first_refuse(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) > 1:
            route.continue_(url=f"{mill.url}tasks?limit=50")
        else:
            route.fulfill(status=503, content_type="application/problem+json", body='{"detail": "Not now."}')

    page.route("**/tasks?cursor=*", first_refuse)
    page.goto(f"{mill.url}#/tasks?cursor=older")
    expect(page.get_by_role("alert")).to_have_text("Not now.")
    expect(page.locator("#tasks")).to_contain_text(task_id)
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_result_is_shown_with_its_numbers_as_they_came(mill: Serving, look: Eyes) -> None:
    task_id = mill.enqueue()
    mill.wait(task_id, "done")
    page = look("about:blank")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    numbers = ["9007199254740993", "-12345678901234567890", "1.0", "-0.0", "1e400", "7"]

    def answer(route: Route) -> None:
        text = route.fetch().text()
        assert '"pong"' in text
        route.fulfill(content_type="application/json", body=text.replace('"pong"', f"[{', '.join(numbers)}]"))

    page.route(f"**/tasks/{task_id}", answer)
    page.goto(f"{mill.url}#/tasks/{task_id}")
    shown = "[\n" + ",\n".join(f"  {number}" for number in numbers) + "\n]"
    expect(page.locator("#result pre")).to_have_text(shown, use_inner_text=True)
    page.get_by_role("button", name="Copy the result").click()
    expect(page.get_by_role("button", name="Copy the result")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == shown


def test_a_scheduled_task_whose_time_has_come_is_due_in_a_list(mill: Serving, look: Eyes) -> None:
    task_id = mill.enqueue(delay=600)
    due = mill.call("GET", f"/tasks/{task_id}")["due_at"]
    page = look("about:blank")

    def answer(route: Route) -> None:
        text = route.fetch().text()
        route.fulfill(content_type="application/json", body=text.replace(due, "2020-01-01T00:00:00.000Z"))

    page.route("**/tasks?*", answer)
    page.goto(f"{mill.url}#/tasks?status=scheduled")
    row = page.locator("#tasks tbody tr").filter(has_text=task_id)
    expect(row.locator("td").last).to_have_text("due")


@pytest.mark.parametrize("part", ["%", "%F0%9F%98%80", "..", "a.b", "a" * 65])
def test_what_cannot_be_an_id_is_no_task_and_nothing_is_asked_of_it(mill: Serving, look: Eyes, part: str) -> None:
    page = look("about:blank")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(mill.url)))
    page.goto(f"{mill.url}#/tasks/{part}")
    expect(page.get_by_role("alert")).to_contain_text("There is no task ")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    assert [url for url in asked if not url.startswith("assets/")][1:] == ["events"]


def test_another_view_does_not_wait_for_the_next_try_of_the_stream(mill: Serving, look: Eyes) -> None:
    look.forgive(f"{REFUSED}|ERR_")
    page = look("about:blank")
    page.route("**/events", lambda route: route.abort())
    page.goto(mill.url)
    expect(page.locator(".outage-more")).to_contain_text(re.compile(r"Trying again in ([6-9]|1\d) s"))
    task_id = mill.enqueue(delay=600)
    with page.expect_request(f"**/events?id={task_id}", timeout=4_000):
        page.evaluate(f"location.hash = '#/tasks/{task_id}'")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()


@pytest.mark.parametrize("hours", [2, -2])
def test_how_far_off_something_is_goes_by_the_clock_of_the_server(mill: Serving, look: Eyes, hours: int) -> None:
    due_id, done_id = mill.enqueue(delay=600), mill.enqueue()
    mill.wait(done_id, "done")
    page = look("about:blank")
    page.clock.install(time=datetime.now(UTC) + timedelta(hours=hours))
    page.goto(f"{mill.url}#/tasks")
    rows = page.locator("#tasks tbody tr")
    expect(rows.filter(has_text=due_id).locator("td").last).to_have_text("in 9 min")
    expect(rows.filter(has_text=done_id).locator("td").last).to_have_text(re.compile(r"^(now|\d+ s ago)$"))
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
