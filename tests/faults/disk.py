"""A small disk of a test's own, to fill and to free: a tmpfs mounted on a folder. Needs root."""

import os
import subprocess
from pathlib import Path
from typing import Self

import psutil

SOURCE = "lineshaft-test-"  # and the pid of whoever mounted it: what the mount table shows
AT_ONCE = 65_536


class SmallDisk:
    """A file system of so many bytes on an empty folder.

    It is unmounted at the end, even while somebody still has files open there; what tests that were killed left mounted goes
    when the next one begins.
    """

    def __init__(self, folder: Path, size: int) -> None:
        unmount_leftovers()
        self.folder = folder
        self._ballast = folder / "ballast"
        _run("mount", "-t", "tmpfs", "-o", f"size={size},mode=700", f"{SOURCE}{os.getpid()}", str(folder))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        _unmount(self.folder)

    def fill(self, *, leave: int = 0) -> None:
        """Take all the space that is free but so many bytes; a tmpfs gives whole pages, so less than a page may stay."""
        with self._ballast.open("ab", buffering=0) as file:
            while (room := self.free_bytes() - leave) > 0:
                if file.write(bytes(min(AT_ONCE, room))) == 0:
                    return

    def free(self) -> None:
        """Give the space back."""
        self._ballast.unlink(missing_ok=True)

    def free_bytes(self) -> int:
        """How much space there is."""
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize


def unmount_leftovers() -> None:
    """Unmount the small disks of processes that live no more."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        source, folder, *_ = line.split(" ")
        if source.startswith(SOURCE) and not psutil.pid_exists(int(source.removeprefix(SOURCE))):
            _unmount(Path(folder))


def _unmount(folder: Path) -> None:
    _run("umount", "--lazy", str(folder))


def _run(*command: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
