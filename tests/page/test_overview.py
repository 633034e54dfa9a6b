"""The overview: counts, rates, queues, workers, and what runs and fails."""

import json
import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from page.accessible import assert_accessible
from page.conftest import Eyes
from page.serving import Serving, until
from servers import RunningServer

Serve = Callable[..., Serving]


def amount(page: Page, status: str) -> int:
    """How many tasks it says there are with this word; -1 before it knows."""
    said = page.locator(f'.tile[data-status="{status}"] .tile-count').inner_text().replace(",", "")
    return int(said) if said.isdigit() else -1


def test_a_new_server_says_how_to_queue_the_first_task(serve: Serve, look: Eyes) -> None:
    serving = serve()
    page = look(serving.url)
    expect(page.get_by_role("heading", name="No tasks yet")).to_be_visible()
    expect(page.locator(".command code")).to_have_text(f"curl -X POST {serving.url}tasks")
    assert [amount(page, status) for status in ("failed", "pending", "done")] == [0, 0, 0]
    assert_accessible(page)
    serving.enqueue()
    expect(page.get_by_role("heading", name="No tasks yet")).to_have_count(0)
    expect(page.locator('.tile[data-status="done"] .tile-count')).to_have_text("1")


def test_counts_and_rates_move_by_themselves(mill: Serving, look: Eyes) -> None:
    page = look(mill.url)
    until(lambda: amount(page, "done") >= 0)
    before = amount(page, "done")
    for _ in range(7):
        mill.enqueue()
    until(lambda: amount(page, "done") >= before + 7)
    expect(page.locator('[data-line="done"] dd')).to_have_text(re.compile("[1-9]"))
    expect(page.get_by_text("Live", exact=True)).to_be_visible()


def test_the_chart_begins_with_what_was_before_it_was_opened(mill: Serving, look: Eyes) -> None:
    mill.wait(mill.enqueue(), "done")
    page = look(mill.url)
    chart = page.get_by_role("img", name="The rates above")
    painted = "canvas => new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer)"
    colours = f"({painted})(document.querySelector('#rates canvas')).reduce((all, pixel) => all.add(pixel), new Set()).size"
    expect(chart).to_be_visible()
    until(lambda: page.evaluate(colours) > 20)


def test_each_line_of_the_chart_has_a_dash_of_its_own_and_so_has_its_name(mill: Serving, look: Eyes) -> None:
    mill.wait(mill.enqueue(), "done")
    page = look("about:blank")
    page.add_init_script("""{
        const real = CanvasRenderingContext2D.prototype.setLineDash;
        window.dashes = new Set();
        CanvasRenderingContext2D.prototype.setLineDash = function (dash) {
            window.dashes.add(String(dash));
            real.call(this, dash);
        };
    }""")
    page.goto(mill.url)
    until(lambda: page.evaluate("dashes.size") >= 4)
    marks = (
        "(names) => names.map((name) => getComputedStyle(name, '::before')).map((mark) => mark.borderTopStyle + mark.maskImage)"
    )
    assert len(set(page.locator(".legend > div").evaluate_all(marks))) == 4


def test_a_paused_queue_keeps_its_tasks_until_it_is_resumed(mill: Serving, look: Eyes) -> None:
    mill.wait(mill.enqueue(queue="slow.lane"), "done")
    page = look(mill.url)
    row = page.locator("#queues tbody tr").filter(has_text="slow.lane")
    row.get_by_role("button", name="Pause slow.lane").click()
    expect(row).to_contain_text("paused")
    waiting = mill.enqueue(queue="slow.lane")
    expect(row.locator("td").first).to_have_text("1")
    assert mill.call("GET", f"/tasks/{waiting}/status") == {"status": "pending"}
    row.get_by_role("button", name="Resume slow.lane").click()
    expect(row).not_to_contain_text("paused")
    mill.wait(waiting, "done")
    expect(row.locator("td").first).to_have_text("0")


def test_it_shows_who_works_and_what_runs_now(mill: Serving, look: Eyes) -> None:
    task_id = mill.enqueue("shop.nap", 60)
    page = look(mill.url)
    running = page.locator("#running tbody tr").filter(has_text=task_id)
    (worker,) = mill.call("GET", "/workers")
    expect(running).to_contain_text(f"shop.nap{task_id} on {worker['session'][:8]}")
    row = page.locator("#workers tbody tr")
    expect(row).to_contain_text(f"{worker['host']} {worker['pid']}")
    until(lambda: row.locator("td.number").first.inner_text() == str(mill.call("GET", "/workers")[0]["running"]) != "0")
    mill.call("DELETE", f"/tasks/{task_id}")
    expect(running).to_have_count(0)


def test_a_worker_that_was_told_to_be_quiet_is_marked(
    serve: Callable[..., Serving], start_server: Callable[..., RunningServer], look: Eyes
) -> None:
    redis = start_server()
    page = look(serve("--redis-url", redis.url).url)
    row = page.locator("#workers tbody tr")
    expect(row).to_contain_text("all")
    expect(row).not_to_contain_text("quiet")
    subprocess.run([sys.executable, "-m", "lineshaft", "worker", "quiet", "--all", "--redis-url", redis.url], check=True)
    expect(row).to_contain_text("quiet")
    assert_accessible(page)


def test_what_failed_stands_there_with_its_error(mill: Serving, look: Eyes) -> None:
    page = look(mill.url)
    task_id = mill.enqueue("shop.charge", "order-overview")
    failure = page.locator("#failures tbody tr").filter(has_text=task_id)
    expect(failure).to_contain_text("LookupError the account of order-overview is empty")
    failure.get_by_role("link", name="shop.charge").click()
    expect(page).to_have_url(f"{mill.url}#/tasks/{task_id}")
    expect(page.get_by_role("heading", name="shop.charge")).to_be_focused()


def queue_row(mill: Serving, page: Page, queue: str) -> Locator:
    """The row of a queue that is there to stay, with nothing in it that waits."""
    mill.wait(mill.enqueue(queue=queue), "done")
    return page.locator("#queues tbody tr").filter(has=page.get_by_role("button", name=re.compile(f"(Pause|Resume) {queue}$")))


def test_the_keyboard_stays_on_the_button_of_a_queue(mill: Serving, look: Eyes) -> None:
    page = look(mill.url)
    queue_row(mill, page, "kept").get_by_role("button").focus()
    for name in ("Resume kept", "Pause kept"):
        page.keyboard.press("Enter")
        button = page.get_by_role("button", name=name)
        expect(button).to_be_focused()
        expect(button).to_be_enabled()
        expect(button).to_be_focused()


@pytest.mark.parametrize("status", [409, 500, None])
def test_the_keyboard_stays_where_it_was_when_it_is_not_done(mill: Serving, look: Eyes, status: int | None) -> None:
    look.forgive("Failed to load resource")
    page = look(mill.url)
    refuse(page, status)
    button = queue_row(mill, page, "kept").get_by_role("button", name="Pause kept")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(button).to_be_focused()


def refuse(page: Page, status: int | None, words: str = "It is not done.") -> None:
    """Have every press on a queue's button answered so; None: not at all."""
    answer = json.dumps({"detail": words})
    page.route("**/queues/*/*", lambda route: route.fulfill(status=status, body=answer) if status else route.abort())


def test_a_queue_that_goes_with_its_button_leaves_the_keyboard_in_the_table(mill: Serving, look: Eyes) -> None:
    mill.call("POST", "/queues/brief/pause")
    page = look(mill.url)
    page.get_by_role("button", name="Resume brief").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=re.compile("brief"))).to_have_count(0)
    expect(page.get_by_role("group", name="Queues")).to_be_focused()


def test_the_second_press_of_a_double_click_does_not_take_the_first_one_back(mill: Serving, look: Eyes) -> None:
    page = look(mill.url)
    row = queue_row(mill, page, "twice")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]) if request.method == "POST" else None)
    place = row.get_by_role("button", name="Pause twice").bounding_box()
    assert place is not None
    middle = (place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    page.mouse.click(*middle)
    resume = row.get_by_role("button", name="Resume twice")
    expect(resume).to_be_visible()
    page.mouse.click(*middle)
    expect(resume).to_be_enabled()
    assert asked == ["pause"]
    resume.click()
    expect(row.get_by_role("button", name="Pause twice")).to_be_enabled()
    assert asked == ["pause", "resume"]


@pytest.mark.parametrize("width", [390, 1440])
def test_why_a_queue_was_not_paused_has_room_and_goes_once_it_is(mill: Serving, look: Eyes, width: int) -> None:
    look.forgive("status of 409")
    page = look(mill.url, width=width)
    words = f"The queue cannot be paused, {'and there is much to say of why that is so, ' * 3}{'q' * 64}."
    refuse(page, 409, words)
    mill.call("POST", "/queues/refused.other/pause")
    row = queue_row(mill, page, "refused")
    expect(page.get_by_role("button", name="Resume refused.other")).to_be_visible()
    button = row.get_by_role("button", name="Pause refused")
    button.click()
    alert = page.locator("#queues").get_by_role("alert")
    expect(alert).to_have_text(words)
    beyond = "(all) => all.filter((part) => part.getBoundingClientRect().right > innerWidth).length"
    assert page.locator("#queues :is(td, button, p)").evaluate_all(beyond) == 0
    assert page.locator("#queues .wide").evaluate("(wide) => wide.scrollWidth - wide.clientWidth") == 0
    assert_accessible(page)
    mill.call("POST", "/queues/refused/pause")
    expect(row.get_by_role("button", name="Resume refused")).to_be_visible()
    expect(alert).to_have_count(0)
    for queue in ("refused", "refused.other"):
        mill.call("POST", f"/queues/{queue}/resume")


def test_a_press_that_nobody_answers_ends_and_says_that_nothing_is_known(mill: Serving, look: Eyes) -> None:
    look.forgive("Failed to load resource")
    page = look(mill.url)
    button = queue_row(mill, page, "silent").get_by_role("button", name="Pause silent")
    page.evaluate("() => { const real = AbortSignal.timeout.bind(AbortSignal); AbortSignal.timeout = (ms) => real(ms / 20); }")
    page.route("**/queues/*/*", lambda _route: None)
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_be_disabled()
    alert = page.locator("#queues").get_by_role("alert")
    expect(alert).to_have_text("No answer within 15 s. It is not known whether it was done.")
    expect(button).to_be_focused()
    page.unroute("**/queues/*/*")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Resume silent")).to_be_enabled()
    expect(alert).to_have_count(0)
