"""Readiness says of each part whether it is ready, and names the one that is not."""

import os
import shutil
import time
from collections import namedtuple
from collections.abc import Mapping
from typing import Any, cast

import httpx
import pytest
from sqlalchemy import text

from campaign.failures import ServiceUnavailable
from campaign.instants import HOUR, SECOND, Instant
from campaign.settings import Settings
from dialects.http.context import ApiContext
from dialects.http.rate_limits import RequestLimiter
from service import readiness
from service.campaigns import CampaignService
from starter.api.app import create_app
from store.clock import wall_clock
from store.store import Store
from tests.serving import Api

Usage = namedtuple("Usage", "total used free")


class _Service:
    """A service whose Temporal last saw a worker some seconds ago, or never."""

    def __init__(self, polls: Mapping[str, float | None] | None = None) -> None:
        self.ages: dict[str, float | None] = {"campaigns": 1.0, "sending": 2.0}
        self.ages.update(polls or {})

    def __getattr__(self, name: str) -> Any:
        """What routes are made with, and no probe calls."""
        return None

    async def is_reachable(self) -> bool:
        return True

    async def newest_polls(self) -> Mapping[str, Instant | None]:
        return {
            name: None if age is None else wall_clock() - round(age * SECOND)
            for name, age in self.ages.items()
        }


async def answer(
    store: Store, settings: Settings, service: Any = None
) -> tuple[int, dict[str, Any]]:
    """Status and body of /readyz."""
    chosen = cast(CampaignService, service or _Service())
    app = create_app(ApiContext(settings, store, chosen, RequestLimiter("memory://")))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://godwit"
    ) as http:
        got = await http.get("/readyz")
    return got.status_code, got.json()


async def test_without_a_worker_or_with_a_frozen_one_it_is_not_ready_and_says_so(
    store: Store, settings: Settings
) -> None:
    status, body = await answer(store, settings)
    assert (status, body["problems"]) == (200, {})
    status, body = await answer(store, settings, _Service({"sending": None}))
    assert (status, body["workers"]) == (503, False)
    assert body["problems"] == {"workers": "no worker polls for sending"}
    status, body = await answer(store, settings, _Service({"campaigns": 83.0}))
    assert status == 503
    expected = "the newest poll for campaigns is 83 s old: the worker is frozen or gone"
    assert body["problems"] == {"workers": expected}


async def test_a_full_disk_is_named(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 1_048_576))
    monkeypatch.setenv("GODWIT_DATA", ".")
    status, body = await answer(store, settings)
    assert (status, body["disk"]) == (503, False)
    assert "has 1 MiB free, less than 64" in body["problems"]["disk"]


async def test_carriers_that_are_down_are_named_and_do_not_close_the_api(
    store: Store, settings: Settings
) -> None:
    store.health.trip("pretend", "no_connection", 0, 0)
    status, body = await answer(store, settings)
    assert (status, body["carriers"]) == (200, False)
    assert body["problems"] == {"carriers": "down: pretend (no_connection)"}
    two = settings.model_copy(update={"carrier": "pretend,kannel"})
    status, body = await answer(store, two)
    assert (status, body["carriers"]) == (200, True)
    assert body["problems"] == {"carriers": "down: pretend (no_connection)"}


async def test_a_clock_that_is_off_is_told(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.clock, "ahead", lambda: HOUR)
    status, body = await answer(store, settings)
    assert status == 200
    assert body["problems"] == {"clock": "this host is +3,600 s off the store's clock"}
    monkeypatch.setattr(store.clock, "ahead", lambda: 0)
    status, body = await answer(store, settings, _Service({"sending": -90.0}))
    assert body["problems"] == {"clock": "this host is 90 s behind Temporal's clock"}


async def test_a_store_that_cannot_be_written_is_not_ready(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    if store.database.is_sqlite:
        monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    else:
        write = store.database.write
        read_only = text("SET TRANSACTION READ ONLY")

        def standby(work: Any) -> Any:
            return write(lambda connection: (connection.execute(read_only), work(connection))[1])

        monkeypatch.setattr(store.database, "write", standby)
    status, body = await answer(store, settings)
    assert (status, body["database"]) == (503, False)
    assert body["problems"] == {"database": "it is read-only"}


async def test_probes_are_made_once_a_second(store: Store, settings: Settings) -> None:
    service = _Service()
    asked = readiness.Readiness(cast(CampaignService, service), store, settings)
    first = await asked.parts()
    service.ages["sending"] = None
    assert await asked.parts() is first
    time.sleep(readiness.CACHED_SECONDS + 0.1)
    assert not (await asked.parts())["workers"].ready


async def test_a_campaign_without_a_worker_is_answered_with_the_likely_part(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def late(view: object) -> None:
        raise ServiceUnavailable("no answer in time") from TimeoutError()

    monkeypatch.setattr(api.story.service, "_verdict", late)
    body = {"text": "Hello", "recipients": [{"to": "+14155550100"}]}
    got = await api.http.post("/v1/campaigns", json=body, auth=api.basic())
    assert got.status_code == 503
    assert got.json()["title"] == (
        "no verdict in time, likely because no worker runs; nothing was sent, held or spent"
    )
    assert api.story.carrier.log == []
