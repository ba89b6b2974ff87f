"""Inbound texts over HTTP: kept, listed, counted on the campaign and told to webhooks."""

import csv
import io
import json
from typing import Any

import pytest

from dialects.http.auth import Permission
from dialects.native.events import render_event
from tests.serving import Api

OURS, WRITER = "+18005559876", "+14155551000"
AT = "2026-11-21T10:00:00.000Z"


async def bring(api: Api, body: str = "YES", status: int = 202, **members: object) -> None:
    """A text that the carrier brings."""
    said = {"from": WRITER, "to": OURS, "body": body, "at": AT, **members}
    answer = await api.http.post("/carriers/pretend/inbound", json=said)
    assert answer.status_code == status, answer.text


async def listed(api: Api, **query: str | int) -> dict[str, Any]:
    """A page of the list."""
    auth = api.basic(Permission.READ)
    answer = await api.http.get("/v1/inbound-messages", params=query, auth=auth)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def test_a_reply_to_an_own_number_is_listed_linked_and_counted(api: Api) -> None:
    body = {"text": "Hello", "sender": OURS, "recipients": [{"to": WRITER}]}
    answer = await api.http.post("/v1/campaigns", json=body, auth=api.basic())
    campaign = await api.finished(answer.json()["id"])
    assert campaign["replies"] == 0
    (message,) = api.story.store.campaigns.messages(campaign["id"])
    for at in (AT, "2026-11-21T10:00:07.000Z"):
        await bring(api, id="in-1", at=at)
    page = await listed(api)
    (shown,) = page["inboundMessages"]
    assert shown == {
        "id": shown["id"],
        "from": WRITER,
        "to": OURS,
        "text": "YES",
        "mediaUrls": [],
        "receivedAt": AT,
        "carrier": "pretend",
        "campaignId": campaign["id"],
        "messageId": message.id,
        "needsReview": False,
    }
    assert page["next"] is None
    after = await api.finished(campaign["id"])
    assert after["replies"] == 1 and "replies" not in after["counts"]
    assert sum(after["counts"].values()) == 2 * after["counts"]["total"]


async def test_the_list_has_filters_and_pages(api: Api) -> None:
    for minute in range(5):
        said = {"from": WRITER if minute % 2 else "+14155551001"}
        said["at"] = f"2026-11-21T10:0{minute}:00Z"
        await bring(api, f"text {minute}", 202, **said)

    async def bodies(**query: str | int) -> list[str]:
        return [one["text"] for one in (await listed(api, **query))["inboundMessages"]]

    everything = [f"text {minute}" for minute in (4, 3, 2, 1, 0)]
    assert await bodies() == everything
    for written in (WRITER, WRITER[1:], "+1 (415) 555-1000"):
        assert await bodies(**{"from": written}) == ["text 3", "text 1"]
    assert await bodies(to=OURS) == everything and await bodies(to="72345") == []
    assert await bodies(campaign="cmp_nobody") == []
    for since in ("2026-11-21T10:03:00Z", "2026-11-21T11:03:00+01:00", "2026-11-21 10:03:00"):
        assert await bodies(since=since) == everything[:2]
    seen: list[str] = []
    page = await listed(api, limit=2)
    while True:
        seen += [one["text"] for one in page["inboundMessages"]]
        if page["next"] is None:
            break
        page = await listed(api, limit=2, cursor=page["next"])
    assert seen == everything


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "since=yesterday", "cursor=+1", "cursor=W10", "cursor=WzEsMl0"],
)
async def test_a_parameter_that_is_none_is_refused(api: Api, query: str) -> None:
    answer = await api.http.get(f"/v1/inbound-messages?{query}", auth=api.basic())
    assert (answer.status_code, answer.json()["type"]) == (400, answer.json()["type"])
    assert answer.json()["type"].endswith("field_invalid")


async def test_texts_are_their_accounts_alone_and_need_the_permission_to_read(api: Api) -> None:
    await bring(api)
    assert (await api.http.get("/v1/inbound-messages")).status_code == 401
    refused = await api.http.get("/v1/inbound-messages", auth=api.basic(Permission.SEND))
    assert refused.status_code == 403
    _, pair = api.story.store.accounts.create("stranger", 0)
    answer = await api.http.get("/v1/inbound-messages", auth=(pair.key_id, pair.secret))
    assert answer.json() == {"inboundMessages": [], "next": None}


async def test_the_list_as_csv_has_every_text_and_no_formula(api: Api) -> None:
    for minute, body in enumerate(["=1+1", 'He said "yes"\nthen no', ""]):
        await bring(api, body, at=f"2026-11-21T10:0{minute}:00Z")
    answer = await api.http.get(
        "/v1/inbound-messages?limit=1", headers={"accept": "text/csv"}, auth=api.basic()
    )
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"), newline="")))
    assert [row["text"] for row in rows] == ["", 'He said "yes"\nthen no', "'=1+1"]
    assert {(row["from"], row["to"], row["carrier"]) for row in rows} == {(WRITER, OURS, "pretend")}


async def test_the_event_of_a_text_has_what_the_list_shows(api: Api) -> None:
    hook = {"url": "https://hooks.example/in", "events": ["message.received"]}
    assert (await api.http.post("/v1/webhooks", json=hook, auth=api.basic())).status_code == 201
    await bring(api)
    (shown,) = (await listed(api))["inboundMessages"]
    store = api.story.store
    ids = store.database.read(
        lambda connection: connection.exec_driver_sql("SELECT id FROM callback").scalars().all()
    )
    signed_event = store.events.read(ids[0], 0)
    assert signed_event is not None and len(signed_event.secrets) == len(ids) == 1
    body = json.loads(render_event(signed_event.event).body)
    assert (body["type"], body["timestamp"]) == ("message.received", AT)
    assert body["data"] == shown | {"reference": None}


@pytest.mark.parametrize("written", ["", "BANK", "+44123"])
async def test_a_text_that_fits_nobody_is_taken_and_not_listed(api: Api, written: str) -> None:
    await bring(api, to=written)
    assert (await listed(api))["inboundMessages"] == []
