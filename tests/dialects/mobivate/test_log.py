"""Opt-outs and the message log of the Mobivate API, in the shapes of its older pages."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.dialects.mobivate.calls import accepted, batch, bearer
from tests.serving import Api


async def get(api: Api, path: str, **query: str | int) -> httpx.Response:
    return await api.http.get(path, params=query, headers=bearer(api))


async def optout(api: Api, method: str, body: Any) -> httpx.Response:
    return await api.http.request(method, "/addressbook/optout", json=body, headers=bearer(api))


def check_error(answer: httpx.Response, code: int, message: str) -> None:
    assert (answer.status_code, answer.json()) == (code, {"code": code, "message": message})


TODAY = {"startDate": "2020-01-01", "endDate": "2999-01-01T00:00:00+0000"}
LOGGED = {
    "id",
    "created",
    "modified",
    "originator",
    "recipient",
    "body",
    "status",
    "direction",
    "inReplyTo",
    "routeId",
    "parts",
    "cost",
    "currency",
    "senderReference",
    "campaignId",
}


async def test_an_opt_out_is_added_listed_and_deleted(api: Api) -> None:
    before = datetime.now(UTC).timestamp() * 1_000
    added = await optout(api, "POST", {"mobile": "44 7900 000 001"})
    assert added.status_code == 200
    shown = added.json()
    assert set(shown) == {"mobile", "note", "created"}
    assert (shown["mobile"], shown["note"]) == ("447900000001", "API")
    assert before - 1_000 <= shown["created"] <= before + 60_000
    assert (await optout(api, "POST", {"mobile": "+447900000001"})).json() == shown
    api.story.store.opt_outs.add(api.story.account.id, "+447900000002", "inbound", 5)
    listed = (await get(api, "/addressbook/optout")).json()
    assert [(one["mobile"], one["note"]) for one in listed] == [
        ("447900000001", "API"),
        ("447900000002", "MO"),
    ]
    assert all(set(one) == {"id", "mobile", "note", "created"} for one in listed)
    rest = (await get(api, "/addressbook/optout", after="447900000001")).json()
    assert [one["mobile"] for one in rest] == ["447900000002"]
    assert (await optout(api, "DELETE", {"mobile": "447900000001"})).json() == shown
    check_error(await optout(api, "DELETE", {"mobile": "447900000001"}), 404, "Not found")
    assert not api.story.store.opt_outs.contains(api.story.account.id, "+447900000001")


async def test_a_number_added_here_gets_nothing_from_any_dialect(api: Api) -> None:
    body = batch(2)
    await optout(api, "POST", {"mobile": body["recipients"][0]["recipient"]})
    campaign = await api.finished((await accepted(api, body))["id"])
    assert (campaign["counts"]["sent"], campaign["counts"]["skipped"]) == (1, 1)


@pytest.mark.parametrize("body", [{}, [], {"mobile": None}, {"mobile": 7}, {"mobile": "07900"}])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.one_store
async def test_what_is_no_mobile_is_400(api: Api, method: str, body: Any) -> None:
    check_error(await optout(api, method, body), 400, "Invalid mobile number")


async def test_a_message_is_in_the_log_with_every_member(api: Api) -> None:
    body = batch(1, originator="18005559876")
    body["recipients"][0] |= {"reference": "ref-001", "recipient": "14155558800"}
    record = await accepted(api, body)
    await api.finished(record["id"])
    (shown,) = (await get(api, "/message", **TODAY)).json()
    assert set(shown) == LOGGED
    assert (shown["originator"], shown["recipient"]) == ("18005559876", "14155558800")
    assert (shown["body"], shown["status"]) == ("Your parcel is here", "ACCEPTED")
    assert (shown["direction"], shown["parts"], shown["cost"]) == ("MT", 1, 2)
    assert (shown["senderReference"], shown["campaignId"]) == ("ref-001", record["id"])
    for member in ("created", "modified"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000", shown[member])
    assert (await get(api, f"/message/{shown['id']}")).json() == shown


async def test_the_log_is_paged_and_bounded_by_its_dates(api: Api) -> None:
    await accepted(api, batch(7))
    await accepted(api, batch(6))
    pages = [
        (await get(api, "/message", pageSize=5, page=page, **TODAY)).json() for page in (1, 2, 3, 4)
    ]
    assert [len(page) for page in pages] == [5, 5, 3, 0]
    assert len({one["id"] for page in pages for one in page}) == 13
    assert len((await get(api, "/message", **TODAY)).json()) == 10
    assert len((await get(api, "/message", pageSize=1_000, direction="MT", **TODAY)).json()) == 13
    assert (await get(api, "/message", direction="MO", **TODAY)).json() == []
    old = await get(api, "/message", startDate="2020-01-01", endDate="2020-01-02")
    assert old.json() == []
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    east = (hour_ago + timedelta(hours=9)).strftime("%Y-%m-%dT%H:%M:%S+0900")
    recent = await get(api, "/message", startDate=east, endDate="2999-01-01", pageSize=1_000)
    assert len(recent.json()) == 13
    unescaped = f"/message?startDate={east}&endDate=2999-01-01&pageSize=1000"
    assert len((await api.http.get(unescaped, headers=bearer(api))).json()) == 13


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"startDate": ""}, "Invalid startDate"),
        ({"startDate": "yesterday"}, "Invalid startDate"),
        ({"startDate": "2023-02-30"}, "Invalid startDate"),
        ({"endDate": "2023-01-01T10:00"}, "Invalid endDate"),
        ({"page": 0}, "Invalid page"),
        ({"page": "-1"}, "Invalid page"),
        ({"page": "9" * 10}, "Invalid page"),
        ({"page": "\u0661"}, "Invalid page"),
        ({"pageSize": 0}, "Invalid pageSize"),
        ({"pageSize": 1_001}, "Invalid pageSize"),
        ({"pageSize": "ten"}, "Invalid pageSize"),
        ({"direction": "mt"}, "Invalid direction"),
    ],
)
@pytest.mark.one_store
async def test_a_query_that_cannot_be_read_is_400(
    api: Api, query: dict[str, str | int], message: str
) -> None:
    check_error(await get(api, "/message", **(TODAY | query)), 400, message)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/addressbook/optout"),
        ("POST", "/addressbook/optout"),
        ("DELETE", "/addressbook/optout"),
        ("GET", "/message"),
        ("GET", "/message/msg_1"),
    ],
)
@pytest.mark.one_store
async def test_without_a_key_that_may_it_is_401(api: Api, method: str, path: str) -> None:
    check_error(await api.http.request(method, path), 401, "Unauthorized")
    headers = bearer(api, "create:BatchSMS")
    check_error(await api.http.request(method, path, headers=headers), 401, "Unauthorized")


async def test_another_accounts_messages_and_opt_outs_are_not_there(api: Api) -> None:
    record = await accepted(api, batch(1))
    await optout(api, "POST", {"mobile": "447900000001"})
    (message,) = api.story.store.campaigns.messages(record["id"])
    _, pair = api.story.store.accounts.create("other", 0)
    headers = {"authorization": f"Bearer {pair.bearer}"}
    missing = await api.http.get(f"/message/{message.id}", headers=headers)
    check_error(missing, 404, "Not found")
    check_error(await get(api, "/message/msg_unknown"), 404, "Not found")
    listed = await api.http.get("/message", params=TODAY, headers=headers)
    opted_out = await api.http.get("/addressbook/optout", headers=headers)
    assert (listed.json(), opted_out.json()) == ([], [])
