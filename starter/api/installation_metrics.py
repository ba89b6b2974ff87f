"""Reads the state of the installation for Prometheus, beside the API, at a bounded cost."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable

from campaign.failures import StoreUnavailable
from campaign.instants import SECOND
from campaign.rates import carrier_scope
from campaign.settings import Settings
from service.readiness import Readiness
from store.store import Store
from telemetry.logs import get_logger
from telemetry.metric_types import Readings
from telemetry.metrics import INSTALLATION

log = get_logger("godwit.metrics")

URGENT_SECONDS = 10.0
TOTALS_SECONDS = 30.0
# Of the time, a reading takes a twentieth at most: one that takes long comes seldom.
TIMES_ITS_OWN = 20
# What could not be read again within three intervals is not shown any more.
INTERVALS = 3


class InstallationMetrics:
    """Keeps the gauges up to date; every API process shows the same ones."""

    def __init__(self, readiness: Readiness, store: Store, settings: Settings) -> None:
        self._readiness = readiness
        self._store = store
        self._carriers = settings.carriers

    async def run(self) -> None:
        """Read until cancelled. What does not answer is read again in its next interval."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._repeat(self.read_parts, URGENT_SECONDS))
            tasks.create_task(self._repeat(self.read_urgent, URGENT_SECONDS))
            tasks.create_task(self._repeat(self.read_totals, TOTALS_SECONDS))

    async def read_parts(self) -> Readings:
        """Which parts are ready."""
        parts = await self._readiness.parts()
        return {"godwit_part_ready": {(name,): float(part.ready) for name, part in parts.items()}}

    async def read_urgent(self) -> Readings:
        """The carriers, the age of what is due, and campaigns that cannot go on."""
        states = await asyncio.to_thread(self._store.health.list)
        down = {state.name for state in states if state.down_since is not None}
        urgent = await asyncio.to_thread(self._store.installation.urgent)
        now = await asyncio.to_thread(self._store.clock.now)
        due_at = now if urgent.oldest_due_at is None else urgent.oldest_due_at
        return {
            "godwit_carrier_up": {(name,): float(name not in down) for name in self._carriers},
            "godwit_oldest_due_seconds": {(): max(0, now - due_at) / SECOND},
            "godwit_workflows_missing": {(): urgent.lost},
            "godwit_campaigns_with_problem": {(): urgent.held},
            "godwit_state_read_timestamp_seconds": {(): time.time()},
        }

    async def read_totals(self) -> Readings:
        """Counts by status, the drift of the ledger, and the rates."""
        totals = await asyncio.to_thread(self._store.installation.totals)
        rates = await asyncio.to_thread(self._store.rates.rates)
        limits: defaultdict[tuple[str, ...], float] = defaultdict(float)
        for scope, rate in rates.items():
            kind = scope.partition(":")[0]
            if kind != "carrier":
                limits[kind, ""] += rate
        for carrier in self._carriers:
            if (limit := rates.get(carrier_scope(carrier))) is not None:
                limits["carrier", carrier] = limit
        return {
            "godwit_campaigns": {(name,): count for name, count in totals.campaigns.items()},
            "godwit_open_messages": {(name,): count for name, count in totals.messages.items()},
            "godwit_webhooks": {(name,): count for name, count in totals.webhooks.items()},
            "godwit_ledger_drift_credits": {(kind,): off for kind, off in totals.drift.items()},
            "godwit_rate_limit_segments_per_second": limits,
        }

    async def _repeat(self, read: Callable[[], Awaitable[Readings]], seconds: float) -> None:
        while True:
            began = time.monotonic()
            try:
                readings = await read()
            except StoreUnavailable as error:
                log.warning("the state of the installation is not known", exc_info=error)
                readings = {}
            except Exception as error:
                log.error("the state of the installation could not be read", exc_info=error)
                readings = {}
            pause = max(seconds, TIMES_ITS_OWN * (time.monotonic() - began))
            INSTALLATION.update(readings, pause * INTERVALS)
            await asyncio.sleep(pause)
