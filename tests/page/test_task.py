"""A task's page: what became of it, and what an operator does about it."""

import json
import re

import pytest
from playwright.sync_api import expect

from page.conftest import Eyes
from page.serving import Serving
from page.shop import HOSTILE


def test_a_failed_task_is_read_mended_and_run_again(mill: Serving, look: Eyes) -> None:
    task_id = mill.enqueue("shop.charge", "order-7")
    mill.wait(task_id, "failed")
    page = look(f"{mill.url}#/tasks/{task_id}")
    expect(page.locator("#error pre")).to_contain_text("Traceback (most recent call last):")
    expect(page.locator("#error pre")).to_contain_text("LookupError: the account of order-7 is empty")
    (worker,) = mill.call("GET", "/workers")
    expect(page.locator("#facts")).to_contain_text(worker["session"][:8])
    steps = page.locator("#timeline .step-what")
    expect(steps).to_have_count(4)
    assert [text.split(" after ")[0] for text in steps.all_inner_texts()] == [
        *("Enqueued in default", "Try 1 failed", "Try 2 failed", "Failed for good"),
    ]
    (mill.folder / "order-7").touch()
    page.get_by_role("button", name="Retry this task").click()
    expect(page.locator(".task-name .badge")).to_have_text("done")
    expect(page.locator("#result pre")).to_contain_text('"paid": "yes"')
    expect(page.locator("#timeline")).to_contain_text("Run again by hand; it was failed")
    assert mill.call("GET", f"/tasks/{task_id}")["status"] == "done"


def test_an_attempt_opens_to_its_own_traceback(mill: Serving, look: Eyes) -> None:
    task_id = mill.enqueue("shop.charge", "order-8")
    mill.wait(task_id, "failed")
    page = look(f"{mill.url}#/tasks/{task_id}")
    attempt = page.locator("#timeline details").first
    expect(attempt.locator("pre")).to_be_hidden()
    attempt.locator("summary").click()
    expect(attempt.locator("pre")).to_contain_text("LookupError: the account of order-8 is empty")


def test_a_running_task_is_cancelled_after_a_question(mill: Serving, look: Eyes) -> None:
    task_id = mill.enqueue("shop.nap", 60)
    mill.wait(task_id, "in-progress")
    page = look(f"{mill.url}#/tasks/{task_id}")
    expect(page.locator("#timeline")).to_contain_text("Running for")
    page.get_by_role("button", name="Cancel this task").click()
    page.get_by_role("button", name="No", exact=True).click()
    expect(page.get_by_role("button", name="Cancel this task")).to_be_focused()
    assert mill.call("GET", f"/tasks/{task_id}/status") == {"status": "in-progress"}
    page.get_by_role("button", name="Cancel this task").click()
    expect(page.get_by_role("button", name="Yes, cancel")).to_be_focused()
    page.get_by_role("button", name="Yes, cancel").click()
    expect(page.locator(".task-name .badge")).to_have_text("cancelled")
    expect(page.get_by_role("button", name="Cancel this task")).to_have_count(0)


def test_a_task_that_waits_for_its_time_is_cancelled(mill: Serving, look: Eyes) -> None:
    task_id = mill.enqueue(delay=600)
    page = look(f"{mill.url}#/tasks/{task_id}")
    expect(page.locator("#timeline")).to_contain_text("Not due yet in 9 min")
    expect(page.locator("#facts")).to_contain_text(re.compile(r"Due\d"))
    page.get_by_role("button", name="Cancel this task").click()
    page.get_by_role("button", name="Yes, cancel").click()
    expect(page.locator(".task-name .badge")).to_have_text("cancelled")


def test_a_task_that_waits_for_its_next_try_says_when_that_is(mill: Serving, look: Eyes) -> None:
    task_id = mill.enqueue("shop.deliver")
    mill.wait(task_id, "scheduled")
    page = look(f"{mill.url}#/tasks/{task_id}")
    expect(page.locator("#timeline li").last).to_contain_text(re.compile(r"Waits for its next try in \d+ (h|min)"))


def test_its_end_is_seen_when_it_comes(mill: Serving, look: Eyes) -> None:
    mill.call("POST", "/queues/ending/pause")
    task_id = mill.enqueue(queue="ending")
    page = look(f"{mill.url}#/tasks/{task_id}")
    expect(page.locator(".task-name .badge")).to_have_text("pending")
    mill.call("POST", "/queues/ending/resume")
    expect(page.locator(".task-name .badge")).to_have_text("done")
    expect(page.locator("#result pre")).to_have_text('"pong"')


def test_what_was_done_once_is_run_again_only_after_a_question(mill: Serving, look: Eyes) -> None:
    task_id = mill.enqueue()
    mill.wait(task_id, "done")
    page = look(f"{mill.url}#/tasks/{task_id}")
    page.get_by_role("button", name="Run this task again").click()
    page.get_by_role("button", name="Yes, run again").click()
    expect(page.locator("#timeline")).to_contain_text("Run again by hand; it was done")


def test_a_refusal_is_told_beside_the_button(mill: Serving, look: Eyes) -> None:
    look.forgive("status of 409")
    task_id = mill.enqueue(delay=600)
    page = look(f"{mill.url}#/tasks/{task_id}")
    page.get_by_role("button", name="Cancel this task").click()
    page.route(f"**/tasks/{task_id}", lambda route: route.continue_(url=f"{mill.url}tasks/{ended(mill)}"))
    page.get_by_role("button", name="Yes, cancel").click()
    expect(page.get_by_role("alert")).to_contain_text("cannot be cancelled")


@pytest.mark.parametrize("width", [390, 720, 1440])
def test_a_long_refusal_leaves_the_name_of_the_task_its_room(mill: Serving, look: Eyes, width: int) -> None:
    look.forgive("status of 409")
    page = look(f"{mill.url}#/tasks/{ended(mill)}", width=width)
    words = json.dumps({"detail": f"It cannot be run again, {'and there is much to say of why, ' * 5}{'q' * 64}."})
    page.route("**/retry", lambda route: route.fulfill(status=409, body=words))
    name = page.get_by_role("heading", name="shop.ping")
    page.get_by_role("button", name="Run this task again").click()
    height = name.evaluate("(name) => name.offsetHeight")
    page.get_by_role("button", name="Yes, run again").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert name.evaluate("(name) => name.offsetHeight") == height
    assert page.evaluate("document.documentElement.scrollWidth") == width


def ended(mill: Serving) -> str:
    """A task that has ended."""
    task_id = mill.enqueue()
    mill.wait(task_id, "done")
    return task_id


def test_an_id_of_no_task_says_so(mill: Serving, look: Eyes) -> None:
    look.forgive("status of 404")
    page = look(f"{mill.url}#/tasks/nope")
    expect(page.get_by_role("alert")).to_contain_text("There is no task nope.")


def test_what_a_task_is_called_and_says_is_text_and_never_code(mill: Serving, look: Eyes) -> None:
    task_id = mill.enqueue(HOSTILE, HOSTILE)
    mill.wait(task_id, "failed")
    for address in (f"#/tasks/{task_id}", "#/tasks?status=failed", "#/"):
        page = look(mill.url + address)
        expect(page.get_by_text(HOSTILE).first).to_be_visible()
        assert page.locator("main img").count() == 0
        assert page.locator("main script").count() == 0
        assert "taken" not in page.title()


def test_the_keyboard_stays_on_the_button_that_stands_there_now(mill: Serving, look: Eyes) -> None:
    task_id = mill.enqueue("shop.charge", "order-keys")
    mill.wait(task_id, "failed")
    (mill.folder / "order-keys").touch()
    page = look(f"{mill.url}#/tasks/{task_id}")
    page.get_by_role("button", name="Retry this task").focus()
    page.keyboard.press("Enter")
    again = page.get_by_role("button", name="Run this task again")
    expect(again).to_be_focused()
    expect(again).to_be_enabled()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Yes, run again")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#timeline").get_by_text("Run again by hand; it was done")).to_be_visible()
    expect(page.locator(".task-name .badge")).to_have_text("done")
    expect(again).to_be_focused()


@pytest.mark.parametrize("status", [409, 500, None])
def test_the_keyboard_stays_on_the_button_when_it_is_not_done(mill: Serving, look: Eyes, status: int | None) -> None:
    look.forgive("Failed to load resource")
    page = look(f"{mill.url}#/tasks/{ended(mill)}")
    page.route("**/retry", lambda route: route.fulfill(status=status) if status else route.abort())
    again = page.get_by_role("button", name="Run this task again")
    again.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Yes, run again")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(again).to_be_focused()


def test_what_was_asked_or_told_goes_when_the_task_is_another(mill: Serving, look: Eyes) -> None:
    look.forgive("status of 409")
    task_id = mill.enqueue("shop.nap", 60)
    mill.wait(task_id, "in-progress")
    page = look(f"{mill.url}#/tasks/{task_id}")
    page.route(
        f"**/tasks/{task_id}",
        lambda route: route.fulfill(status=409) if route.request.method == "DELETE" else route.continue_(),
    )
    page.get_by_role("button", name="Cancel this task").click()
    page.get_by_role("button", name="Yes, cancel").click()
    expect(page.get_by_role("alert")).to_be_visible()
    mill.call("DELETE", f"/tasks/{task_id}")
    expect(page.get_by_role("button", name="Retry this task")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_question_goes_when_the_task_is_another(mill: Serving, look: Eyes) -> None:
    task_id = mill.enqueue("shop.nap", 60)
    mill.wait(task_id, "in-progress")
    page = look(f"{mill.url}#/tasks/{task_id}")
    page.get_by_role("button", name="Cancel this task").click()
    expect(page.get_by_role("button", name="Yes, cancel")).to_be_focused()
    mill.call("DELETE", f"/tasks/{task_id}")
    expect(page.get_by_role("button", name="Retry this task")).to_be_focused()
