"""Webhooks over HTTP: subscribe, rotate, look at what was given up, and have it told again."""

import pytest
from standardwebhooks import Webhook

from campaign.deliveries import DeliveryStatus, DeliveryUpdate
from campaign.instants import DAY, SECOND, iso
from tests.serving import Api
from tests.store.builders import StoreBuilder
from tests.webhook_worker import make_event, wall_clock
from webhooks.sender import signature_headers

HOOK = {"url": "https://hooks.example/in", "events": ["message.*"]}


async def subscribed(api: Api) -> dict[str, str]:
    """A new webhook, as it was answered."""
    answer = await api.http.post("/v1/webhooks", json=HOOK, auth=api.basic())
    assert answer.status_code == 201, answer.text
    shown: dict[str, str] = answer.json()
    return shown


def given_up(api: Api, webhook: str, count: int) -> StoreBuilder:
    """News for a webhook that was given up."""
    builder = StoreBuilder(api.story.store, api.story.account.id)
    now = wall_clock()
    make_event(builder, count, now)
    later = now + DAY
    callbacks = builder.store.deliveries
    calls = callbacks.flush_and_claim(webhook, "t", [], 100, later, later + SECOND)
    updates = [DeliveryUpdate(call.callback_id, DeliveryStatus.DEAD, "500", now) for call in calls]
    callbacks.flush_and_claim(webhook, "t", updates, 0, later, later)
    return builder


async def test_dead_letters_are_seen_and_replayed_under_their_old_ids(api: Api) -> None:
    hook = await subscribed(api)
    builder = given_up(api, hook["id"], 3)
    path, auth = f"/v1/webhooks/{hook['id']}", api.basic()
    page = (await api.http.get(f"{path}/dead-letters?limit=2", auth=auth)).json()
    rest = await api.http.get(f"{path}/dead-letters?limit=2&cursor={page['next']}", auth=auth)
    letters = page["deadLetters"] + rest.json()["deadLetters"]
    assert (len(letters), rest.json()["next"]) == (3, None)
    assert {(one["tries"], one["lastCode"]) for one in letters} == {(1, "500")}
    since, until = iso(wall_clock() - DAY), iso(wall_clock() + DAY)
    for result in (3, 0):
        answer = await api.http.post(
            f"{path}/replay", json={"since": since, "until": until}, auth=auth
        )
        assert (answer.status_code, answer.json()) == (202, {"replayed": result})
    now = wall_clock()
    calls = builder.store.deliveries.flush_and_claim(hook["id"], "t", [], 9, now, now + SECOND)
    assert {call.callback_id for call in calls} == {one["id"] for one in letters}


async def test_a_replay_to_a_disabled_webhook_is_refused_until_it_is_enabled(api: Api) -> None:
    hook = await subscribed(api)
    builder = given_up(api, hook["id"], 1)
    builder.execute("UPDATE webhook SET disabled_at = 1 WHERE id = :id", id=hook["id"])
    path, auth = f"/v1/webhooks/{hook['id']}", api.basic()
    body = {"since": iso(wall_clock() - DAY), "until": iso(wall_clock() + DAY)}
    refused = await api.http.post(f"{path}/replay", json=body, auth=auth)
    assert (refused.status_code, refused.json()["type"]) == (
        409,
        "urn:godwit:problem:webhook_disabled",
    )
    enabled = await api.http.post(f"{path}/enable", auth=auth)
    assert enabled.json()["disabledAt"] is None
    replayed = await api.http.post(f"{path}/replay", json=body, auth=auth)
    assert replayed.json() == {"replayed": 1}


@pytest.mark.parametrize("body", [{}, {"since": "yesterday", "until": "now"}, {"since": "1"}])
async def test_a_replay_without_a_time_is_refused(api: Api, body: dict[str, str]) -> None:
    hook = await subscribed(api)
    answer = await api.http.post(f"/v1/webhooks/{hook['id']}/replay", json=body, auth=api.basic())
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:godwit:problem:field_invalid")


async def test_another_accounts_webhook_is_not_there_to_be_replayed(api: Api) -> None:
    other = api.story.store.accounts.create("other", 0)[0]
    view, _ = api.story.store.endpoints.add(
        other.id, str(HOOK["url"]), ["*"], "native", wall_clock()
    )
    body = {"since": iso(0), "until": iso(wall_clock() + DAY)}
    answer = await api.http.post(f"/v1/webhooks/{view.id}/replay", json=body, auth=api.basic())
    assert answer.status_code == 404


async def test_both_secrets_of_a_rotation_verify_what_is_told(api: Api) -> None:
    hook = await subscribed(api)
    auth = api.basic()
    answer = await api.http.post(f"/v1/webhooks/{hook['id']}/rotate", auth=auth)
    old, new = hook["secret"], answer.json()["secret"]
    shown = await api.http.get(f"/v1/webhooks/{hook['id']}", auth=auth)
    assert old != new and "secret" not in shown.json()
    builder = StoreBuilder(api.story.store, api.story.account.id)
    now = wall_clock()
    make_event(builder, 1, now)
    callback = str(builder.value("SELECT id FROM callback WHERE destination = :id", id=hook["id"]))
    signed_event = builder.store.events.read(callback, now)
    assert signed_event is not None
    headers = signature_headers(signed_event, now, b"{}")
    for secret in (old, new):
        Webhook(secret).verify(b"{}", headers)
