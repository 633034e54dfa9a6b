"""Makes the documents that are made from code, or says which are stale: `python -m docs.generate [--check]`."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from docs import command_line_page, key_schema_page, lifecycle_page, python_page, rest_page, scripts_page, settings_page

FOLDER = Path(__file__).resolve().parent

PAGES: dict[str, Callable[[], str]] = {
    "internals/key-schema.md": key_schema_page.page,
    "internals/lifecycle.md": lifecycle_page.page,
    "reference/command-line.md": command_line_page.page,
    "reference/python.md": python_page.page,
    "reference/rest.md": rest_page.page,
    "reference/scripts.md": scripts_page.page,
    "reference/settings.md": settings_page.page,
}
NOTE = "\n<!-- Made from code by `python -m docs.generate`; change the code, not this page. -->\n"


def main(arguments: Sequence[str], folder: Path = FOLDER) -> int:
    """Write the pages, or with `--check` only compare; gives the exit code: 1 when one is stale, 2 for wrong use."""
    if list(arguments) not in ([], ["--check"]):
        sys.stderr.write("usage: python -m docs.generate [--check]\n")
        return 2
    stale = 0
    for name, page in PAGES.items():
        path, text = folder / name, page().rstrip() + "\n" + NOTE
        if path.is_file() and path.read_text("utf-8") == text:
            continue
        if arguments:
            sys.stderr.write(f"docs/{name} is stale: run `python -m docs.generate`\n")
            stale = 1
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            sys.stderr.write(f"docs/{name} is made anew\n")
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
