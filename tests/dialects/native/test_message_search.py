"""Messages are found over HTTP across campaigns, and one says why it is in its state."""

from typing import Any

import httpx
import pytest

from campaign.instants import HOUR, iso
from campaign.rates import campaign_scope
from dialects.http.auth import Permission
from dialects.native.cursors import write_cursor
from store.clock import wall_clock
from tests.serving import Api

Json = dict[str, Any]


async def create(api: Api, *numbers: str, **members: object) -> Json:
    """A campaign to some numbers, admitted."""
    recipients = [
        {"to": number, "reference": f"row {index}"} for index, number in enumerate(numbers)
    ]
    body = {"text": "Hello", "recipients": recipients, **members}
    answer = await api.http.post("/v1/campaigns", json=body, auth=api.basic())
    assert answer.status_code == 201, answer.text
    shown: Json = answer.json()
    return shown


async def get(api: Api, path: str, **query: str | int) -> httpx.Response:
    answer = await api.http.get(path, params=query, auth=api.basic(Permission.READ))
    assert answer.status_code == 200, answer.text
    return answer


async def test_messages_are_found_by_number_reference_campaign_status_and_sender(api: Api) -> None:
    later = iso(wall_clock() + HOUR)
    first = await create(api, "+14155550100", "+14155550101", scheduleDateTime=later)
    second = await create(api, "+14155550100", sender="GODWIT", scheduleDateTime=later)

    async def found(**query: str | int) -> list[tuple[str, str]]:
        shown = (await get(api, "/v1/messages", **query)).json()
        assert shown["next"] is None
        return [(one["campaignId"], one["to"]) for one in shown["messages"]]

    everything = [
        (second["id"], "+14155550100"),
        (first["id"], "+14155550100"),
        (first["id"], "+14155550101"),
    ]
    assert await found() == everything
    for written in ("+14155550100", "14155550100", "+1 (415) 555-0100", "0014155550100"):
        assert await found(to=written) == everything[:2]
    assert await found(reference="row 1") == everything[2:]
    assert await found(campaign=first["id"]) == everything[1:]
    assert await found(status="queued") == everything and await found(status="sent") == []
    assert await found(sender="GODWIT") == everything[:1]
    assert await found(since=second["createdAt"]) == everything[:1]
    assert await found(until=second["createdAt"]) == everything[1:]
    assert await found(campaign="cmp_nobody") == []


async def test_pages_follow_their_links_to_the_end(api: Api) -> None:
    campaign = await create(api, *(f"+1415555{1_000 + index}" for index in range(7)))
    url: str | None = f"/v1/messages?campaign={campaign['id']}&limit=3"
    pages: list[list[int]] = []
    while url is not None:
        answer = await api.http.get(url, auth=api.basic())
        page = answer.json()
        pages.append([one["position"] for one in page["messages"]])
        link = answer.links.get("next")
        url = None if link is None else link["url"]
        assert (page["next"] is None) == (url is None)
        assert url is None or f"cursor={page['next']}" in url
    assert pages == [[0, 1, 2], [3, 4, 5], [6]]


@pytest.mark.one_store
@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("to=nobody", "to"),
        ("to=", "to"),
        ("to=4155550100", "to"),
        ("to=%2B14155550100&to=%2B14155550101", "to"),
        ("status=queue", "status"),
        ("status=QUEUED", "status"),
        ("status=", "status"),
        ("reference=", "reference"),
        (f"reference={'x' * 201}", "reference"),
        ("since=yesterday", "since"),
        ("until=2026-13-01T00:00:00Z", "until"),
        ("since=2026-11-21", "since"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("cursor=nothing", "cursor"),
        ("cursor=", "cursor"),
        ("number=%2B14155550100", "number"),
    ],
)
async def test_a_parameter_that_is_wrong_is_refused_with_its_place(
    api: Api, query: str, place: str
) -> None:
    answer = await api.http.get(f"/v1/messages?{query}", auth=api.basic())
    assert answer.status_code == 400, answer.text
    assert answer.json()["type"] == "urn:godwit:problem:field_invalid"
    assert [fault["place"] for fault in answer.json()["errors"]] == [place]


@pytest.mark.one_store
async def test_a_cursor_that_was_made_up_is_refused(api: Api) -> None:
    for key in (
        "",
        "1",
        "1:2",
        "x:1:cmp_1",
        "1:-1:cmp_1",
        "1:x:cmp_1",
        "٣:1:cmp_1",
        f"{'9' * 19}:1:c",
    ):
        cursor = write_cursor("all-messages", key)
        answer = await api.http.get(f"/v1/messages?cursor={cursor}", auth=api.basic())
        assert answer.status_code == (200 if key == "1:2" else 400), key
    shown = await get(api, "/v1/messages", cursor=write_cursor("all-messages", "1:2:' OR 1=1 --"))
    assert shown.json() == {"messages": [], "next": None}


async def test_a_message_that_was_sent_shows_its_attempts_and_no_expectation(api: Api) -> None:
    campaign = await create(api, "+14155550100")
    await api.finished(campaign["id"])
    (listed,) = (await get(api, "/v1/messages", campaign=campaign["id"])).json()["messages"]
    shown = (await get(api, f"/v1/messages/{listed['id']}")).json()
    assert {name: shown[name] for name in listed} == listed
    assert shown["why"] == {
        "state": "sent",
        "because": [
            {"code": "no_receipt", "detail": "the carrier has it, and no receipt has come yet"}
        ],
        "expectedAt": None,
    }
    (attempt,) = shown["attemptLog"]
    assert (attempt["number"], attempt["outcome"], attempt["carrier"]) == (1, "sent", "pretend")


async def test_a_message_that_waits_says_what_for_and_until_when(api: Api) -> None:
    later = iso(wall_clock() + HOUR)
    campaign = await create(api, "+14155550100", "+14155550101", scheduleDateTime=later)
    page = (await get(api, "/v1/messages", to="+14155550101")).json()
    (message,) = page["messages"]

    async def why() -> Json:
        return (await get(api, f"/v1/messages/{message['id']}")).json()["why"]  # type: ignore[no-any-return]

    waits = await why()
    assert (waits["state"], waits["expectedAt"]) == ("queued", message["dueAt"])
    assert [cause["code"] for cause in waits["because"]] == ["not_due"]
    api.story.store.rates.set_rate(campaign_scope(campaign["id"]), 1 / 60)
    limited = await why()
    assert [cause["code"] for cause in limited["because"]] == ["not_due", "rate_limited"]
    assert limited["expectedAt"] > waits["expectedAt"]
    await api.http.post(f"/v1/campaigns/{campaign['id']}/pause", auth=api.basic())
    paused = await why()
    assert paused["because"][-1]["code"] == "campaign_paused"
    assert paused["expectedAt"] is None
    await api.http.post(f"/v1/campaigns/{campaign['id']}/cancel", auth=api.basic())
    await api.finished(campaign["id"])
    assert [cause["code"] for cause in (await why())["because"]] == ["campaign_cancelled"]


async def test_another_accounts_messages_are_not_there(api: Api) -> None:
    campaign = await create(api, "+14155550100")
    (message,) = (await get(api, "/v1/messages")).json()["messages"]
    _, pair = api.story.store.accounts.create("stranger", 0)
    stranger = httpx.BasicAuth(pair.key_id, pair.secret)
    for path in (f"/v1/messages/{message['id']}", "/v1/messages/msg_nobody", "/v1/messages/%00"):
        assert (await api.http.get(path, auth=stranger)).status_code == 404, path
    for query in ("", "?to=%2B14155550100", f"?campaign={campaign['id']}"):
        shown = await api.http.get(f"/v1/messages{query}", auth=stranger)
        assert shown.json() == {"messages": [], "next": None}
    nobody = await api.http.get("/v1/messages")
    assert nobody.status_code == 401
    sender = api.basic(Permission.SEND)
    assert (await api.http.get("/v1/messages", auth=sender)).status_code == 403
