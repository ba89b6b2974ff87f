"""The write lock of a SQLite file, for all threads and processes that share it."""

import contextlib
import fcntl
import os
import select
import threading
import time
from pathlib import Path
from types import TracebackType

from campaign.failures import StoreUnavailable

# The longest wait for other threads of this process, whose writer may be stuck.
THREADS_SECONDS_MAX = 20.0
# The longest wait for other processes. The longest transaction (50,000 recipients) is shorter.
PROCESSES_SECONDS_MAX = 5.0
# A holder that is killed wakes nobody, so that those who wait also look by themselves.
LOOK_EVERY_MILLISECONDS = 10.0
_PIPE_BYTES = 64 * 1024


class SqliteWriteLock:
    """A lock for ``with``, held for one write transaction.

    SQLite has one writer and polls for it with sleeps of up to 0.1 s, so that beside a busy worker
    an API process waited for seconds. Who releases this lock wakes one that waits. Two file locks
    make it fair: a process holds the first while it waits for the second, so that the one that has
    just written cannot overtake one that waits. The kernel releases both when a process dies.

    The lock only makes writers fair; SQLite's own keeps them apart. So a process that waits too
    long for one that is frozen goes on without it. If the frozen one is within a transaction,
    SQLite refuses after its busy timeout, and reads go on as ever.
    """

    def __init__(self, database: Path) -> None:
        self._threads = threading.Lock()
        self._paths = [Path(f"{database}-{name}") for name in ("next", "turn")]
        self._files: list[_FileLock] = []
        self._is_stuck = False

    def __enter__(self) -> None:
        """Wait for the other threads of this process, then for the other processes.

        Raises StoreUnavailable if a thread of this process is stuck.
        """
        if not self._threads.acquire(timeout=THREADS_SECONDS_MAX):
            raise StoreUnavailable("another write of this process does not end")
        try:
            if not self._files:
                self._files = [_FileLock(path) for path in self._paths]
            front, lock = self._files
            # Once a process was found frozen, no further write waits for it.
            deadline = time.monotonic() + (0 if self._is_stuck else PROCESSES_SECONDS_MAX)
            try:
                self._is_stuck = not (front.acquire(deadline) and lock.acquire(deadline))
            finally:
                front.release()
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
        self._files[1].release()
        self._threads.release()

    def close(self) -> None:
        """Close the files; the next use opens them again."""
        with self._threads:
            files, self._files = self._files, []
            for file in files:
                file.close()


class _FileLock:
    """The kernel's lock on a file, with a pipe through which its release wakes one that waits.

    The kernel can wait for such a lock only without a limit, and a process that polls for it
    leaves it free for a fifth of the time.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._pipe: int | None = None
        self._freed = select.poll()
        # Not every file system has pipes; without one, those who wait look by themselves.
        with contextlib.suppress(OSError):
            pipe = Path(f"{path}-free")
            with contextlib.suppress(FileExistsError):
                os.mkfifo(pipe, 0o600)
            self._pipe = os.open(pipe, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            self._freed.register(self._pipe, select.POLLIN)

    def acquire(self, deadline: float) -> bool:
        """Wait for the lock until an instant of ``time.monotonic``; False if it is not free."""
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                left = (deadline - time.monotonic()) * 1_000
            if left <= 0:
                return False
            if self._freed.poll(min(left, LOOK_EVERY_MILLISECONDS)) and self._pipe is not None:
                # Of several that wait, one reads it; all look.
                with contextlib.suppress(BlockingIOError):
                    os.read(self._pipe, _PIPE_BYTES)

    def release(self) -> None:
        """Release the lock, if it is held, and wake one that waits."""
        fcntl.flock(self._file, fcntl.LOCK_UN)
        if self._pipe is not None:
            # A pipe that is full wakes too.
            with contextlib.suppress(BlockingIOError):
                os.write(self._pipe, b"\0")

    def close(self) -> None:
        """Close the files."""
        if self._pipe is not None:
            os.close(self._pipe)
        os.close(self._file)
