"""The write lock of a SQLite file, for all threads and processes that share it."""

import fcntl
import os
import threading
from pathlib import Path
from types import TracebackType


class SqliteWriteLock:
    """A lock for ``with``, held for one write transaction.

    SQLite has one writer and polls for it with sleeps of up to 0.1 s: beside a busy worker an API
    process waited for seconds. The kernel wakes a process that waits for this lock. Two file
    locks make it fair: a process holds the first while it waits for the second, so that the one
    that has just written cannot overtake one that waits. The kernel releases both when a process
    dies. A process that does not use this lock (a shell, a copy) still meets SQLite's own.
    """

    def __init__(self, database: Path) -> None:
        self._threads = threading.Lock()
        self._paths = [Path(f"{database}-{name}") for name in ("next", "turn")]
        self._files: list[int] = []

    def __enter__(self) -> None:
        """Wait for the other threads of this process, then for the other processes."""
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
        """Release the lock."""
        fcntl.flock(self._files[1], fcntl.LOCK_UN)
        self._threads.release()

    def close(self) -> None:
        """Close the files; the next use opens them again."""
        with self._threads:
            files, self._files = self._files, []
            for file in files:
                os.close(file)
