"""Whose turn it is to write to a SQLite file, among all threads and processes that share it."""

import fcntl
import os
import threading
from pathlib import Path
from types import TracebackType


class SqliteWriteLock:
    """A lock for ``with``, held for the length of one write transaction.

    SQLite has one writer, and whoever finds it busy naps for up to a tenth of a second: beside a
    busy worker an API process came to its turn after seconds. The kernel wakes who waits here. Two
    locks make it fair: the first is for the place at the front of the queue, so that the process
    that has just written cannot be next again while another one waits. The kernel gives both back
    when a process dies. Whoever does not ask here (a shell, a copy) still meets SQLite's own lock.
    """

    def __init__(self, database: Path) -> None:
        self._threads = threading.Lock()
        self._paths = [Path(f"{database}-{name}") for name in ("next", "turn")]
        self._files: list[int] = []

    def __enter__(self) -> None:
        """Wait for the turn of this thread, then for that of this process."""
        self._threads.acquire()
        try:
            if not self._files:
                flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
                self._files = [os.open(path, flags, 0o600) for path in self._paths]
            front, lock = self._files
            fcntl.flock(front, fcntl.LOCK_EX)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
            finally:
                fcntl.flock(front, fcntl.LOCK_UN)
        except BaseException:
            self._threads.release()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the next one write."""
        fcntl.flock(self._files[1], fcntl.LOCK_UN)
        self._threads.release()

    def close(self) -> None:
        """Close the files; a later turn opens them again."""
        with self._threads:
            files, self._files = self._files, []
            for file in files:
                os.close(file)
