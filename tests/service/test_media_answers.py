"""Media that cannot be sent, as each API tells it; downloads are real HTTP on loopback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from campaign.rules.media import BYTES_MAX
from service.campaigns import CampaignService
from tests.conftest import Story
from tests.dialects.textingline.calls import broadcast, check_error, post, single
from tests.service.test_media_check import MOVED, served
from tests.serving import Api, serve_api
from tests.webhooks.peers import serve

pytestmark = pytest.mark.one_store


@pytest.fixture
async def api(real_story: Story) -> AsyncIterator[Api]:
    """The API of an installation that checks media, and may call loopback."""
    story = real_story
    settings = story.settings.model_copy(update={"check_media": True, "allow_private_urls": True})
    story.service = CampaignService(story.client, story.store, settings)
    async with serve_api(story, settings) as served:
        yield served
    await story.service.close()


@asynccontextmanager
async def media(play: bytes | None = None) -> AsyncIterator[str]:
    """The address of media that a server has, or of a port where none listens any more."""
    async with serve(play or served()) as peer:
        url = f"http://127.0.0.1:{peer.port}/cat.png"
        if play is not None:
            yield url
    if play is None:
        yield url


FAULTS: dict[str, tuple[int, bytes | None]] = {
    "too large": (33014, served(length=BYTES_MAX + 1)),
    "a page": (33015, served("text/html")),
    "not found": (33017, served(status=404)),
    "moved": (33017, MOVED),
    "nobody there": (33017, None),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_media_that_cannot_be_sent_have_their_code_and_place_and_store_nothing(
    api: Api, fault: str
) -> None:
    code, play = FAULTS[fault]
    async with media(play) as url:
        body = api.batch()
        body["recipients"][7]["mediaUrl"] = url
        error = check_error(await api.post_batch(body), code, 400)
    (field,) = error["details"]["fields"]
    assert field["path"] == "recipients[7].mediaUrl"
    assert url not in str(error)
    assert api.story.store.campaigns.list() == []


async def test_media_inside_are_33018_on_every_route(api: Api) -> None:
    url = "http://169.254.169.254/latest/meta-data/"
    batch = api.batch()
    batch["recipients"][0]["mediaUrl"] = url
    answers = {
        "recipients[0].mediaUrl": await api.post_batch(batch),
        "mediaUrl": await post(api, "broadcast", broadcast(api, mediaUrl=url)),
    }
    for place, answer in answers.items():
        error = check_error(answer, 33018, 400)
        assert [field["path"] for field in error["details"]["fields"]] == [place]
    error = check_error(await post(api, "message", single(api, mediaUrl=url)), 33018, 400)
    assert [field["path"] for field in error["details"]["fields"]] == ["mediaUrl"]
    assert api.story.store.campaigns.list() == []


async def test_a_fault_of_media_is_a_problem_document_in_a_rehearsal_too(api: Api) -> None:
    async with media(served("text/html")) as url:
        body: dict[str, Any] = {
            "text": "Hello",
            "recipients": [{"to": "+14155551000"}, {"to": "+14155551001", "mediaUrl": url}],
        }
        for query in ({}, {"dryRun": "true"}):
            answer = await api.http.post("/v1/campaigns", json=body, params=query, auth=api.basic())
            assert answer.status_code == 400, answer.text
            problem = answer.json()
            assert problem["type"] == "urn:godwit:problem:media_type_unsupported"
            assert [one["place"] for one in problem["errors"]] == ["recipients[1].mediaUrl"]
    assert api.story.store.campaigns.list() == []


async def test_sound_media_are_sent_and_a_replay_needs_them_no_more(api: Api) -> None:
    body = api.batch(idempotencyKey="media-1")
    async with media(served()) as url:
        for recipient in body["recipients"]:
            recipient["mediaUrl"] = url
        first = await api.post_batch(body)
        assert first.status_code == 201, first.text
    again = await api.post_batch(body)
    assert (again.status_code, again.json()) == (201, first.json())
    campaign = await api.finished(first.json()["id"])
    assert campaign["counts"]["sent"] == 10
