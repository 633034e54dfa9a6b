"""What the page makes of the answers that it reads: those that fail, those that never come, and the numbers in them."""

import json

from playwright.sync_api import Page, expect

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
