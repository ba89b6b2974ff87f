"""The header Idempotency-Key on every native request that creates."""

import asyncio
from typing import Any

import httpx
import pytest

from campaign.instants import HOUR, iso
from tests.serving import Api

KEY = {"Idempotency-Key": "order-7"}
CAMPAIGN = {"text": "Hello", "recipients": [{"to": "+14155550100"}]}
CREATE: dict[str, dict[str, Any]] = {
    "/v1/campaigns": CAMPAIGN,
    "/v1/mailing-lists": {"name": "regulars"},
    "/v1/webhooks": {"url": "https://hooks.customer.example/in"},
    "/v1/keys": {"permissions": ["read:Campaigns"]},
    "/v1/senders": {"address": "NEWSHOP"},
    "/v1/opt-outs": {"number": "+14155550111"},
}
OTHER: dict[str, dict[str, Any]] = {
    "/v1/mailing-lists": {"name": "others"},
    "/v1/webhooks": {"url": "https://hooks.customer.example/out"},
    "/v1/keys": {"permissions": ["manage:Campaigns"]},
}


async def post(
    api: Api, path: str, body: object, headers: Any = None, auth: httpx.Auth | None = None
) -> httpx.Response:
    """Post a body with a header."""
    return await api.http.post(path, json=body, headers=headers or {}, auth=auth or api.basic())


@pytest.mark.parametrize("path", CREATE)
async def test_a_repeat_with_the_same_key_creates_nothing_more(api: Api, path: str) -> None:
    first = await post(api, path, CREATE[path], KEY)
    again = await post(api, path, CREATE[path], {"Idempotency-Key": '"order-7"'})
    assert first.status_code == 201, first.text
    known = {"/v1/senders", "/v1/opt-outs"}
    assert again.status_code == (201 if path in known else 200), again.text
    replayed = None if path in known else "true"
    assert "idempotency-replayed" not in first.headers
    assert again.headers.get("idempotency-replayed") == replayed
    changing = ("status", "counts", "startedAt", "finishedAt", "plannedEnd", "credits")
    shown, repeated = first.json(), again.json()
    for one in (shown, repeated):
        for member in changing if path == "/v1/campaigns" else ():
            one.pop(member, None)
    assert shown == repeated
    store, account = api.story.store, api.story.account.id
    assert len(store.campaigns.list()) <= 1
    assert len(store.lists.list(account)) <= 1 and len(store.endpoints.list(account)) <= 1


@pytest.mark.parametrize("path", OTHER)
async def test_the_same_key_for_another_request_is_a_conflict(api: Api, path: str) -> None:
    assert (await post(api, path, CREATE[path], KEY)).status_code == 201
    conflict = await post(api, path, OTHER[path], KEY)
    assert conflict.status_code == 409, conflict.text
    assert conflict.json()["type"] == "urn:godwit:problem:idempotency_key_reused"


async def test_requests_at_once_with_one_key_create_one_thing(api: Api) -> None:
    auth = api.basic()
    for path in ("/v1/mailing-lists", "/v1/webhooks", "/v1/keys"):
        answers = await asyncio.gather(
            *(post(api, path, CREATE[path], KEY, auth) for _ in range(5))
        )
        assert sorted(answer.status_code for answer in answers) == [200] * 4 + [201]
        assert len({answer.text for answer in answers}) == 1


@pytest.mark.one_store
async def test_the_secret_of_a_repeat_works_and_a_revoked_key_does_not_come_back(api: Api) -> None:
    path = "/v1/keys"
    await post(api, path, CREATE[path], KEY)
    pair = (await post(api, path, CREATE[path], KEY)).json()
    own = httpx.BasicAuth(pair["keyId"], pair["keySecret"])
    assert (await api.http.get("/v1/campaigns", auth=own)).status_code == 200
    await api.http.delete(f"{path}/{pair['keyId']}", auth=api.basic())
    assert (await post(api, path, CREATE[path], KEY)).status_code == 409


@pytest.mark.one_store
async def test_two_different_keys_are_refused_and_two_equal_ones_are_one(api: Api) -> None:
    differing = await post(api, "/v1/campaigns", {**CAMPAIGN, "idempotencyKey": "order-8"}, KEY)
    assert differing.status_code == 400
    assert differing.json()["errors"][0]["place"] == "idempotencyKey"
    twice = [("Idempotency-Key", "order-7"), ("Idempotency-Key", "order-8")]
    for path, body in CREATE.items():
        refused = await post(api, path, body, twice)
        assert refused.status_code == 400, path
        assert refused.json()["errors"][0]["place"] == "Idempotency-Key"
        malformed = await post(api, path, body, {"Idempotency-Key": "no spaces, please"})
        assert malformed.status_code == 400, path
    assert api.story.store.campaigns.list() == []
    by_header = await post(api, "/v1/campaigns", CAMPAIGN, KEY)
    by_body = await post(api, "/v1/campaigns", {**CAMPAIGN, "idempotencyKey": "order-7"})
    assert (by_header.status_code, by_body.status_code) == (201, 200)
    assert by_header.json()["id"] == by_body.json()["id"]


async def test_two_accounts_may_use_the_same_key_for_anything(api: Api) -> None:
    _, pair = api.story.store.accounts.create("neighbour", 0, 100)
    theirs = httpx.BasicAuth(pair.key_id, pair.secret)
    for path in ("/v1/mailing-lists", "/v1/webhooks", "/v1/keys"):
        ours = await post(api, path, CREATE[path], KEY)
        other = await post(api, path, CREATE[path], KEY, theirs)
        assert (ours.status_code, other.status_code) == (201, 201)
        assert ours.json() != other.json()


@pytest.mark.one_store
async def test_null_is_as_good_as_not_given_and_an_unknown_null_is_refused(api: Api) -> None:
    optional = ("spreadHours", "excludeDuplicates", "excludeOptOuts", "shortenUrls")
    nulls = dict.fromkeys((*optional, "unknownPolicy", "name", "sender", "idempotencyKey"))
    recipients = [{"to": "+14155550100", "fields": None, "text": None, "mailingList": None}]
    body = {**nulls, "text": "Hello", "recipients": recipients}
    taken = await post(api, "/v1/campaigns", body)
    assert taken.status_code == 201, taken.text
    assert taken.json()["spreadHours"] == 0
    unknown = await post(api, "/v1/campaigns", {**body, "surprise": None})
    assert unknown.json()["errors"][0]["place"] == "surprise"
    webhook = {**CREATE["/v1/webhooks"], "events": None, "dialect": None}
    assert (await post(api, "/v1/webhooks", webhook)).json()["events"] == ["*"]


@pytest.mark.one_store
async def test_a_native_time_is_one_of_rfc_3339_in_any_case_and_a_date_alone_is_none(
    api: Api,
) -> None:
    for written in ("2026-12-31", "2031-12-01x10:00:00Z"):
        body = {**CAMPAIGN, "scheduleDateTime": written}
        refused = await post(api, "/v1/campaigns", body)
        assert refused.status_code == 400, written
        assert refused.json()["errors"][0]["place"] == "scheduleDateTime"
    now = await api.story.now()
    body = {**CAMPAIGN, "scheduleDateTime": iso(now + HOUR).lower()}
    assert (await post(api, "/v1/campaigns", body)).status_code == 201
