"""What every answer of the API has, the service routes, and answers when parts are away."""

import asyncio
import re
from dataclasses import replace
from typing import Any, cast

import httpx
import pytest

from campaign.failures import ServiceUnavailable, StoreUnavailable
from dialects.http.context import ApiContext
from dialects.http.rate_limits import RequestLimiter
from service.campaigns import CampaignService
from starter.api.app import create_app
from tests.serving import Api


@pytest.mark.one_store
async def test_every_answer_has_the_safe_headers(api: Api) -> None:
    for path in ("/healthz", "/nothing", "/v1/campaigns", "/docs"):
        answer = await api.http.get(path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"


async def test_health_and_readiness(api: Api) -> None:
    assert (await api.http.get("/healthz")).json() == {"status": "ok"}
    # The worker that has just begun has yet to poll.
    async with asyncio.timeout(20):
        while (ready := await api.http.get("/readyz")).status_code != 200:
            await asyncio.sleep(0.2)
    parts = ("database", "temporal", "workers", "disk", "carriers", "clock", "sending")
    expected = {**dict.fromkeys(parts, True), "problems": {}}
    assert (ready.status_code, ready.json()) == (200, expected)


@pytest.mark.one_store
async def test_the_documentation_page_asks_nobody_else(api: Api) -> None:
    for page in ("/docs", "/redoc"):
        text = (await api.http.get(page)).text
        sources = re.findall(r'(?:src|href)="([^"]+)"', text)
        assert sources and all(source.startswith("/") for source in sources)
        for source in sources:
            assert (await api.http.get(source)).status_code == 200


@pytest.mark.one_store
async def test_metrics_count_routes_and_hold_no_number(api: Api) -> None:
    await api.post_batch(api.batch())
    await api.http.delete("/v1/opt-outs/+14155550199", auth=api.basic())
    text = (await api.http.get("/metrics")).text
    assert 'route="/api/v1/messaging/batch",status="201"' in text
    assert "4155550199" not in text and "{number}" in text


@pytest.mark.one_store
async def test_openapi_lists_every_route(api: Api) -> None:
    described = (await api.http.get("/openapi.json")).json()
    assert "/api/v1/messaging/batch" in described["paths"]
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            assert operation.get("summary"), (method, path)


class _Away:
    """A service whose Temporal is away."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def is_reachable(self) -> bool:
        return False

    def __getattr__(self, name: str) -> Any:
        async def fail(*arguments: object, **named: object) -> None:
            raise self.error

        return fail


def away(error: Exception) -> CampaignService:
    """A service that raises the error, whatever it is asked."""
    return cast(CampaignService, _Away(error))


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ServiceUnavailable("no verdict"), 503),
        (StoreUnavailable("OperationalError"), 503),
        (ZeroDivisionError("a bug with +14155550199 in it"), 500),
    ],
)
@pytest.mark.one_store
async def test_a_part_that_is_away_or_broken_is_said_in_the_dialects_words(
    api: Api, error: Exception, status: int
) -> None:
    story = api.story
    api_context = ApiContext(story.settings, story.store, away(error), RequestLimiter("memory://"))
    transport = httpx.ASGITransport(create_app(api_context), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://godwit") as http:
        broken = replace(api, http=http)
        vendor = await broken.post_batch(api.batch())
        assert (vendor.status_code, vendor.json()["code"]) == (status, 33000)
        assert "x-ratelimit-limit" in vendor.headers
        body = {"text": "Hello", "recipients": [{"to": "+14155550100"}]}
        native = await http.post("/v1/campaigns", json=body, auth=api.basic())
        assert native.status_code == status
        assert native.json()["type"].startswith("urn:godwit:problem:")
        if status == 503:
            assert int(vendor.headers["retry-after"]) > 0
            assert int(native.headers["retry-after"]) > 0
        assert "4155550199" not in vendor.text + native.text
        assert (await http.get("/readyz")).status_code == 503
