"""Short links over HTTP: made with a campaign, followed where they were made for, counted."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from service.campaigns import CampaignService
from tests.conftest import Story
from tests.dialects.mobivate.calls import accepted, batch, check_error, post, texts
from tests.serving import Api, serve_api
from tests.store.builders import StoreBuilder

BASE = "https://go.example/s"
LONG = "https://shop.example.com/sale?id=1&to=//evil.example#top"
SHORT = re.compile(rf"{re.escape(BASE)}/([0-9A-Za-z]{{10}})")


@pytest.fixture
async def linking(real_story: Story) -> AsyncIterator[Api]:
    """The API of an installation that has an address for short links."""
    story = real_story
    settings = story.settings.model_copy(update={"short_link_base_url": BASE})
    service = CampaignService(story.client, story.store, settings)
    async with serve_api(story, settings, service) as api:
        yield api


async def shortened(api: Api, text: str = f"See {LONG}, today", count: int = 1) -> list[str]:
    """The codes in the texts of a new campaign."""
    record = await accepted(api, batch(count, text=text, shortenUrls=True))
    return [code for said in texts(api, record["id"]) for code in SHORT.findall(said)]


async def test_each_recipient_has_a_link_of_its_own_and_a_click_tells_whose(linking: Api) -> None:
    record = await accepted(linking, batch(3, text=f"See {LONG}, today", shortenUrls=True))
    said = texts(linking, record["id"])
    assert all(SHORT.sub("@", one) == "See @, today" for one in said)
    codes = [SHORT.findall(one)[0] for one in said]
    assert len(set(codes)) == 3
    for _ in range(2):
        answer = await linking.http.get(f"/s/{codes[1]}")
        assert (answer.status_code, answer.headers["location"]) == (302, LONG)
    assert (await linking.http.head(f"/s/{codes[2]}")).status_code == 302
    path = f"/v1/campaigns/{record['id']}/clicks"
    clicks = (await linking.http.get(path, auth=linking.basic())).json()["clicks"]
    messages = linking.story.store.campaigns.messages(record["id"])
    assert [(one["messageId"], one["url"]) for one in clicks] == [(messages[1].id, LONG)] * 2
    assert all(set(one) == {"id", "code", "messageId", "url", "at", "preview"} for one in clicks)


@pytest.mark.parametrize("mark", [".", ",", ")", "!", "%E2%80%9D", "%E3%80%82", "%C2%BB"])
async def test_a_link_with_a_mark_of_the_sentence_behind_it_leads_on(
    linking: Api, mark: str
) -> None:
    (code,) = await shortened(linking)
    answer = await linking.http.get(f"/s/{code}{mark}")
    assert (answer.status_code, answer.headers.get("location")) == (302, LONG)


@pytest.mark.one_store
@pytest.mark.parametrize(
    "path",
    [
        "/s/https://evil.example/",
        "/s/https:%2F%2Fevil.example",
        "/s//evil.example",
        "/s/%2F%2Fevil.example",
        "/s/?url=https://evil.example",
        "/s/0000000000?url=https://evil.example",
        "/s/{code}/../https://evil.example",
        "/s/{code}%0d%0aLocation:%20https://evil.example",
        "/s/{code}@evil.example",
    ],
)
async def test_no_request_leads_to_an_address_of_its_own(linking: Api, path: str) -> None:
    (code,) = await shortened(linking)
    answer = await linking.http.get(path.format(code=code))
    assert answer.status_code == 404
    assert "location" not in answer.headers


@pytest.mark.one_store
@pytest.mark.parametrize(
    "more", ["?url=https://evil.example", "?//evil.example", "?next=//evil.example&code=x"]
)
async def test_what_a_request_adds_changes_no_address(linking: Api, more: str) -> None:
    (code,) = await shortened(linking)
    headers = {"host": "evil.example", "x-forwarded-host": "evil.example"}
    answer = await linking.http.get(f"/s/{code}{more}", headers=headers)
    assert (answer.status_code, answer.headers["location"]) == (302, LONG)


@pytest.mark.one_store
@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://files.example/",
        "//evil.example",
        "/v1/campaigns",
        "https://user@evil.example/",
        "https://evil.example/\r\nX: 1",
        f"{BASE}/0000000000",
    ],
)
async def test_a_stored_address_that_is_no_plain_http_one_is_not_followed(
    linking: Api, url: str
) -> None:
    (code,) = await shortened(linking)
    builder = StoreBuilder(linking.story.store, linking.story.account.id)
    assert builder.execute("UPDATE link SET url = :url WHERE code = :code", url=url, code=code) == 1
    answer = await linking.http.get(f"/s/{code}")
    assert answer.status_code == 404 and "location" not in answer.headers


async def test_whoever_tries_codes_has_to_wait_and_others_are_still_led(linking: Api) -> None:
    (code,) = await shortened(linking)
    missed = [await linking.http.get(f"/s/{number:010d}") for number in range(31)]
    assert [answer.status_code for answer in missed] == [404] * 30 + [429]
    assert 1 <= int(missed[-1].headers["retry-after"]) <= 61
    assert (await linking.http.get(f"/s/{code}")).status_code == 302


@pytest.mark.one_store
async def test_without_an_address_for_them_no_link_is_made(api: Api) -> None:
    wanted = batch(1, text=f"See {LONG}", shortenUrls=True)
    error = check_error(await post(api, wanted), "ValidationError", 400)
    assert error["details"][0]["path"] == "shortenUrls"
    plain = await accepted(api, batch(1, text="No address here", shortenUrls=True))
    assert texts(api, plain["id"]) == ["No address here"]
    unasked = await accepted(api, batch(1, text=f"See {LONG}"))
    assert texts(api, unasked["id"]) == [f"See {LONG}"]


async def test_clicks_are_their_accounts_alone(linking: Api) -> None:
    record = await accepted(linking, batch(1, text=f"See {LONG}", shortenUrls=True))
    _, pair = linking.story.store.accounts.create("other", 0)
    stranger = httpx.BasicAuth(pair.key_id, pair.secret)
    path = f"/v1/campaigns/{record['id']}/clicks"
    assert (await linking.http.get(path, auth=stranger)).status_code == 404
    assert (await linking.http.get(path)).status_code == 401
