"""The state of the installation is read now and then, and an old one is not shown."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from campaign.failures import StoreUnavailable
from campaign.rates import campaign_scope, carrier_scope, sender_scope
from campaign.settings import Settings
from service.readiness import Part, Readiness
from starter.api import installation_metrics
from starter.api.installation_metrics import InstallationMetrics
from store.clock import wall_clock
from store.store import Store
from telemetry.metrics import INSTALLATION, exposition

pytestmark = pytest.mark.one_store


class Ready:
    """Says that all parts are ready but the disk."""

    async def parts(self) -> Mapping[str, Part]:
        return {"database": Part(True), "disk": Part(False, "it is full")}


def reader(store: Store, settings: Settings) -> InstallationMetrics:
    """What reads the state of a store."""
    return InstallationMetrics(cast(Readiness, Ready()), store, settings)


async def test_readings_have_every_gauge_and_nobodys_name(store: Store, settings: Settings) -> None:
    store.health.trip("pretend", "unavailable", wall_clock(), wall_clock())
    for scope, rate in (
        (carrier_scope("pretend"), 30.0),
        (carrier_scope("not in use"), 5.0),
        (sender_scope("acc_1", "+18005559876"), 2.0),
        (sender_scope("acc_2", "+18005559877"), 3.0),
        (campaign_scope("cmp_1"), 1.0),
    ):
        store.rates.set_rate(scope, rate)
    metrics = reader(store, settings)
    readings: dict[str, Any] = {}
    for read in (metrics.read_parts, metrics.read_urgent, metrics.read_totals):
        readings |= await read()
    assert readings.keys() == INSTALLATION.gauges.keys()
    assert readings["godwit_part_ready"] == {("database",): 1.0, ("disk",): 0.0}
    assert readings["godwit_carrier_up"] == {("pretend",): 0.0}
    assert readings["godwit_rate_limit_segments_per_second"] == {
        ("carrier", "pretend"): 30.0,
        ("sender", ""): 5.0,
        ("campaign", ""): 1.0,
    }


async def test_what_cannot_be_read_any_more_is_not_shown(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation_metrics, "URGENT_SECONDS", 0.05)
    monkeypatch.setattr(installation_metrics, "TIMES_ITS_OWN", 1)

    class Away:
        def urgent(self) -> None:
            raise StoreUnavailable("gone")

    metrics = reader(store, settings)
    task = asyncio.create_task(metrics.run())
    try:
        async with asyncio.timeout(10):
            while "\ngodwit_carrier_up{" not in exposition():
                await asyncio.sleep(0.02)
            away = cast(Any, Away())
            metrics._store = replace(store, installation=away)
            while "\ngodwit_carrier_up{" in exposition():
                await asyncio.sleep(0.02)
            while '\ngodwit_part_ready{part="disk"} 0.0' not in exposition():
                await asyncio.sleep(0.02)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
