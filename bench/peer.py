"""A peer: another task queue, in an environment of its own, measured by a script of its own."""

import hashlib
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from bench.children import child, json_line
from bench.contender import BenchError, Figures

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / ".bench-env"
SCRIPTS = ROOT / "bench" / "peers"


@dataclass(frozen=True)
class Peer:
    """A contender whose script `bench/peers/<name>_peer.py` has the commands `fill URL TASKS` and `drain URL TASKS`.

    Each prints one JSON line, {"tasks": how many, "seconds": in what time}; drain counts inside its worker.
    """

    name: str
    tasks: int
    requirements: tuple[str, ...]

    def prepare(self, url: str) -> None:  # noqa: ARG002
        """Make the peer's environment on first use, and again when its requirements change."""
        folder = self._folder()
        stamp = folder / "made-of"
        wanted = hashlib.sha256(repr((self.requirements, str(folder), sys.version)).encode()).hexdigest()
        if stamp.exists() and stamp.read_text() == wanted:
            return
        print(f"making the environment in {folder} (once) ...", file=sys.stderr, flush=True)
        try:
            venv.create(folder, with_pip=True, clear=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise BenchError(f"could not make {folder} ({error})") from error
        self._install()
        stamp.write_text(wanted)

    def turn(self, url: str, tasks: int) -> Figures:
        """Fill the queue by one process, then drain it by another, the worker."""
        return Figures(enqueue_per_s=self._rate("fill", url, tasks), run_per_s=self._rate("drain", url, tasks))

    def _rate(self, command: str, url: str, tasks: int) -> float:
        report = json_line([self._python(), "-I", str(SCRIPTS / f"{self.name}_peer.py"), command, url, str(tasks)])
        if report["tasks"] != tasks:
            raise BenchError(f"{self.name}'s {command} reported {report['tasks']} tasks, not {tasks}")
        return tasks / report["seconds"]

    def _install(self) -> None:
        install = [self._python(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *self.requirements]
        with child(install) as process:
            process.communicate()
        if process.returncode != 0:
            raise BenchError(f"pip could not install {self.name} (its messages are above): check the network")

    def _folder(self) -> Path:
        return ENVIRONMENTS / self.name

    def _python(self) -> str:
        return str(self._folder() / "bin" / "python")
