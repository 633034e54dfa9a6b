"""The build hook: makes the page that the server shows, and fails where it cannot. What it does stands in ui/bundle.py."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).resolve().parent / "ui"))

import bundle  # stands beside the sources of the page


class PageHook(BuildHookInterface):
    """Runs before the files of a wheel (also an editable one) or of a source distribution are collected."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node, as a package, where this machine has none and the page is to be made."""
        return bundle.requirements()

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling gives it
        """Make the page. A checkout can do without it, and says so at `/`; what is given to others cannot."""
        try:
            bundle.make()
        except bundle.BundleError as error:
            if version != "editable":
                raise
            self.app.display_warning(f"the page could not be made: {error}")
