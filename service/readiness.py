"""Whether an installation can send: each part, with a word that says what is wrong with it."""

import asyncio
import os
import shutil
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from campaign.failures import ServiceUnavailable, StoreUnavailable
from campaign.instants import SECOND, iso
from campaign.settings import DATA_DIRECTORY, Settings
from service.campaigns import CampaignService
from store.clock import wall_clock
from store.database.migrate import check_writable, is_current
from store.shared.brakes import EVERYTHING
from store.store import Store

# A worker that waits for work polls anew within 60 s (Temporal's long poll), a frozen one never.
POLL_AGE_MAX = 75.0
PROBE_SECONDS = 4.0
CACHED_SECONDS = 1.0
CLOCK_AHEAD_MAX = 5 * SECOND
OK = "ok"
# Without these no campaign can be taken. A carrier that is down is found up again by the next
# message: were it among these, a proxy might keep that message away.
NEEDED = ("database", "temporal", "workers", "disk")


@dataclass(frozen=True, slots=True)
class Part:
    """One part: whether it is ``ready``, and a ``word`` that is ``ok`` or what is wrong.

    A part may be ready and still not be well: one carrier of two is down, or a clock is off.
    """

    ready: bool
    word: str = OK


class Readiness:
    """Probes the parts of an installation; repeated within a second, the answer is the last one."""

    def __init__(self, service: CampaignService, store: Store, settings: Settings) -> None:
        self._service = service
        self._store = store
        self._settings = settings
        self._lock = asyncio.Lock()
        self._last: tuple[float, Mapping[str, Part]] | None = None

    async def parts(self) -> Mapping[str, Part]:
        """The parts by name; never raises."""
        async with self._lock:
            if self._last is None or time.monotonic() - self._last[0] > CACHED_SECONDS:
                self._last = (time.monotonic(), await self._probe())
            return self._last[1]

    async def _probe(self) -> Mapping[str, Part]:
        probes: dict[str, Callable[[], Awaitable[Part]]] = {
            "database": lambda: asyncio.to_thread(self._database),
            "temporal": self._temporal,
            "workers": self._workers,
            "disk": lambda: asyncio.to_thread(self._disk),
            "carriers": lambda: asyncio.to_thread(self._carriers),
            "clock": self._clock,
            "sending": lambda: asyncio.to_thread(self._sending),
        }
        found = await asyncio.gather(*(_within(probe) for probe in probes.values()))
        return dict(zip(probes, found, strict=True))

    def _database(self) -> Part:
        database = self._store.database
        if not is_current(database):
            return Part(False, "its schema is not current: run 'godwit db upgrade'")
        if database.is_sqlite:
            file = Path(make_url(database.url).database or "")
            is_writable = os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)
        else:
            try:
                check_writable(database)
            except StoreUnavailable as error:
                if str(error) != "read_only":
                    raise
                is_writable = False
            else:
                is_writable = True
        return Part(True) if is_writable else Part(False, "it is read-only")

    async def _temporal(self) -> Part:
        if await self._service.is_reachable():
            return Part(True)
        return Part(False, "it does not answer, or lacks the namespace")

    async def _workers(self) -> Part:
        try:
            polls = await self._service.newest_polls()
        except ServiceUnavailable:
            return Part(False, "nobody knows while Temporal does not answer")
        for queue, polled_at in polls.items():
            if polled_at is None:
                return Part(False, f"no worker polls for {queue}")
            age = (wall_clock() - polled_at) / SECOND
            if age > POLL_AGE_MAX:
                what = f"the newest poll for {queue} is {age:.0f} s old"
                return Part(False, f"{what}: the worker is frozen or gone")
        return Part(True)

    def _disk(self) -> Part:
        least = self._settings.disk_free_bytes_min
        for directory in sorted(_directories(self._settings)):
            free = shutil.disk_usage(directory).free
            if free < least:
                few = f"{free / 2**20:,.0f} MiB free, less than {least / 2**20:,.0f}"
                return Part(False, f"{directory.name} has {few}")
        return Part(True)

    def _carriers(self) -> Part:
        in_use = self._settings.carriers
        down = [
            f"{state.name} ({state.reason})"
            for state in self._store.health.list()
            if state.down_since is not None and state.name in in_use
        ]
        if not down:
            return Part(True)
        return Part(len(down) < len(in_use), f"down: {', '.join(down)}")

    def _sending(self) -> Part:
        stops = self._store.brakes.in_force()
        if not stops:
            return Part(True)
        since = f"stopped since {iso(stops[0].since)}"
        if stops[0].scope == EVERYTHING:
            return Part(False, f"{since}; 'godwit start --all' ends it")
        return Part(True, f"{since} for {len(stops):,} account{'s' * (len(stops) > 1)}")

    async def _clock(self) -> Part:
        ahead = await asyncio.to_thread(self._store.clock.ahead)
        if abs(ahead) > CLOCK_AHEAD_MAX:
            return Part(True, f"this host is {ahead / SECOND:+,.0f} s off the store's clock")
        try:
            polls = (await self._service.newest_polls()).values()
        except ServiceUnavailable:
            return Part(True)
        # A poll in the future shows that Temporal's clock is ahead, by at least so much.
        behind = max((polled_at or 0 for polled_at in polls), default=0) - wall_clock()
        if behind > CLOCK_AHEAD_MAX:
            return Part(True, f"this host is {behind / SECOND:,.0f} s behind Temporal's clock")
        return Part(True)


def can_serve(parts: Mapping[str, Part]) -> bool:
    """Tell whether campaigns can be taken: every part in ``NEEDED`` is ready."""
    return all(parts[name].ready for name in NEEDED)


def readiness_json(parts: Mapping[str, Part]) -> dict[str, Any]:
    """Each part as a boolean, and the words of those that are not well under ``problems``."""
    problems = {name: part.word for name, part in parts.items() if part.word != OK}
    return {**{name: part.ready for name, part in parts.items()}, "problems": problems}


async def _within(probe: Callable[[], Awaitable[Part]]) -> Part:
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            return await probe()
    except TimeoutError:
        return Part(False, f"no answer within {PROBE_SECONDS:.0f} s")
    except Exception as error:
        return Part(False, f"cannot be asked ({type(error).__name__})")


def _directories(settings: Settings) -> Iterator[Path]:
    """The directories of this machine that the installation writes to, those that exist."""
    data = Path(os.environ.get("GODWIT_DATA", DATA_DIRECTORY))
    url = make_url(settings.database_url)
    store = [Path(url.database or "").parent] if url.get_backend_name() == "sqlite" else []
    found = {*store, data, *(directory / "logs" for directory in (*store, data))}
    return (directory.resolve() for directory in found if directory.is_dir())
