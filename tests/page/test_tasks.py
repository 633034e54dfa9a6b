"""The list of tasks: filters, pages, and addresses that can be sent around."""

import pytest
from playwright.sync_api import Page, expect

from page.conftest import Eyes
from page.serving import Serving

PAGE = 50


def ids(page: Page) -> list[str]:
    """The tasks that are shown."""
    return page.locator("#tasks .id").all_inner_texts()


def test_filters_stand_in_the_address_and_can_be_cleared(mill: Serving, look: Eyes) -> None:
    done, failed = mill.enqueue(queue="filtered"), mill.enqueue("shop.charge", "order-filtered", queue="filtered")
    mill.wait(done, "done")
    mill.wait(failed, "failed")
    page = look(f"{mill.url}#/tasks")
    page.get_by_label("Queue").select_option("filtered")
    expect(page.locator("#tasks tbody tr")).to_have_count(2)
    page.get_by_label("Status").select_option("failed")
    expect(page.locator("#tasks tbody tr")).to_have_count(1)
    assert ids(page) == [failed]
    expect(page).to_have_url(f"{mill.url}#/tasks?status=failed&queue=filtered")
    page.get_by_label("Status").select_option("")
    page.get_by_role("searchbox", name="Task").fill("shop.ping")
    page.keyboard.press("Enter")
    expect(page.locator("#tasks tbody tr")).to_have_count(1)
    assert ids(page) == [done]
    page.reload()
    expect(page.get_by_role("searchbox", name="Task")).to_have_value("shop.ping")
    expect(page.locator("#tasks tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Clear").click()
    expect(page).to_have_url(f"{mill.url}#/tasks")
    expect(page.get_by_label("Queue")).to_have_value("")


def test_what_is_scheduled_says_how_far_off_it_is(mill: Serving, look: Eyes) -> None:
    mill.enqueue(queue="later", delay=3 * 3600 - 60)
    page = look(f"{mill.url}#/tasks?status=scheduled&queue=later")
    expect(page.locator("#tasks tbody tr time")).to_have_text("in 2 h")


def test_older_tasks_are_on_further_pages(mill: Serving, look: Eyes) -> None:
    batch = [{"task": "shop.ping", "queue": "many"}] * (PAGE + 7)
    made = [item["taskID"] for item in mill.call("POST", "/tasks/batch", batch)["items"]]
    for task_id in made:
        mill.wait(task_id, "done")
    page = look(f"{mill.url}#/tasks?status=done&queue=many")
    rows = page.locator("#tasks tbody tr")
    expect(rows).to_have_count(PAGE)
    newest = ids(page)
    page.get_by_role("link", name="Older").click()
    expect(rows).to_have_count(7)
    assert sorted(newest + ids(page)) == sorted(made)
    expect(page.get_by_role("link", name="Older")).to_have_count(0)
    page.go_back()
    expect(rows).to_have_count(PAGE)
    page.go_forward()
    page.get_by_role("link", name="Newest").click()
    expect(rows).to_have_count(PAGE)
    assert ids(page) == newest


def test_the_newest_page_goes_on_by_itself(mill: Serving, look: Eyes) -> None:
    page = look(f"{mill.url}#/tasks?queue=fresh")
    expect(page.get_by_text("No task is like that.")).to_be_visible()
    task_id = mill.enqueue(queue="fresh")
    row = page.locator("#tasks tbody tr")
    expect(row).to_contain_text(task_id)
    expect(row).to_contain_text("done")


def test_a_cursor_that_nobody_gave_is_refused_in_words(mill: Serving, look: Eyes) -> None:
    look.forgive("status of 422")
    page = look(f"{mill.url}#/tasks?cursor=nonsense")
    expect(page.get_by_role("alert")).to_contain_text("cursor")


def test_the_keyboard_stays_in_the_filters(mill: Serving, look: Eyes) -> None:
    mill.wait(mill.enqueue(queue="keyed"), "done")
    page = look(f"{mill.url}#/tasks?queue=keyed")
    status, task = page.get_by_label("Status"), page.get_by_role("searchbox", name="Task")
    words = status.locator("option").all_inner_texts()
    status.focus()
    for word in words[1:3]:
        page.keyboard.press("ArrowDown")
        expect(page).to_have_url(f"{mill.url}#/tasks?status={word}&queue=keyed")
        expect(page.get_by_text("No task is like that.")).to_be_visible()
        expect(status).to_be_focused()
    task.focus()
    page.keyboard.type("shop.ping")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{mill.url}#/tasks?status={words[2]}&queue=keyed&task=shop.ping")
    expect(page.get_by_text("No task is like that.")).to_be_visible()
    expect(task).to_be_focused()
    page.get_by_role("link", name="Clear").focus()
    page.keyboard.press("Enter")
    expect(status).to_be_focused()
    expect(task).to_have_value("")


def test_what_is_being_typed_stays_while_the_page_goes_on(mill: Serving, look: Eyes) -> None:
    page = look(f"{mill.url}#/tasks?queue=typing")
    task = page.get_by_role("searchbox", name="Task")
    task.type("shop.pi")
    mill.enqueue(queue="typing")
    expect(page.locator("#tasks tbody tr")).to_contain_text("done")
    mill.wait(mill.enqueue(queue="typing.other"), "done")
    expect(page.get_by_label("Queue").locator("option", has_text="typing.other")).to_have_count(1)
    expect(task).to_have_value("shop.pi")
    expect(task).to_be_focused()


@pytest.mark.parametrize("width", [390, 720, 1440])
def test_a_long_name_of_a_queue_does_not_widen_the_page(mill: Serving, look: Eyes, width: int) -> None:
    queue = "q" * 64
    mill.wait(mill.enqueue(queue=queue), "done")
    page = look(f"{mill.url}#/tasks?queue={queue}&task=shop.ping", width=width)
    expect(page.locator("#tasks tbody tr").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    beyond = "(all) => all.filter((part) => part.getBoundingClientRect().right > innerWidth).length"
    assert page.locator(".filters :is(label, select, input, a)").evaluate_all(beyond) == 0
