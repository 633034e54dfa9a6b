"""The checkout as data: where its files are, and what stands in them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / "src" / "lineshaft"
SCRIPTS = PACKAGE / "protocol" / "scripts"
SHARED = SCRIPTS / "shared"
GENERATED = re.compile(r"^\.|^__pycache__$|\.egg-info$|^(build|dist|node_modules)$")


def files(folder: Path, *endings: str) -> list[Path]:
    """The files under a folder with one of these endings, or all; without what is not ours or is made by a tool."""
    return sorted(path for path in _walk(folder) if not endings or path.suffix in endings)


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if GENERATED.search(path.name) and path.name != ".ci":
            continue
        if path.is_dir():
            yield from _walk(path)
        elif path.is_file():
            yield path


def modules() -> list[Path]:
    """Every module of the package."""
    return files(PACKAGE, ".py")


def name_of(path: Path) -> str:
    """A path as messages and tables show it: from the checkout's root on."""
    return path.relative_to(ROOT).as_posix()


def functions(tree: ast.AST, within: str = "") -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function in a module, by its qualified name, those inside classes and functions too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{within}{node.name}"
            if not isinstance(node, ast.ClassDef):
                yield name, node
            yield from functions(node, f"{name}.")
        else:
            yield from functions(node, within)
