"""What breaks an installation during a proof: a command of the user, or a kill of a part."""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

HOOK_SECONDS = 60.0
# Of the first line that a hook prints, so much is reported.
SAID_BYTES = 80


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: seconds since the start, and what was done."""

    at: float
    what: str


def run_hook(command: str) -> str:
    """Run a shell command; returns what to report: the first line it printed, or how it failed.

    A command that prints nothing is reported as ``hook``.
    """
    with tempfile.TemporaryFile() as output:
        try:
            code = subprocess.run(
                ["/bin/sh", "-c", command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.DEVNULL,
                timeout=HOOK_SECONDS,
            ).returncode
        except subprocess.TimeoutExpired:
            return f"hook: stopped after {HOOK_SECONDS:.0f} s"
        output.seek(0)
        said = output.readline(SAID_BYTES).decode("utf-8", "replace").strip()
    return (said or "hook") if code == 0 else f"hook: exit {code}"


def kill_a_part(data: Path, dice: random.Random) -> str:
    """Kill a worker, the API or Temporal of the stack on a data directory; returns which."""
    pids = json.loads((data / "stack.json").read_text("utf-8"))["pids"]
    name = dice.choice(("worker", "worker", "api", "temporal"))
    pid = dice.choice(pids["workers"]) if name == "worker" else pids[name]
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return f"kill {name}"


class Breaking:
    """Does a fault every few seconds in a thread while the block runs."""

    def __init__(self, fault: Callable[[], str] | None, every_seconds: float) -> None:
        self.faults: list[Fault] = []
        self._fault = fault
        self._every = every_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Breaking":
        if self._fault is not None:
            self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._stop.set()
        if self._fault is not None:
            self._thread.join(HOOK_SECONDS)

    def _run(self) -> None:
        started = time.monotonic()
        assert self._fault is not None
        while not self._stop.wait(self._every):
            at = time.monotonic() - started
            self.faults.append(Fault(round(at, 1), self._fault()))


if __name__ == "__main__":
    # As a hook: kill a part of the stack on the data directory that is named.
    sys.stdout.write(kill_a_part(Path(sys.argv[1]), random.Random()) + "\n")
