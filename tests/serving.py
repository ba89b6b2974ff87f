"""The HTTP API in this process, with a worker on a real Temporal server behind it."""

import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from campaign.settings import Settings
from dialects.http.context import ApiContext
from dialects.http.rate_limits import RequestLimiter
from service.campaigns import CampaignService
from starter.api.app import create_app
from store.accounts.api_keys import KeyPair
from tests.conftest import LONG_CODE, Story, finish


@dataclass
class Api:
    """A client of the API, a way to fresh keys, and what stands behind the API."""

    http: httpx.AsyncClient
    story: Story
    app: FastAPI
    _numbers: Any = field(default_factory=lambda: itertools.count(1_000))

    def key(self, *permissions: str) -> KeyPair:
        """A new key of the account, so that no test runs into another's rate limit."""
        api_keys = self.story.store.api_keys
        return api_keys.create(self.story.account.id, _now(), permissions or ("*",))

    def basic(self, *permissions: str) -> httpx.BasicAuth:
        """Basic credentials of a new key."""
        pair = self.key(*permissions)
        return httpx.BasicAuth(pair.key_id, pair.secret)

    def batch(self, count: int = 10, /, **members: object) -> dict[str, Any]:
        """A Textingline batch to ``count`` numbers that no batch of this test had before."""
        recipients = [
            {"to": f"+1415555{next(self._numbers):04d}", "body": f"Your parcel {index} is here"}
            for index in range(count)
        ]
        return {"from": LONG_CODE, "recipients": recipients, **members}

    async def post_batch(self, body: object, auth: httpx.Auth | None = None) -> httpx.Response:
        """Post a batch with a new key, or with the one given."""
        auth = auth or self.basic()
        return await self.http.post("/api/v1/messaging/batch", json=body, auth=auth)

    async def finished(self, campaign_id: str) -> dict[str, Any]:
        """Wait for the end of a campaign and get it."""
        await finish(self.story, campaign_id)
        answer = await self.http.get(f"/v1/campaigns/{campaign_id}", auth=self.basic())
        campaign: dict[str, Any] = answer.json()
        return campaign


@asynccontextmanager
async def serve_api(
    story: Story, settings: Settings | None = None, service: CampaignService | None = None
) -> AsyncIterator[Api]:
    """The API on the store of a story, with its settings and its service or with these."""
    context = ApiContext(
        settings or story.settings,
        story.store,
        service or story.service,
        RequestLimiter("memory://"),
    )
    app = create_app(context)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://godwit") as http:
        yield Api(http, story, app)


@pytest.fixture
async def api(real_story: Story) -> AsyncIterator[Api]:
    """The API on a real Temporal server."""
    async with serve_api(real_story) as served:
        yield served


def _now() -> int:
    return time.time_ns() // 1_000_000
