"""The app of the pictures: a shop on an ordinary day, whose mail server turns some customers away."""

import asyncio
import random

from lineshaft import App, Retry

app = App("shop", default_task="orders.confirm")
chance = random.Random(1)  # noqa: S311 - for a picture


@app.task(name="orders.confirm")
async def confirm(order: int = 0) -> dict[str, int | str]:
    """Confirm an order."""
    await asyncio.sleep(chance.uniform(0.05, 0.4))
    return {"order": order, "state": "confirmed"}


@app.task(name="mail.send_receipt", queue="mail", retry=Retry(tries=3, base=2.0))
async def send_receipt(order: int, to: str) -> str:
    """Send a receipt; the mail server knows nobody at example.org."""
    await asyncio.sleep(chance.uniform(0.1, 0.8))
    deliver(to)
    return f"receipt of order {order} sent to {to}"


def deliver(to: str) -> None:
    """Hand a message to the mail server."""
    if to.endswith("@example.org"):
        raise ConnectionRefusedError(f"550 5.1.1 <{to}>: recipient address rejected, user unknown")


@app.task(name="images.resize", queue="images")
async def resize(path: str, seconds: float) -> dict[str, object]:
    """Make small pictures of a large one."""
    await asyncio.sleep(seconds)
    return {"path": path, "widths": [320, 640, 1280]}
