"""Listeners over HTTP, tests of webhooks, and what becomes of a delivery."""

import json
from typing import Any

import pytest
from standardwebhooks import Webhook

from campaign.events import TRY_WAITS
from campaign.instants import DAY
from dialects.http.auth import Permission
from tests.serving import Api
from tests.store.builders import StoreBuilder
from tests.webhook_worker import make_event, wall_clock

READ = Permission.READ


async def opened(api: Api, **body: Any) -> dict[str, Any]:
    answer = await api.http.post("/v1/listeners", json=body, auth=api.basic())
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def fetched(api: Api, listener: str, *reports: Any, wait: float = 0) -> list[dict[str, Any]]:
    body = {"reports": reports, "waitSeconds": wait}
    path = f"/v1/listeners/{listener}/deliveries"
    answer = await api.http.post(path, json=body, auth=api.basic())
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["deliveries"]
    return found


def happened(api: Api, count: int = 1) -> StoreBuilder:
    builder = StoreBuilder(api.story.store, api.story.account.id)
    make_event(builder, count, wall_clock())
    return builder


async def test_a_delivery_is_fetched_signed_reported_and_done(api: Api) -> None:
    listener = await opened(api, events=["message.*"])
    builder = happened(api)
    (delivery,) = await fetched(api, listener["id"], wait=5)
    body = Webhook(listener["secret"]).verify(delivery["body"], delivery["headers"])
    assert (body["type"], delivery["event"], delivery["tries"]) == ("message.sent",) * 2 + (1,)
    assert body["data"]["campaignId"] == delivery["campaignId"]
    assert delivery["headers"]["webhook-id"] == delivery["id"]
    assert await fetched(api, listener["id"]) == []
    report = {"id": delivery["id"], "tries": 1, "status": 204}
    assert await fetched(api, listener["id"], report) == []
    row = "SELECT status FROM callback WHERE id = :id"
    assert builder.value(row, id=delivery["id"]) == "delivered"


@pytest.mark.parametrize("report", [{"status": 500}, {}])
async def test_what_was_not_taken_comes_again_when_a_webhooks_would(
    api: Api, report: dict[str, int]
) -> None:
    listener = await opened(api)
    builder = happened(api)
    (delivery,) = await fetched(api, listener["id"])
    now = wall_clock()
    await fetched(api, listener["id"], {"id": delivery["id"], "tries": 1} | report)
    due_at = builder.store.deliveries.next_due(listener["id"])
    assert due_at is not None and TRY_WAITS[1] <= due_at - now < 2 * TRY_WAITS[1]
    builder.execute("UPDATE callback SET due_at = 0")
    (again,) = await fetched(api, listener["id"])
    assert (again["id"], again["body"], again["tries"]) == (delivery["id"], delivery["body"], 2)


async def test_gone_closes_the_listener(api: Api) -> None:
    listener = await opened(api)
    happened(api)
    (delivery,) = await fetched(api, listener["id"])
    await fetched(api, listener["id"], {"id": delivery["id"], "tries": 1, "status": 410})
    path = f"/v1/listeners/{listener['id']}/deliveries"
    assert (await api.http.post(path, json={}, auth=api.basic())).status_code == 404


@pytest.mark.parametrize("dialect", ["textingline", "mobivate"])
async def test_a_listener_gets_the_format_of_its_dialect(api: Api, dialect: str) -> None:
    listener = await opened(api, dialect=dialect)
    builder = StoreBuilder(api.story.store, api.story.account.id)
    now = wall_clock()
    campaign = builder.admit(1, now=now, dialect=dialect)
    builder.send(campaign, now=now)
    (delivery,) = await fetched(api, listener["id"])
    Webhook(listener["secret"]).verify(delivery["body"], delivery["headers"])
    assert "timestamp" not in json.loads(delivery["body"])


@pytest.mark.one_store
async def test_another_accounts_listener_and_a_closed_one_are_not_found(api: Api) -> None:
    other, _ = api.story.store.accounts.create("other", 0)
    theirs = api.story.store.listeners.open(other.id, "AK1", ["*"], "native", wall_clock())
    ours = await opened(api)
    path, auth = f"/v1/listeners/{ours['id']}", api.basic()
    assert (await api.http.delete(path, auth=auth)).status_code == 204
    for id in (ours["id"], theirs.id):
        body: dict[str, Any] = {}
        answer = await api.http.post(f"/v1/listeners/{id}/deliveries", json=body, auth=auth)
        assert answer.status_code == 404
        assert (await api.http.delete(f"/v1/listeners/{id}", auth=auth)).status_code == 404


@pytest.mark.one_store
async def test_a_listener_is_for_the_key_that_opened_it_and_for_one_that_may_administer(
    api: Api,
) -> None:
    owner, reader = api.basic(READ), api.basic(READ, Permission.CONTROL)
    answer = await api.http.post("/v1/listeners", json={}, auth=owner)
    path = f"/v1/listeners/{answer.json()['id']}"
    happened(api)
    for auth, expected in (
        (reader, 404),
        (owner, 200),
        (api.basic(READ, Permission.ADMINISTER), 200),
    ):
        body: dict[str, Any] = {}
        fetch = await api.http.post(f"{path}/deliveries", json=body, auth=auth)
        assert fetch.status_code == expected
    assert (await api.http.delete(path, auth=reader)).status_code == 404
    assert (await api.http.delete(path, auth=owner)).status_code == 204


@pytest.mark.one_store
@pytest.mark.parametrize(
    "body", [{"events": ["message"]}, {"dialect": "morse"}, {"events": []}, {"url": "x"}]
)
async def test_a_listener_for_what_is_not_there_is_refused(api: Api, body: dict[str, Any]) -> None:
    answer = await api.http.post("/v1/listeners", json=body, auth=api.basic())
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:godwit:problem:field_invalid")


async def test_a_test_event_goes_to_its_webhook_and_its_delivery_is_seen(api: Api) -> None:
    auth, store = api.basic(), api.story.store
    hook = {"url": "https://hooks.example/in", "events": ["campaign.*"]}
    added = (await api.http.post("/v1/webhooks", json=hook, auth=auth)).json()
    path = f"/v1/webhooks/{added['id']}"
    answer = await api.http.post(f"{path}/test", auth=auth)
    delivery = answer.json()
    assert (answer.status_code, delivery["event"]) == (202, "webhook.test")
    assert (delivery["status"], delivery["tries"], delivery["lastCode"]) == ("waiting", 0, None)
    event = store.events.read(delivery["id"], wall_clock())
    assert event is not None and event.event.event == "webhook.test"
    shown = (await api.http.get(f"{path}/deliveries/{delivery['id']}", auth=auth)).json()
    assert shown == delivery
    assert (await api.http.get(f"{path}/deliveries/cbk_none", auth=auth)).status_code == 404
    builder = StoreBuilder(store, api.story.account.id)
    builder.execute("UPDATE webhook SET disabled_at = :now", now=DAY)
    assert (await api.http.post(f"{path}/test", auth=auth)).status_code == 409
    assert (await api.http.post("/v1/webhooks/whk_none/test", auth=auth)).status_code == 404
