"""The progress of a campaign arrives as server-sent events, and a stream keeps nobody."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

from campaign.instants import HOUR, iso
from campaign.settings import Settings
from dialects.http.auth import Permission
from dialects.http.context import ApiContext
from dialects.http.rate_limits import RequestLimiter
from dialects.native import campaign_events
from service.campaign_watches import CampaignWatches
from starter.api.app import ApiServer, create_app, server_config
from store.clock import wall_clock
from tests.serving import Api

Json = dict[str, Any]
SOON = 5.0


@asynccontextmanager
async def served(api: Api, watches: CampaignWatches) -> AsyncIterator[tuple[str, ApiServer]]:
    """The API as ``godwit api`` serves it: its address and its server."""
    story = api.story
    context = ApiContext(
        story.settings, story.store, story.service, RequestLimiter("memory://"), watches=watches
    )
    settings = story.settings.model_copy(update={"api_host": "127.0.0.1", "api_port": 0})
    server = ApiServer(
        server_config(create_app(context), Settings.model_validate(settings)), watches
    )
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    host, port = server.servers[0].sockets[0].getsockname()
    yield f"http://{host}:{port}", server
    server.should_exit = True
    await serving


async def create(api: Api, **members: object) -> Json:
    recipients = [{"to": f"+1415555{1_000 + index}"} for index in range(3)]
    body = {"text": "Hello", "recipients": recipients, **members}
    answer = await api.http.post("/v1/campaigns", json=body, auth=api.basic())
    assert answer.status_code == 201, answer.text
    shown: Json = answer.json()
    return shown


async def waiting(api: Api) -> str:
    """The id of a campaign that begins in an hour."""
    return str((await create(api, scheduleDateTime=iso(wall_clock() + HOUR)))["id"])


async def events(answer: httpx.Response) -> AsyncIterator[tuple[str, Json]]:
    """The id and the data of each event of a stream, comments left out."""
    id = ""
    async for line in answer.aiter_lines():
        name, _, value = line.partition(": ")
        if name == "id":
            id = value
        elif name == "data":
            yield id, json.loads(value)


async def test_a_campaign_is_watched_from_its_plan_to_its_end(api: Api) -> None:
    watches = CampaignWatches()
    campaign = await waiting(api)
    url = f"/v1/campaigns/{campaign}"
    async with served(api, watches) as (base, _), httpx.AsyncClient(base_url=base) as http:
        auth, seen = api.basic(Permission.READ), []
        async with http.stream("GET", f"{url}/events", auth=auth) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert answer.headers["cache-control"] == "no-store"
            async for id, shown in events(answer):
                seen.append((id, shown))
                if len(seen) == 1:
                    assert (await http.post(f"{url}/pause", auth=api.basic())).is_success
                elif shown["status"] == "paused" and shown["ordered"] is None:
                    assert (await http.post(f"{url}/cancel", auth=api.basic())).is_success
        assert seen[0][1]["status"] == "scheduled" and seen[0][1]["counts"]["queued"] == 3
        assert seen[-1][1]["status"] == "cancelled" and seen[-1][1]["counts"]["cancelled"] == 3
        assert len({id for id, _ in seen}) == len(seen)
        latest = (await http.get(url, auth=auth)).json()
        assert seen[-1][1] == latest
        again = await http.get(f"{url}/events", auth=auth, headers={"last-event-id": seen[-1][0]})
        assert again.status_code == 204
        missed = await http.get(f"{url}/events", auth=auth, headers={"last-event-id": seen[0][0]})
        assert f"id: {seen[-1][0]}\n" in missed.text and missed.text.count("data:") == 1


async def test_a_caller_that_comes_again_gets_only_what_it_has_not_seen(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign_events, "HEARTBEAT_SECONDS", 0.05)
    campaign = await waiting(api)
    url = f"/v1/campaigns/{campaign}/events"
    async with (
        served(api, CampaignWatches()) as (base, _),
        httpx.AsyncClient(base_url=base) as http,
    ):
        async with http.stream("GET", url, auth=api.basic()) as answer:
            id, _ = await anext(events(answer))
        sent = {"last-event-id": id}
        async with http.stream("GET", url, auth=api.basic(), headers=sent) as answer:
            lines = answer.aiter_lines()
            read = [await anext(lines) for _ in range(6)]
        assert read[0].startswith("retry: ") and set(read[1:]) == {"", ": still there"}


async def test_many_watchers_of_a_campaign_cost_one_read_a_second_and_none_once_they_left(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    watches, campaign = CampaignWatches(), await waiting(api)
    campaigns = api.story.store.campaigns
    view = campaigns.get(campaign)
    assert view is not None
    reads: list[str] = []

    class Counting:
        def get(self, id: str) -> object:
            reads.append(id)
            return campaigns.get(id)

    monkeypatch.setattr("service.campaign_watches.LOOK_SECONDS", 0.05)
    store = replace(api.story.store, campaigns=Counting())  # type: ignore[arg-type]
    async with watches.watch(store, view), watches.watch(store, view), watches.watch(store, view):
        await asyncio.sleep(0.6)
    assert 2 <= len(reads) <= 12
    count = len(reads)
    await asyncio.sleep(0.2)
    assert len(reads) <= count + 1
    assert watches.has_room(view.account_id)


async def test_an_account_has_a_bounded_number_of_watchers(api: Api) -> None:
    campaign = await waiting(api)
    url = f"/v1/campaigns/{campaign}/events"
    watches = CampaignWatches(watchers_max=2)
    async with served(api, watches) as (base, _), httpx.AsyncClient(base_url=base) as http:
        async with (
            http.stream("GET", url, auth=api.basic()) as first,
            http.stream("GET", url, auth=api.basic()) as second,
        ):
            # A stream that nothing refers to is closed.
            streams = events(first), events(second)
            for stream in streams:
                await anext(stream)
            third = await http.get(url, auth=api.basic())
            assert third.status_code == 429 and third.headers["retry-after"] == "5"
            assert third.json()["type"] == "urn:godwit:problem:too_many_watchers"
        async with asyncio.timeout(SOON):
            while not watches.has_room(api.story.account.id):
                await asyncio.sleep(0.02)


async def test_streams_end_within_a_second_when_the_server_stops(api: Api) -> None:
    campaign = await waiting(api)
    url = f"/v1/campaigns/{campaign}/events"
    loop = asyncio.get_running_loop()
    async with served(api, CampaignWatches()) as (base, server):
        async with httpx.AsyncClient(base_url=base) as http:
            async with http.stream("GET", url, auth=api.basic()) as answer:
                stream = events(answer)
                await anext(stream)
                server.should_exit = True
                began = loop.time()
                assert [event async for event in stream] == []
                assert loop.time() - began < 1.0


async def test_a_stream_ends_after_a_while_so_that_credentials_are_checked_again(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign_events, "LIFETIME_SECONDS", 0.2)
    monkeypatch.setattr(campaign_events, "HEARTBEAT_SECONDS", 0.1)
    campaign = await waiting(api)
    answer = await api.http.get(f"/v1/campaigns/{campaign}/events", auth=api.basic())
    assert answer.status_code == 200 and answer.text.count("data:") == 1


@pytest.mark.one_store
async def test_a_watcher_needs_the_campaign_and_the_permission(api: Api) -> None:
    campaign = await waiting(api)
    url = f"/v1/campaigns/{campaign}/events"
    _, pair = api.story.store.accounts.create("stranger", 0)
    stranger = httpx.BasicAuth(pair.key_id, pair.secret)
    assert (await api.http.get(url, auth=stranger)).status_code == 404
    assert (await api.http.get(url)).status_code == 401
    assert (await api.http.get(url, auth=api.basic(Permission.SEND))).status_code == 403
    assert (await api.http.get(f"{url}?since=1", auth=api.basic())).status_code == 400
    head = await api.http.head(url, auth=api.basic())
    assert head.status_code == 200
    assert head.headers["content-type"].startswith("text/event-stream")
