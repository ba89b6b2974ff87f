"""Keep child processes alive: start, watch, start again, stop."""

import asyncio
import ctypes
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from telemetry.logs import get_logger

log = get_logger("godwit.stack")

RESTART_SECONDS = 0.2
RESTART_SECONDS_MAX = 5.0
HEALTHY_SECONDS = 30.0
_PR_SET_PDEATHSIG = 1


@dataclass
class Part:
    """One process of the stack and how it is run."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    stop_seconds: float = 10.0
    process: asyncio.subprocess.Process | None = field(default=None, init=False)
    may_run: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    changing: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    @property
    def pid(self) -> int:
        """The process id while it runs, else 0."""
        return self.process.pid if self.process is not None else 0


class Supervisor:
    """Runs parts until it is stopped; a part that dies is started again."""

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self._changed = changed
        self._watchers: list[asyncio.Task[None]] = []
        self._stopping = False
        self.parts: list[Part] = []

    async def start(self, part: Part) -> None:
        """Start a part and watch it."""
        part.may_run.set()
        self.parts.append(part)
        await self._spawn(part)
        self._watchers.append(asyncio.create_task(self._watch(part)))

    @asynccontextmanager
    async def down(self, part: Part) -> AsyncIterator[None]:
        """Kill a part and start it again only when the block ends, with its command of then.

        A part that is down already is kept down.
        """
        part.may_run.clear()
        try:
            async with part.changing:
                if part.process is not None and part.process.returncode is None:
                    part.process.kill()
                    await part.process.wait()
            yield
        finally:
            part.may_run.set()

    async def stop(self) -> None:
        """Stop the parts, the last started first, each with its time to finish."""
        self._stopping = True
        for part in reversed(self.parts):
            process = part.process
            if process is None or process.returncode is not None:
                continue
            process.terminate()
            try:
                async with asyncio.timeout(part.stop_seconds):
                    await process.wait()
            except TimeoutError:
                log.warning(
                    "a part did not stop in time and is killed",
                    part=part.name,
                    seconds=part.stop_seconds,
                )
                process.kill()
                await process.wait()
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)

    async def _spawn(self, part: Part) -> None:
        part.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(part.log, "ab", opener=_for_its_owner) as output:
            part.process = await asyncio.create_subprocess_exec(
                *part.command,
                env=dict(part.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # A Ctrl-C in the terminal is for us alone; we stop the parts in order.
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )

    async def _watch(self, part: Part) -> None:
        wait = RESTART_SECONDS
        while True:
            started = time.monotonic()
            assert part.process is not None
            code = await part.process.wait()
            if self._stopping:
                return
            # Only repeated failures lengthen the wait, not a part that was asked to stop.
            if code == 0 or time.monotonic() - started > HEALTHY_SECONDS:
                wait = RESTART_SECONDS
            how = {"signal": -code} if code < 0 else {"exit_code": code}
            log.warning(
                "a part ended and is started again", part=part.name, log=str(part.log), **how
            )
            await asyncio.sleep(wait)
            wait = min(wait * 2, RESTART_SECONDS_MAX)
            spawned = False
            while not spawned:
                await part.may_run.wait()
                if self._stopping:
                    return
                async with part.changing:
                    if spawned := part.may_run.is_set():
                        await self._spawn(part)
            self._changed()


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _die_with_parent() -> None:
    """Ask Linux to end this process when the supervisor dies, even by kill -9."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)
