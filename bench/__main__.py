"""Run the rounds: in each, every contender has one turn on the same server, emptied before it."""

import argparse
import sys
import time
from collections.abc import Sequence

from bench import arq_contender, ceiling, huey_contender, limits, lineshaft_contender, report, yardstick
from bench.contender import BenchError, Contender, Figures
from bench.server import Server, running_server

PREPARE_LIMIT_S = 600
TURN_LIMIT_S = 120

CONTENDERS: tuple[Contender, ...] = (
    lineshaft_contender.CONTENDER,
    ceiling.CONTENDER,
    huey_contender.CONTENDER,
    arq_contender.CONTENDER,
    yardstick.CONTENDER,
)


def main() -> int:
    """Measure what the command line asks for and print the figures; give 1 where a turn could not be had."""
    options = arguments()
    limits.exit_on_signals()
    try:
        with running_server() as server:
            prepare(server, options.only)
            results = rounds(server, options.only, options.rounds, options.tasks)
            print(report.text(server.version(), results))
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def arguments() -> argparse.Namespace:
    """Read the command line; `only` comes back as the contenders themselves, in the order of their turns."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Throughput, side by side.")
    parser.add_argument("--rounds", type=positive, default=5, help="rounds, each with one turn a contender (5)")
    parser.add_argument("--tasks", type=positive, help="tasks of each turn (each contender has its own number)")
    parser.add_argument("--only", type=named, default=CONTENDERS, help="names of contenders, with commas between")
    return parser.parse_args()


def positive(text: str) -> int:
    """Read a number of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def named(text: str) -> tuple[Contender, ...]:
    """Find the contenders of a list of names."""
    names = {name.strip() for name in text.split(",")}
    known = {contender.name for contender in CONTENDERS}
    if not names <= known:
        raise argparse.ArgumentTypeError(
            f"no contender {', '.join(sorted(names - known))}: there are {', '.join(sorted(known))}"
        )
    return tuple(contender for contender in CONTENDERS if contender.name in names)


def prepare(server: Server, contenders: Sequence[Contender]) -> None:
    """Let each contender make what it needs, before the first turn."""
    for contender in contenders:
        progress(f"preparing {contender.name}\n")
        with limits.time_limit(PREPARE_LIMIT_S, f"preparing {contender.name}"):
            contender.prepare(server.url)


def rounds(server: Server, contenders: Sequence[Contender], number: int, tasks: int | None) -> dict[str, list[Figures]]:
    """Give each contender's figures, one a round."""
    results: dict[str, list[Figures]] = {contender.name: [] for contender in contenders}
    for at in range(1, number + 1):
        for contender in contenders:
            progress(f"round {at} of {number}: {contender.name} ... ")
            results[contender.name].append(turn(server, contender, tasks or contender.tasks))
    return results


def turn(server: Server, contender: Contender, tasks: int) -> Figures:
    """Empty the server and let one contender have its turn."""
    server.empty()
    start = time.perf_counter()
    with limits.time_limit(TURN_LIMIT_S, f"a turn of {contender.name}"):
        figures = contender.turn(server.url, tasks)
    progress(f"{figures} ({time.perf_counter() - start:.1f} s)\n")
    return figures


def progress(text: str) -> None:
    """Show on stderr how far it is, at once."""
    print(text, end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
