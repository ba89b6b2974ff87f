"""The write lock of a SQLite file, for all threads and processes that share it."""

import fcntl
import os
import threading
import time
from pathlib import Path
from types import TracebackType

from campaign.failures import StoreUnavailable

# The longest wait for other threads of this process, whose writer may be stuck.
THREADS_SECONDS_MAX = 20.0
# The longest wait for other processes. The longest transaction (50,000 recipients) is shorter.
PROCESSES_SECONDS_MAX = 5.0
POLL_SECONDS = 0.0005
POLL_SECONDS_MAX = 0.005


class SqliteWriteLock:
    """A lock for ``with``, held for one write transaction.

    SQLite has one writer and polls for it with sleeps of up to 0.1 s, so that beside a busy worker
    an API process waited for seconds. This lock is polled for more often, and two file locks make
    it fair: a process holds the first while it waits for the second, so that the one that has just
    written cannot overtake one that waits. The kernel releases both when a process dies.

    The lock only makes writers fair; SQLite's own keeps them apart. So a process that waits too
    long for one that is frozen goes on without it. If the frozen one is within a transaction,
    SQLite refuses after its busy timeout, and reads go on as ever.
    """

    def __init__(self, database: Path) -> None:
        self._threads = threading.Lock()
        self._paths = [Path(f"{database}-{name}") for name in ("next", "turn")]
        self._files: list[int] = []
        self._is_stuck = False

    def __enter__(self) -> None:
        """Wait for the other threads of this process, then for the other processes.

        Raises StoreUnavailable if a thread of this process is stuck.
        """
        if not self._threads.acquire(timeout=THREADS_SECONDS_MAX):
            raise StoreUnavailable("another write of this process does not end")
        try:
            if not self._files:
                flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
                self._files = [os.open(path, flags, 0o600) for path in self._paths]
            front, lock = self._files
            # Once a process was found frozen, no further write waits for it.
            deadline = time.monotonic() + (0 if self._is_stuck else PROCESSES_SECONDS_MAX)
            try:
                self._is_stuck = not (_lock(front, deadline) and _lock(lock, deadline))
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


def _lock(file: int, deadline: float) -> bool:
    """Wait for a file lock, which has no timeout of its own; False if it is not free in time."""
    wait = POLL_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
        time.sleep(wait)
        wait = min(wait * 1.5, POLL_SECONDS_MAX)
