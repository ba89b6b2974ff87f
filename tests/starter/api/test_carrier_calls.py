"""Calls of carriers pass by the router, and those of a burst share transactions."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from campaign.failures import StoreUnavailable
from campaign.handoffs import Receipt
from campaign.states import MessageStatus
from starter.api.carrier_callbacks import Batcher
from store.sending.receipts import Receipts
from tests.carriers.serving_api import scratch_store, serving_api

pytestmark = pytest.mark.one_store

RECEIPT = Receipt("msg_1", MessageStatus.DELIVERED, 1)
BODY = {"id": "1", "reference": "msg_1", "status": "delivered", "at": "2026-11-28T12:00:00Z"}
PATH = "/carriers/pretend/receipts"


class Transactions:
    """Stands for a store; ``sizes`` has the receipts of each transaction."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.receipts = SimpleNamespace(apply=self.apply)

    def apply(self, receipts: list[Receipt], now: int) -> None:
        self.sizes.append(len(receipts))


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gather for longer than a test may take."""
    monkeypatch.setattr("starter.api.carrier_callbacks.GATHER_SECONDS", 600.0)


@pytest.fixture
async def http(migrated: Path, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of our API, in use by the pretend carrier."""
    with scratch_store(migrated, tmp_path) as store:
        async with (
            serving_api(store, "pretend") as base_url,
            httpx.AsyncClient(base_url=base_url, trust_env=False) as client,
        ):
            yield client


async def test_calls_of_a_burst_share_a_transaction_and_the_next_gathers_for_a_while() -> None:
    store = Transactions()
    batcher = Batcher(store)  # type: ignore[arg-type]
    await asyncio.gather(*(batcher.write([RECEIPT]) for _ in range(40)))
    await asyncio.gather(*(batcher.write([RECEIPT, RECEIPT]) for _ in range(20)))
    assert store.sizes == [40, 40]


@pytest.mark.usefixtures("patient")
async def test_a_burst_over_few_connections_gathers_no_longer_than_these_take() -> None:
    store = Transactions()
    batcher = Batcher(store)  # type: ignore[arg-type]

    async def connection() -> None:
        for _ in range(3):
            await batcher.write([RECEIPT])

    await asyncio.gather(*(connection() for _ in range(8)))
    assert store.sizes == [8, 8, 8]


@pytest.mark.usefixtures("patient")
async def test_after_a_burst_a_transaction_waits_until_as_many_calls_are_there() -> None:
    store = Transactions()
    batcher = Batcher(store)  # type: ignore[arg-type]
    await asyncio.gather(*(batcher.write([RECEIPT]) for _ in range(8)))
    early = [asyncio.create_task(batcher.write([RECEIPT])) for _ in range(7)]
    await asyncio.sleep(0.05)
    assert store.sizes == [8]
    await asyncio.gather(*early, batcher.write([RECEIPT]))
    assert store.sizes == [8, 8]


@pytest.mark.usefixtures("patient")
async def test_calls_that_come_one_after_the_other_do_not_wait() -> None:
    store = Transactions()
    batcher = Batcher(store)  # type: ignore[arg-type]
    for _ in range(3):
        await batcher.write([RECEIPT])
    assert store.sizes == [1, 1, 1]


@pytest.mark.usefixtures("patient")
async def test_a_full_transaction_does_not_wait_for_more() -> None:
    store = Transactions()
    batcher = Batcher(store)  # type: ignore[arg-type]
    await asyncio.gather(*(batcher.write([RECEIPT]) for _ in range(1_000)))
    assert store.sizes == [500, 500]


async def test_the_router_is_asked_only_for_what_no_carrier_calls(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    original = APIRoute.matches

    def matches(self: APIRoute, scope: Scope) -> tuple[Match, Scope]:
        asked.append(scope["method"])
        return original(self, scope)

    monkeypatch.setattr(APIRoute, "matches", matches)
    assert (await http.post(PATH, json=BODY)).status_code == 202
    assert (await http.get("/carriers/pretend/inbound")).status_code == 400
    assert (await http.post("/carriers/nobody/inbound", json=BODY)).status_code == 404
    assert asked == []
    refused = await http.put(PATH, json=BODY)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, POST")
    assert (await http.head(PATH)).status_code == 400
    assert (await http.post(f"{PATH}/1", json=BODY)).status_code == 404
    assert "PUT" in asked
    monkeypatch.undo()
    metrics = (await http.get("/metrics")).text
    for method, status in (("POST", 202), ("PUT", 405)):
        assert f'method="{method}",route="/carriers/{{name}}/receipts",status="{status}"' in metrics


async def test_while_the_store_is_away_a_carrier_is_told_to_come_back(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def apply(*_: object) -> int:
        raise StoreUnavailable("away")

    monkeypatch.setattr(Receipts, "apply", apply)
    answer = await http.post(PATH, json=BODY)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.headers["x-request-id"]
    monkeypatch.undo()
    assert (await http.post(PATH, json=BODY)).status_code == 202
