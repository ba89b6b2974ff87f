"""Clicks over HTTP: counted, told to webhooks in the words of each API, and previews apart."""

import json
from typing import Any

import pytest

from campaign.instants import iso
from dialects.renderers import RENDERERS
from store.accounts.accounts import AccountView
from store.database.engine import StoreError
from store.store import Store
from tests.campaign.test_link_scanners import IMESSAGE, PEOPLE, PREVIEWS
from tests.dialects.mobivate.calls import accepted, batch
from tests.dialects.native.test_links import LONG, SHORT, linking, shortened
from tests.serving import Api
from tests.store.builders import NOW, StoreBuilder

__all__ = ["linking"]
TWO = f"See {LONG} and https://shop.example.com/more"


async def clicks(api: Api, campaign_id: str, query: str = "") -> dict[str, Any]:
    """The answer of the route of clicks."""
    path = f"/v1/campaigns/{campaign_id}/clicks{query}"
    answer: dict[str, Any] = (await api.http.get(path, auth=api.basic())).json()
    return answer


async def test_clicks_are_counted_by_visit_and_by_message_and_previews_apart(linking: Api) -> None:
    record = await accepted(linking, batch(3, text=TWO, shortenUrls=True))
    campaign_id = record["id"]
    messages = linking.story.store.campaigns.messages(campaign_id)
    codes = [SHORT.findall(message.text) for message in messages]
    assert [len(pair) for pair in codes] == [2, 2, 2]
    for code in (codes[0][0], codes[0][1], codes[0][0], codes[1][0]):
        await linking.http.get(f"/s/{code}", headers={"user-agent": PEOPLE[0]})
    for agent in PREVIEWS:
        answer = await linking.http.get(f"/s/{codes[2][0]}", headers={"user-agent": agent})
        assert (answer.status_code, answer.headers["location"]) == (302, LONG)
    await linking.http.head(f"/s/{codes[1][1]}")
    counts = {"total": 4, "unique": 2, "previews": len(PREVIEWS) + 1}
    found = await clicks(linking, campaign_id)
    assert {name: found[name] for name in counts} == counts
    assert [one["preview"] for one in found["clicks"]] == [False] * 4
    whole = await clicks(linking, campaign_id, "?previews=true")
    assert sum(one["preview"] for one in whole["clicks"]) == len(PREVIEWS) + 1
    first = await clicks(linking, campaign_id, "?previews=true&limit=10")
    rest = await clicks(linking, campaign_id, f"?previews=true&cursor={first['next']}")
    assert first["clicks"] + rest["clicks"] == whole["clicks"]
    shown = await linking.http.get(f"/v1/campaigns/{campaign_id}", auth=linking.basic())
    assert shown.json()["clicks"] == counts
    listed = (await linking.http.get("/v1/campaigns", auth=linking.basic())).json()["campaigns"]
    assert [one["clicks"] for one in listed] == [counts]


async def test_a_click_is_an_event_of_its_webhooks_and_a_preview_is_none(linking: Api) -> None:
    store, account = linking.story.store, linking.story.account
    names = ("native", "mobivate", "textingline")
    for dialect, wanted in zip(names, (["link.clicked"], ["link.*"], ["*"]), strict=True):
        store.endpoints.add(account.id, "https://hooks.example.com/x", wanted, dialect, NOW)
    (code,) = await shortened(linking)
    await linking.http.get(f"/s/{code}", headers={"user-agent": IMESSAGE})
    builder = StoreBuilder(store, account.id)
    events = "SELECT count(*) FROM callback WHERE event = 'link.clicked'"
    assert builder.value(events) == 0
    await linking.http.get(f"/s/{code}", headers={"user-agent": PEOPLE[0]})
    # Those of the campaign's own dialect and the native ones.
    assert builder.value(events) == 2
    rows = "SELECT id FROM callback WHERE event = 'link.clicked' AND dialect = :dialect"
    (click,) = (await clicks(linking, str(builder.value("SELECT id FROM campaign"))))["clicks"]
    for dialect in ("native", "mobivate"):
        signed = store.events.read(str(builder.value(rows, dialect=dialect)), NOW)
        assert signed is not None and signed.event.message is not None
        request = RENDERERS[dialect](signed.event)
        assert request is not None and request.body is not None
        shown = json.loads(request.body)
        message, campaign = signed.event.message, signed.event.campaign
        assert campaign is not None
        if dialect == "native":
            assert shown["type"] == "link.clicked" and shown["timestamp"] == click["at"]
            assert shown["data"] == {
                "campaignId": campaign.id,
                "sandbox": False,
                "messageId": message.id,
                "to": message.to,
                "position": 0,
                "reference": message.reference,
                "clickId": click["id"],
                "code": code,
                "url": LONG,
            }
        else:
            assert (shown["mobile"], shown["url"]) == (message.to.removeprefix("+"), LONG)
            assert (shown["messageId"], shown["batchId"]) == (message.id, campaign.id)
            assert shown["ipAddress"] is shown["browser"] is None
        line = RENDERERS["textingline"](signed.event)
        assert line is not None and line.body is not None
        theirs = json.loads(line.body)
        assert theirs["type"] == "tracking.link.clicked"
        assert theirs["data"]["url"] == LONG
        assert theirs["data"]["clickedAt"] == iso(signed.event.at)
        assert RENDERERS["telesign"](signed.event) is None
    assert campaign is not None
    store.eraser.erase(account.id, message.to, NOW)
    assert store.events.read(str(builder.value(rows, dialect="native")), NOW) is None
    gone = await linking.http.get(f"/s/{code}")
    assert gone.status_code == 404
    assert (await clicks(linking, campaign.id))["total"] == 1


async def test_an_account_has_short_links_on_a_host_of_its_own(linking: Api) -> None:
    accounts, account = linking.story.store.accounts, linking.story.account
    (before,) = await shortened(linking)
    accounts.update(account.id, short_link_host="Go.Acme.example")
    record = await accepted(linking, batch(1, text=f"See {LONG}", shortenUrls=True))
    (message,) = linking.story.store.campaigns.messages(record["id"])
    start = "See https://go.acme.example/s/"
    assert message.text.startswith(start)
    code = message.text.removeprefix(start)
    other = accounts.create("other", 0)[0]
    accounts.update(other.id, short_link_host="links.other.example")

    async def status(code: str, host: str) -> int:
        return (await linking.http.get(f"/s/{code}", headers={"host": host})).status_code

    for host in ("go.acme.example", "GO.acme.example:443", "go.example", "127.0.0.1:8080"):
        assert [await status(one, host) for one in (before, code)] == [302, 302]
    assert await status(code, "links.other.example") == 404
    assert await status(code, "[::bad") in (302, 400)
    back = f"See https://go.acme.example/s/{code}"
    again = await accepted(linking, batch(1, text=back, shortenUrls=True))
    assert linking.story.store.campaigns.messages(again["id"])[0].text == back


@pytest.mark.every_store
def test_a_host_of_short_links_belongs_to_one_account(store: Store, account: AccountView) -> None:
    other = store.accounts.create("other", 0)[0]
    shown = store.accounts.update(account.id, short_link_host="go.acme.example")
    assert shown.short_link_host == "go.acme.example"
    for taken in ("go.acme.example", "GO.ACME.EXAMPLE", "bit.ly", "10.0.0.1"):
        with pytest.raises(StoreError):
            store.accounts.update(other.id, short_link_host=taken)
    assert store.accounts.update(account.id, short_link_host="").short_link_host is None
    store.accounts.update(other.id, short_link_host="go.acme.example")
