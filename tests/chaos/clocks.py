"""Clocks of single processes that can be stepped, where libfaketime is installed."""

from pathlib import Path

NOT_HERE = "no clock is stepped: libfaketime is not installed (Debian: apt install libfaketime)"
STEP_SECONDS = 3_600


def library() -> Path | None:
    """The library that has to be loaded first, None without it."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return found[0] if found else None


# The library cannot do the sleep of Python's ``time.sleep`` when it leaves monotonic time alone.
_SLEEP = """
import threading, time
time.sleep = lambda seconds: None if threading.Event().wait(seconds) else None
"""


class Clock:
    """The wall clock of one process and of those that take its place; monotonic time goes on."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        self._directory = directory
        (directory / "sitecustomize.py").write_text(_SLEEP)
        self.step(0)

    def step(self, seconds: int) -> None:
        """Be so far off from now on; a running process notices within a second."""
        temporary = self._directory / "offset.new"
        temporary.write_text(f"{seconds:+d}s\n")
        temporary.replace(self._directory / "offset")

    def environment(self) -> dict[str, str]:
        """What a Python process needs in its environment to go by this clock."""
        return {
            "LD_PRELOAD": str(library()),
            "PYTHONPATH": str(self._directory),
            "FAKETIME_TIMESTAMP_FILE": str(self._directory / "offset"),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }


def forget_the_dead() -> None:
    """Delete the shared memory that killed processes left: a new one with such an id would end."""
    for file in Path("/dev/shm").glob("*faketime_*_*"):
        pid = file.name.rpartition("_")[2]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            file.unlink(missing_ok=True)
