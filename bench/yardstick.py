"""The yardstick: plain SETs by redis-benchmark, which say how fast server and machine are today."""

import csv
import io
from urllib.parse import urlsplit

from bench.children import child
from bench.contender import BenchError, Figures
from bench.server import program_of_redis

PIPELINE = 100
SETS = 2_000_000


class Yardstick:
    """`redis-benchmark -P 100 -t set`, with all else as it comes (50 connections, one key, 3 bytes)."""

    name = "yardstick"
    tasks = SETS

    def prepare(self, url: str) -> None:  # noqa: ARG002
        """Find the program."""
        program_of_redis("redis-benchmark")

    def turn(self, url: str, tasks: int) -> Figures:
        """Measure that many SETs, but no fewer than 2,000,000: these take a second or so."""
        where = urlsplit(url)
        options = {"-h": where.hostname, "-p": where.port, "-P": PIPELINE, "-n": max(tasks, SETS), "-t": "set"}
        words = [str(word) for option in options.items() for word in option]
        with child([program_of_redis("redis-benchmark"), "--csv", *words]) as process:
            printed, _ = process.communicate()
        return Figures(set_per_s=_rate(printed))


def _rate(printed: str) -> float:
    """Find the rate in what --csv prints: a line of headings, then "SET","1798561.12",..."""
    for row in csv.reader(io.StringIO(printed)):
        if row and row[0] == "SET":
            return float(row[1])
    raise BenchError(f"redis-benchmark printed no figure but {printed!r}")


CONTENDER = Yardstick()
