"""Runs mutants: each in a copy of the checkout of its own, against the tests that must notice it.

A mutant is killed when one of its tests fails where it checks the behaviour, in the test itself: a test that cannot even be
set up, imported or ended proves nothing.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from .mutant import PACKAGE, ROOT, Mutant, StaleMutantError, copy_of

AT_ONCE = 2
TEST_S = 60  # a test that takes longer has hung
MUTANT_S, UNMUTATED_S = 180, 900

Verdict = Literal["killed", "SURVIVED", "STALE", "BROKEN"]


@dataclass(frozen=True)
class Found:
    """What running a mutant showed: `by` is the test that killed it, or what is wrong."""

    mutant: Mutant
    verdict: Verdict
    by: str
    seconds: float


@dataclass
class Layer:
    """What the witness said of one run of tests."""

    code: int
    output: str
    packages: list[str] = field(default_factory=list)
    failed: list[dict[str, str]] = field(default_factory=list)


def run_tests(root: Path, tests: Sequence[str], limit_s: float, *, to_the_end: bool = False) -> Layer:
    """Run tests of a copy, up to the first that fails unless told otherwise, against the package of that copy."""
    with tempfile.NamedTemporaryFile("r", prefix="witness-") as witness:
        paths = os.pathsep.join(str(root / name) for name in ("src", "tests"))
        environment = {**os.environ, "PYTHONPATH": paths, "MUTANT_WITNESS": witness.name}
        options = (
            *(() if to_the_end else ("-x",)),
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "mutants.witness",
            f"--timeout={TEST_S}",
        )
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *options, *(f"tests/{test}" for test in tests)],
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            output = f"it did not end within {limit_s:g} s"
        finally:
            _kill_group(process)
        layer = Layer(process.returncode, output)
        for line in witness:
            fact = json.loads(line)
            if "package" in fact:
                layer.packages.append(fact["package"])
            else:
                layer.failed.append(fact)
    if layer.packages != [str((root / PACKAGE).resolve())]:
        layer.code, layer.output = -1, f"tested {layer.packages or 'nothing'}, not the copy\n{output}"
    return layer


def _kill_group(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def judge(layer: Layer) -> tuple[Verdict, str]:
    """What a run of its tests says of a mutant, and the test that killed it or what is wrong."""
    if layer.code == 0:
        return "SURVIVED", "every test passed"
    if layer.code == 1 and layer.failed and layer.failed[0]["phase"] == "call":
        return "killed", layer.failed[0]["failed"].removeprefix("tests/")
    return "BROKEN", f"exit code {layer.code}: {layer.failed or layer.output[-2000:]}"


class Mill:
    """Runs mutants of one state of the checkout: that of the moment when it was made.

    Args:
        folder: an empty one, for its copies.
        at_once: how many it runs at a time.
    """

    def __init__(self, folder: Path, at_once: int = AT_ONCE) -> None:
        self._folder = folder
        self._at_once = at_once
        self._unmutated = copy_of(ROOT, folder / "unmutated")

    def unmutated_failures(self, mutants: Sequence[Mutant]) -> list[str]:
        """Run all the tests that are named, without a mutant; gives those that failed, and what pytest said where it broke."""
        tests = sorted({test for mutant in mutants for test in mutant.tests})
        parts = [part for n in range(self._at_once) if (part := tests[n :: self._at_once])]
        with ThreadPoolExecutor(self._at_once) as pool:
            layers = list(pool.map(lambda part: run_tests(self._unmutated, part, UNMUTATED_S, to_the_end=True), parts))
        failed = [fact["failed"].removeprefix("tests/") for layer in layers for fact in layer.failed]
        return failed + [layer.output[-5000:] for layer in layers if layer.code not in {0, 1}]

    def try_all(self, mutants: Sequence[Mutant]) -> Iterator[Found]:
        """Run mutants and give what each showed, in their order."""
        with ThreadPoolExecutor(self._at_once) as pool:
            yield from pool.map(self._try_one, mutants)

    def _try_one(self, mutant: Mutant) -> Found:
        began_s = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="mutant-", dir=self._folder) as folder:
            root = copy_of(self._unmutated, Path(folder) / "checkout")
            try:
                mutant.apply(root)
            except StaleMutantError as error:
                return Found(mutant, "STALE", str(error), 0.0)
            verdict, by = judge(run_tests(root, mutant.tests, MUTANT_S))
        return Found(mutant, verdict, by, time.monotonic() - began_s)
