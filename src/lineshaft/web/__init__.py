"""The page that the server shows at `/`, as files. `ui/bundle.py` makes them in `static/`; this only reads them.

It knows nothing of HTTP or of the queue: the page asks the API for everything it shows.
"""

import json
from dataclasses import dataclass
from importlib import resources

INDEX = "index.html"


@dataclass(frozen=True)
class Page:
    """The page itself, and what it loads, by name. A name with a hash in it never stands for other content."""

    index: bytes
    assets: dict[str, bytes]


def load() -> Page | None:
    """Read the page; None where it was not made."""
    static = resources.files(__name__) / "static"
    try:
        names = json.loads((static / "manifest.json").read_text())["files"]
        files = {name: (static / name).read_bytes() for name in names}
        return Page(files.pop(INDEX), files)
    except (OSError, ValueError, KeyError):
        return None
