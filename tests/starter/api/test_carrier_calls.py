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
from starter.api.carrier_callbacks import GATHER_SECONDS, Batcher
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
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let pauses take one turn of the loop; how long they were to take."""
    taken: list[float] = []
    sleep = asyncio.sleep

    async def pause(seconds: float) -> None:
        taken.append(seconds)
        await sleep(0)

    monkeypatch.setattr("starter.api.carrier_callbacks.asyncio.sleep", pause)
    return taken


@pytest.fixture
async def http(migrated: Path, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of our API, in use by the pretend carrier."""
    with scratch_store(migrated, tmp_path) as store:
        async with (
            serving_api(store, "pretend") as base_url,
            httpx.AsyncClient(base_url=base_url, trust_env=False) as client,
        ):
            yield client


async def test_calls_of_a_burst_share_a_transaction_and_gather_before_the_next(
    pauses: list[float],
) -> None:
    store = Transactions()
    batcher = Batcher(store)  # type: ignore[arg-type]
    await asyncio.gather(*(batcher.write([RECEIPT]) for _ in range(40)))
    await asyncio.gather(*(batcher.write([RECEIPT, RECEIPT]) for _ in range(20)))
    assert store.sizes == [40, 40]
    assert pauses == [GATHER_SECONDS]


async def test_calls_that_come_one_after_the_other_do_not_wait(pauses: list[float]) -> None:
    store = Transactions()
    batcher = Batcher(store)  # type: ignore[arg-type]
    for _ in range(3):
        await batcher.write([RECEIPT])
    assert (store.sizes, pauses) == ([1, 1, 1], [])


async def test_a_full_transaction_does_not_wait_for_more(pauses: list[float]) -> None:
    store = Transactions()
    batcher = Batcher(store)  # type: ignore[arg-type]
    await asyncio.gather(*(batcher.write([RECEIPT]) for _ in range(1_000)))
    assert (store.sizes, pauses) == ([500, 500], [])


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
