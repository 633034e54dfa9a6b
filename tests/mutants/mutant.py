"""A mutant: the product with one defect, and the tests that must notice."""

import shutil
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path("src/lineshaft")
COPIED = ("src", "tests", "scripts", "pyproject.toml")


@dataclass(frozen=True)
class Mutant:
    """One small change to the product.

    Attributes:
        name: what is wrong with it, in words joined by hyphens.
        file: which file changes, from `src/lineshaft` on.
        old: the text that is replaced; it stands there exactly once.
        new: what stands there instead.
        tests: the files or tests, from `tests` on, of which at least one must fail.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def changed(self, root: Path = ROOT) -> str:
        """The text of its file with the defect in it.

        Raises:
            StaleMutantError: the text to replace is not there exactly once, or the change is none.
        """
        text = (root / PACKAGE / self.file).read_text()
        amount = text.count(self.old)
        if amount != 1:
            raise StaleMutantError(f"{self.name}: the text to replace stands {amount} times in {self.file}")
        if self.old == self.new:
            raise StaleMutantError(f"{self.name}: it changes nothing")
        return text.replace(self.old, self.new)

    def apply(self, root: Path) -> None:
        """Put the defect into a copy of the checkout."""
        (root / PACKAGE / self.file).write_text(self.changed(root))


class StaleMutantError(Exception):
    """The product was changed where a mutant changes it: give the mutant its new text."""


def copy_of(checkout: Path, target: Path) -> Path:
    """Copy what tests need of a checkout, without what Python compiled; gives the copy."""
    target.mkdir()
    for name in COPIED:
        if (checkout / name).is_dir():
            shutil.copytree(checkout / name, target / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        else:
            shutil.copy2(checkout / name, target / name)
    return target
