"""The one environment of a checkout: made on first use, made again when what it is made of changes."""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venv"
EXTRAS = "all,test"


def python() -> str:
    """Make the checkout's environment if need be, and give the path of its interpreter.

    Exits 2 with one line that says what to do where Python is too old or cannot make environments.
    """
    if sys.version_info < (3, 11):  # noqa: UP036 - this runs under whatever python3 there is
        sys.exit(_refusal(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: run this with a newer python3"))
    import tomllib  # not there before 3.11

    interpreter = FOLDER / "bin" / "python"
    stamp = FOLDER / "made-of"
    needs = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    made_of = repr((needs["dependencies"], needs["optional-dependencies"], needs["scripts"], str(ROOT), sys.version))
    wanted = hashlib.sha256(made_of.encode()).hexdigest()
    if interpreter.exists() and stamp.exists() and stamp.read_text() == wanted:
        return str(interpreter)
    print(f"making the environment in {FOLDER} (once) ...", file=sys.stderr, flush=True)
    try:
        venv.create(FOLDER, with_pip=True, clear=not interpreter.exists())
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(_refusal(f"could not make {FOLDER} ({error}): on Debian, `apt-get install python3-venv`, then try again"))
    install = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-e", f"{ROOT}[{EXTRAS}]"]
    if subprocess.run(install, check=False).returncode != 0:
        sys.exit(_refusal("pip could not install the project (its messages are above): check the network, then try again"))
    stamp.write_text(wanted)
    return str(interpreter)


def run(*arguments: str, **environment: str) -> int:
    """Run a program of the environment from the checkout's root; give its exit code."""
    path = f"{FOLDER / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return subprocess.run(arguments, cwd=ROOT, env={**os.environ, "PATH": path, **environment}, check=False).returncode


def _refusal(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 2
