"""Child processes that end with their parent."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STOP_SECONDS = 40.0
LINE_BYTES_MAX = 1024 * 1024


class ChildFailed(Exception):
    """A child process did not do what it is for; the text is the end of what it said."""


def clean_environment(**changes: str) -> dict[str, str]:
    """Our environment without settings of Godwit or Temporal: only what is changed here counts."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GODWIT_", "TEMPORAL_"))
    }
    return {**kept, **changes}


def module(name: str, *arguments: str) -> list[str]:
    """The command that runs a module of ours with this interpreter."""
    return [sys.executable, "-m", name, *arguments]


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def child(
    command: Sequence[str | Path],
    log: Path,
    environment: Mapping[str, str] | None = None,
    user: str | None = None,
) -> AsyncIterator[Process]:
    """Run a process until the block ends; its standard error goes to ``log``."""
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=ROOT if user is None else log.parent,
            env=dict(environment if environment is not None else clean_environment()),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=errors,
            limit=LINE_BYTES_MAX,
            user=user,
            # A Ctrl-C on the terminal is for us alone; we stop the children in order.
            start_new_session=True,
        )
    try:
        yield process
    finally:
        await asyncio.shield(_stop(process))


async def first_line(process: Process, log: Path, seconds: float = 60.0) -> str:
    """The first line that a child prints; raises ChildFailed when it ends or tarries."""
    assert process.stdout is not None
    try:
        async with asyncio.timeout(seconds):
            line = await process.stdout.readline()
    except TimeoutError:
        raise ChildFailed(f"silent for {seconds:.0f} s\n{tail(log)}") from None
    if not line:
        raise ChildFailed(tail(log) or "it ended without a word")
    return line.decode()


async def last_line(process: Process, log: Path, seconds: float) -> str:
    """The last line that a child printed when it has ended well; raises ChildFailed otherwise.

    What stands before is the talk of libraries: Temporal's core warns on standard output.
    """
    try:
        async with asyncio.timeout(seconds):
            said, _ = await process.communicate()
    except TimeoutError:
        raise ChildFailed(f"not done after {seconds:.0f} s") from None
    lines = said.decode().splitlines()
    if process.returncode or not lines:
        raise ChildFailed(tail(log) or f"it ended with {process.returncode}")
    return lines[-1]


async def until_open(port: int, seconds: float = 60.0) -> None:
    """Wait until somebody listens on a port; raises ChildFailed when nobody does."""
    for _ in range(int(seconds / 0.05)):
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.05)
    raise ChildFailed(f"nobody listens after {seconds:.0f} s")


def tail(log: Path, characters: int = 1_500) -> str:
    """The end of a log."""
    return log.read_text("utf-8", "replace")[-characters:] if log.exists() else ""


async def _stop(process: Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
    # What it started and left behind is in the session that was made for it.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
