"""The built-in app, which `lineshaft serve` runs when it is given none: small real tasks to try things with.

File tasks read only below one folder: `LINESHAFT_DEMO_FOLDER`, by default the current one.
"""

import asyncio
import hashlib
import os
import random
import re
from collections import Counter
from pathlib import Path

from lineshaft.app import App
from lineshaft.errors import ArgumentError
from lineshaft.model.task import TaskContext

CHUNK = 1 << 20
MOST_COMMON = 10
PRIMES_AT_MOST = 50_000_000

app = App("demo", default_task="demo.echo")


@app.task(name="demo.echo")
async def echo(message: str = "hello") -> str:
    """Give back what it is given."""
    return message


@app.task(name="demo.sleep")
async def sleep(seconds: float) -> float:
    """Wait this many seconds, and give them back."""
    await asyncio.sleep(seconds)
    return seconds


@app.task(name="demo.hash_file")
def hash_file(ctx: TaskContext, path: str) -> str:
    """The SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with readable(path).open("rb") as file:
        while chunk := file.read(CHUNK):
            if ctx.cancelled:
                raise InterruptedError("asked to stop")
            digest.update(chunk)
    return digest.hexdigest()


@app.task(name="demo.count_words")
def count_words(ctx: TaskContext, path: str) -> dict[str, int | list[tuple[str, int]]]:
    """How many words a text file has, and its ten most common ones."""
    counts: Counter[str] = Counter()
    with readable(path).open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if ctx.cancelled:
                raise InterruptedError("asked to stop")
            counts.update(re.findall(r"[^\W_]+", line.lower()))
    return {"total": counts.total(), "most_common": counts.most_common(MOST_COMMON)}


@app.task(name="demo.primes")
def primes(n: int) -> int:
    """How many primes there are up to n, by the sieve of Eratosthenes."""
    if not 0 <= n <= PRIMES_AT_MOST:
        raise ArgumentError(f"n must be from 0 to {PRIMES_AT_MOST}, not {n}", "n")
    sieve = bytearray([1]) * (n + 1)
    sieve[:2] = bytes(min(2, n + 1))
    for number in range(2, int(n**0.5) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, n + 1, number)))
    return sum(sieve)


@app.task(name="demo.flaky")
async def flaky(p: float = 0.5) -> str:
    """Fail with probability p, so that retries can be seen."""
    if random.random() < p:  # noqa: S311 - a coin, not a key
        raise RuntimeError(f"failed, as it does {p:.0%} of the time")
    return "it worked this time"


def readable(path: str) -> Path:
    """The file at a path below the demo folder.

    Raises:
        ArgumentError: it is not there, is no plain file, or leads out of the folder, also through a link.
    """
    folder = Path(os.environ.get("LINESHAFT_DEMO_FOLDER", ".")).resolve()
    file = (folder / path).resolve()
    if not file.is_relative_to(folder):
        raise ArgumentError(f"{path!r} leads out of the folder that the demo tasks may read", "path")
    if not file.is_file():
        raise ArgumentError(f"there is no file {path!r} in the folder that the demo tasks may read", "path")
    return file
