"""The app that the page is looked at with. It stands in a process of its own."""

import asyncio
import os
from pathlib import Path

from lineshaft import App, Retry

app = App("shop", default_task="shop.ping")
HOSTILE = "<img/src=x/onerror=document.title='taken'><script>document.title='taken'</script>"


@app.task(name="shop.ping")
async def ping() -> str:
    return "pong"


@app.task(name="shop.nap")
async def nap(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds


@app.task(name="shop.charge", retry=Retry(tries=2, base=0.01))
async def charge(order: str) -> dict[str, str]:
    """Works once somebody has topped the account up."""
    if not (Path(os.environ["SHOP_FOLDER"]) / order).exists():
        raise LookupError(f"the account of {order} is empty")
    return {"order": order, "paid": "yes"}


@app.task(name="shop.deliver", retry=Retry(tries=2, base=3600, jitter=0))
async def deliver() -> None:
    """Fails, and waits long for its next try."""
    raise ConnectionError("nobody is at home")


@app.task(name=HOSTILE, retry=Retry(tries=1))
async def hostile(what: str) -> None:
    raise ValueError(what)
