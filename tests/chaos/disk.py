"""A small file system that can be filled and emptied in an instant."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOM = "2g"
PAGE_KIB = 4
NAME = "godwit-chaos-disk"
NOT_HERE = "no disk is filled: mounting a file system of a fixed size needs root"


class Disk:
    """A file system in memory, whose size is reduced to what is used in order to fill it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self) -> None:
        """Leave no room: every write that needs another page fails from now on."""
        status = os.statvfs(self.path)
        used = (status.f_blocks - status.f_bfree) * status.f_frsize // 1024
        # What is written meanwhile would make the size too small to be accepted.
        for spare in (0, 64, 1024, 16 * 1024):
            if self._resize(f"{used + spare * PAGE_KIB}k"):
                return
        raise OSError("the file system could not be made smaller")

    def free(self) -> None:
        """Make room again; does nothing to one that has some."""
        assert self._resize(ROOM)

    def _resize(self, size: str) -> bool:
        command = ["mount", "-o", f"remount,size={size}", str(self.path)]
        return subprocess.run(command, capture_output=True).returncode == 0


@contextmanager
def small_disk() -> Iterator[Disk | None]:
    """Mount one until the block ends; None where nobody lets us."""
    _forget_the_dead()
    prefix = f"{NAME}-{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as directory:
        path = Path(directory)
        path.chmod(0o755)  # PostgreSQL runs as somebody else.
        if os.geteuid() != 0 or not _mount(path):
            yield None
            return
        try:
            yield Disk(path)
        finally:
            subprocess.run(["umount", "--lazy", directory], capture_output=True)


def _forget_the_dead() -> None:
    """Unmount what processes left that were killed."""
    for left in Path(tempfile.gettempdir()).glob(f"{NAME}-*-*"):
        pid = left.name.split("-")[-2]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            subprocess.run(["umount", "--lazy", str(left)], capture_output=True)


def _mount(path: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", f"size={ROOM},mode=755", NAME, str(path)]
    return subprocess.run(command, capture_output=True).returncode == 0
