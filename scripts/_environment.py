"""The environments of a checkout, made on first use and again when what they are made of changes: `.venv`, and `.venv-docs`."""

from __future__ import annotations  # so that an older Python gets as far as the refusal

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venv"
DOCUMENTS_FOLDER = ROOT / ".venv-docs"
TO_RUN, TO_WORK_ON_IT = "all", "all,test"  # the latter has all of the former, and is much larger


def python(extras: str = TO_WORK_ON_IT) -> str:
    """Make the checkout's environment and the page if need be, and give the path of the interpreter.

    Exits 2 with one line that says what to do where Python is too old or cannot make environments.
    """
    needs = _declared()["project"]
    declared = repr((needs["dependencies"], needs["optional-dependencies"], needs["scripts"], str(ROOT), sys.version))
    made_of = [declared + name for name in dict.fromkeys((extras, TO_WORK_ON_IT))]
    interpreter = _made(FOLDER, made_of, ["-e", f"{ROOT}[{extras}]"])
    subprocess.run(
        [interpreter, ROOT / "ui" / "bundle.py"], check=False
    )  # says what is wrong; all but the page works without it
    return str(interpreter)


def documents_python() -> str:
    """As `python`, for what builds the documents: an environment of its own, with nothing of the project in it."""
    packages = _declared()["dependency-groups"]["docs"]
    return str(_made(DOCUMENTS_FOLDER, [repr((packages, sys.version))], packages))


def _declared() -> dict[str, Any]:
    """What pyproject.toml says.

    Exits 2 where Python is too old.
    """
    if sys.version_info < (3, 11):  # noqa: UP036 - this runs under whatever python3 there is
        sys.exit(_refusal(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: run this with a newer python3"))
    import tomllib  # not there before 3.11

    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def _made(folder: Path, made_of: list[str], install: list[str]) -> Path:
    """Make an environment in a folder, where it is not there or was made of none of these; give its interpreter."""
    interpreter = folder / "bin" / "python"
    stamp = folder / "made-of"
    wanted = [hashlib.sha256(one.encode()).hexdigest() for one in made_of]
    if interpreter.exists() and stamp.exists() and stamp.read_text() in wanted:
        return interpreter
    print(f"making the environment in {folder} (once) ...", file=sys.stderr, flush=True)
    try:
        venv.create(folder, with_pip=True, clear=not interpreter.exists())
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(_refusal(f"could not make {folder} ({error}): on Debian, `apt-get install python3-venv`, then try again"))
    command = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *install]
    if subprocess.run(command, check=False).returncode != 0:
        sys.exit(_refusal("pip could not install what is needed (its messages are above): check the network, then try again"))
    stamp.write_text(wanted[0])
    return interpreter


def run(*arguments: str, **environment: str) -> int:
    """Run a program of the environment from the checkout's root; give its exit code."""
    path = f"{FOLDER / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return subprocess.run(arguments, cwd=ROOT, env={**os.environ, "PATH": path, **environment}, check=False).returncode


def _refusal(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 2
