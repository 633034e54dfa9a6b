"""The overview: counts, rates, queues, workers, and what runs and fails."""

import re
import subprocess
import sys
from collections.abc import Callable

from playwright.sync_api import Page, expect

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
