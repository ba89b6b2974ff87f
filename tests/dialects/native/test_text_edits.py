"""``PATCH`` with a text changes what has not left, by the rules of a new campaign."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from campaign.settings import Settings
from tests.conftest import LONG_CODE
from tests.serving import Api

Json = dict[str, Any]


async def created(api: Api, **members: Any) -> str:
    """A campaign of three, scheduled for tomorrow; its id."""
    recipients = [
        {"to": f"+1415555{1_000 + index}", "fields": {"name": f"A{index}"}} for index in range(3)
    ]
    body = {
        "sender": LONG_CODE,
        "text": "Dear {{name}}, we open at nine",
        "scheduleDateTime": (datetime.now(UTC) + timedelta(days=1)).isoformat(),
        "recipients": recipients,
        **members,
    }
    answer = await api.http.post("/v1/campaigns", json=body, auth=api.basic())
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def patched(api: Api, campaign_id: str, body: Json, status: int = 200) -> Json:
    answer = await api.http.patch(f"/v1/campaigns/{campaign_id}", json=body, auth=api.basic())
    assert answer.status_code == status, answer.text
    shown: Json = answer.json()
    return shown


async def texts(api: Api, campaign_id: str) -> list[str]:
    answer = await api.http.get(f"/v1/campaigns/{campaign_id}/messages", auth=api.basic())
    return [message["text"] for message in answer.json()["messages"]]


async def test_a_text_is_changed_with_the_fields_of_each_recipient(api: Api) -> None:
    campaign = await created(api)
    shown = await patched(api, campaign, {"text": "Dear {{name}}, we open at ten", "rate": 5})
    assert (shown["status"], shown["rate"]) == ("scheduled", 5)
    assert await texts(api, campaign) == [f"Dear A{index}, we open at ten" for index in range(3)]
    answer = await api.http.get("/v1/activity?action=campaign.changed", auth=api.basic())
    (entry,) = answer.json()["activity"]
    assert (entry["before"], entry["after"]) == (
        {"textLength": 30},
        {"textLength": 29, "messages": 3},
    )


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("Dear {{surname}}", "template_fields_missing", "recipients[0].fields"),
        ("Dear {{name", "field_invalid", "text"),
        (" ", "content_missing", "recipients[0].text"),
        ("x" * 1_601, "content_too_long", "recipients[0].text"),
        ("We open at nine\u202e", "characters_invalid", "recipients[0].text"),
        ("Buy cheap cigarettes, 50% off today", "content_not_compliant", "recipients[0].text"),
    ],
)
async def test_a_text_that_no_campaign_may_have_is_refused_and_changes_nothing(
    api: Api, text: str, code: str, place: str
) -> None:
    campaign = await created(api)
    before = await texts(api, campaign)
    status = 422 if code == "content_not_compliant" else 400
    fault = (await patched(api, campaign, {"text": text}, status))["errors"][0]
    assert (fault["code"], fault["place"]) == (code, place)
    assert await texts(api, campaign) == before


async def test_a_text_and_a_start_take_two_requests(api: Api) -> None:
    campaign = await created(api)
    before = await texts(api, campaign)
    refused = await patched(api, campaign, {"text": "Hello", "spreadHours": 1}, 400)
    assert refused["errors"][0]["place"] == "text"
    assert await texts(api, campaign) == before


async def test_where_nothing_has_the_campaigns_text_nothing_is_changed(api: Api) -> None:
    recipients = [{"to": "+14155551000", "text": "Only for you"}]
    campaign = await created(api, recipients=recipients)
    assert (await patched(api, campaign, {"text": "Hello"}, 409))["type"].endswith("nothing_unsent")
    api.story.store.database.write(
        lambda connection: connection.exec_driver_sql("UPDATE campaign SET template = NULL")
    )
    old = await patched(api, campaign, {"text": "Hello"}, 409)
    assert old["type"].endswith("text_not_editable")


async def test_an_ended_campaign_keeps_its_text(api: Api) -> None:
    campaign = await created(api)
    await api.http.post(f"/v1/campaigns/{campaign}/cancel", auth=api.basic())
    refused = await patched(api, campaign, {"text": "Hello"}, 409)
    assert refused["type"].endswith(("campaign_ended", "campaign_began", "nothing_unsent"))


async def test_links_are_shortened_anew_and_the_old_ones_are_gone(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: Settings = api.story.service._settings
    monkeypatch.setattr(settings, "short_link_base_url", "https://go.example.com")
    campaign = await created(api, text="See https://shop.example.com/old-offers", shortenUrls=True)
    await patched(api, campaign, {"text": "See https://shop.example.com/new-offers"})
    links = api.story.store.database.read(
        lambda connection: connection.exec_driver_sql("SELECT code, url FROM link").all()
    )
    assert {link.url for link in links} == {"https://shop.example.com/new-offers"}
    expected = {f"See https://go.example.com/{link.code}" for link in links}
    assert set(await texts(api, campaign)) == expected and len(expected) == 3
