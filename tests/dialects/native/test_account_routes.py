"""The routes about the caller's account: senders by grant and keys by permission."""

import httpx
import pytest

from campaign.instants import DAY, iso
from store.clock import wall_clock
from tests.conftest import LONG_CODE
from tests.serving import Api


def stranger(api: Api) -> httpx.BasicAuth:
    """Credentials of an account that nobody gave a sender."""
    _, pair = api.story.store.accounts.create("stranger", 0, 100)
    return httpx.BasicAuth(pair.key_id, pair.secret)


async def test_no_account_sends_from_a_number_that_the_operator_did_not_give_it(api: Api) -> None:
    auth = stranger(api)
    taken = await api.http.post("/v1/senders", json={"address": LONG_CODE}, auth=auth)
    assert taken.status_code == 409, taken.text
    assert taken.json()["type"] == "urn:godwit:problem:sender_taken"
    store = api.story.store
    store.leases.add_number("+61491570154", "AU", 0)
    pooled = await api.http.post("/v1/senders", json={"address": "+61491570154"}, auth=auth)
    assert pooled.status_code == 409
    wanted = {"address": "+18005550123"}
    asked = await api.http.post("/v1/senders", json=wanted, auth=auth)
    shown = {**wanted, "kind": "long_code", "active": False, "status": "requested"}
    assert (asked.status_code, asked.json()) == (201, shown)
    body = {"text": "Hello", "sender": wanted["address"], "recipients": [{"to": "+14155550199"}]}
    refused = await api.http.post("/v1/campaigns", json=body, auth=auth)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (403, "sender_not_owned")
    # Neither does a campaign that names no sender get it.
    unnamed = {"text": "Hello", "recipients": [{"to": "+14155550199"}]}
    assert (await api.http.post("/v1/campaigns", json=unnamed, auth=auth)).status_code >= 400
    stop = {"from": "+14155550177", "to": wanted["address"], "body": "STOP"}
    stop["at"] = "2026-11-21T10:00:00Z"
    assert (await api.http.post("/carriers/pretend/inbound", json=stop)).status_code == 202
    assert (await api.http.get("/v1/opt-outs", auth=auth)).json()["optOuts"] == []
    account = store.accounts.show("stranger")
    assert account is not None
    store.senders.approve(account.id, wanted["address"], 0)
    listed = (await api.http.get("/v1/senders", auth=auth)).json()["senders"]
    assert [(one["active"], one["status"]) for one in listed] == [(True, "approved")]
    assert (await api.http.post("/v1/campaigns", json=body, auth=auth)).status_code == 201


@pytest.mark.one_store
async def test_self_service_gives_a_free_address_at_once_and_no_other(api: Api) -> None:
    api.story.settings.senders_self_service = True
    auth = stranger(api)
    added = await api.http.post("/v1/senders", json={"address": "NEWSHOP"}, auth=auth)
    expected = {"address": "NEWSHOP", "kind": "alphanumeric", "active": True, "status": "approved"}
    assert (added.status_code, added.json()) == (201, expected)
    for address in (LONG_CODE, "godwit"):
        taken = await api.http.post("/v1/senders", json={"address": address}, auth=auth)
        assert taken.status_code == 409, address


@pytest.mark.one_store
async def test_a_key_without_permissions_or_with_unknown_or_repeated_ones_is_refused(
    api: Api,
) -> None:
    auth = api.basic()
    before = (await api.http.get("/v1/keys", auth=auth)).json()
    for wanted in ([], [""], ["read:campaigns"], ["*", "admin"], ["*", "*"]):
        refused = await api.http.post("/v1/keys", json={"permissions": wanted}, auth=auth)
        assert refused.status_code == 400, wanted
        assert refused.json()["errors"][0]["place"] == "permissions"
    assert (await api.http.get("/v1/keys", auth=auth)).json() == before
    narrow = {"permissions": ["read:Campaigns", "manage:Campaigns"]}
    made = await api.http.post("/v1/keys", json=narrow, auth=auth)
    assert (made.status_code, made.json()["permissions"]) == (201, narrow["permissions"])


@pytest.mark.one_store
async def test_a_key_has_a_name_that_stands_beside_what_it_does(api: Api) -> None:
    auth, repeated = api.basic(), {"Idempotency-Key": "reception"}
    for _ in range(2):
        made = await api.http.post(
            "/v1/keys", json={"name": "Zoë <b>"}, auth=auth, headers=repeated
        )
        assert made.json()["name"] == "Zoë <b>"
    key = made.json()
    bearer = {"Authorization": f"Bearer {key['bearer']}"}
    await api.http.post("/v1/opt-outs", json={"number": "+14155550111"}, headers=bearer)
    (one,) = (await api.http.get(f"/v1/activity?actor={key['keyId']}", auth=auth)).json()[
        "activity"
    ]
    assert one["actor"] == {"kind": "key", "keyId": key["keyId"], "keyName": "Zoë <b>"}
    names = [one["name"] for one in (await api.http.get("/v1/keys", auth=auth)).json()["keys"]]
    assert names.count("Zoë <b>") == 1 and None in names
    other = await api.http.post("/v1/keys", json={"name": "Bob"}, auth=auth, headers=repeated)
    assert other.status_code == 409
    for wrong in ("", " ", "a\nb", "a\u202eb", "x" * 101):
        refused = await api.http.post("/v1/keys", json={"name": wrong}, auth=auth)
        assert refused.status_code == 400 and refused.json()["title"].endswith(": name"), wrong


@pytest.mark.one_store
async def test_g2_a_sender_with_which_a_campaign_waits_is_not_removed(api: Api) -> None:
    body = {"text": "Hi", "sender": LONG_CODE, "recipients": [{"to": "+14155550199"}]}
    later = {**body, "scheduleDateTime": iso(wall_clock() + 2 * DAY)}
    answer = await api.http.post("/v1/campaigns", json=later, auth=api.basic())
    assert answer.status_code == 201, answer.text
    refused = await api.http.delete(f"/v1/senders/{LONG_CODE}", auth=api.basic())
    assert (refused.status_code, refused.json()["type"]) == (
        409,
        "urn:godwit:problem:sender_in_use",
    )
    assert "1 message waits" in refused.json()["title"]
    cancelled = answer.json()["id"]
    await api.http.post(f"/v1/campaigns/{cancelled}/cancel", auth=api.basic())
    await api.finished(cancelled)
    removed = await api.http.delete(f"/v1/senders/{LONG_CODE}", auth=api.basic())
    assert removed.status_code == 204
