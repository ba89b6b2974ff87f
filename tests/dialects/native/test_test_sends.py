"""POST /v1/test-sends, and ``creditsMax`` on POST /v1/campaigns."""

from typing import Any

import pytest

from campaign.instants import DAY, iso
from store.clock import wall_clock
from tests.serving import Api

Body = dict[str, Any]
OWN = "+14155550199"


def campaign(**members: object) -> Body:
    """A campaign to two people, for tomorrow."""
    recipients = [
        {"to": "+14155550100", "fields": {"NAME": "Ann"}},
        {"to": "+14155550101", "fields": {"NAME": "Bob"}, "idempotencyKey": "person-2"},
    ]
    later = iso(wall_clock() + DAY)
    body: Body = {"text": "Hi {{NAME}}", "recipients": recipients, "scheduleDateTime": later}
    return {**body, **members}


async def test_the_real_text_goes_to_ones_own_number_now(api: Api) -> None:
    body = {"to": [OWN, OWN], "recipient": 1, "campaign": campaign(spreadHours=5.0)}
    answer = await api.http.post("/v1/test-sends", json=body, auth=api.basic())
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["test"], made["scheduleDateTime"], made["spreadHours"]) == (True, None, 0.0)
    shown = await api.finished(made["id"])
    assert shown["counts"]["total"] == shown["counts"]["sent"] == 2
    sent = [(one["to"], one["from"]) for one in api.story.carrier.log]
    assert {to for to, _ in sent} == {OWN}
    messages = api.story.store.campaigns.messages(made["id"])
    assert [message.text for message in messages] == ["Hi Bob", "Hi Bob"]
    credits = (await api.http.get("/v1/credits", auth=api.basic())).json()["sms"]
    assert (credits["posted"], credits["held"]) == (4, 0)
    (view,) = api.story.store.campaigns.list()
    assert view.is_test
    # The key of the recipient is free for the campaign.
    real = await api.http.post("/v1/campaigns", json=campaign(), auth=api.basic())
    assert (real.status_code, real.json()["test"]) == (201, False)


@pytest.mark.one_store
async def test_a_number_that_opted_out_gets_no_test_and_a_member_of_a_list_can_be_shown(
    api: Api,
) -> None:
    auth, store, account = api.basic(), api.story.store, api.story.account.id
    store.opt_outs.add(account, OWN, "api", wall_clock())
    made = (await api.http.post("/v1/mailing-lists", json={"name": "all"}, auth=auth)).json()
    members = {"members": [{"to": "+14155550105", "fields": {"NAME": "Eve"}}]}
    path = f"/v1/mailing-lists/{made['id']}/members"
    added = await api.http.post(path, json=members, auth=auth)
    assert added.status_code < 300, added.text
    listed = campaign(recipients=[{"mailingList": made["id"]}])
    body = {"to": [OWN, "+14155550198"], "campaign": listed}
    answer = await api.http.post("/v1/test-sends", json=body, auth=auth)
    shown = await api.finished(answer.json()["id"])
    assert (shown["counts"]["sent"], shown["counts"]["skipped"]) == (1, 1)
    assert {one.text for one in store.campaigns.messages(shown["id"])} == {"Hi Eve"}


@pytest.mark.one_store
async def test_a_test_is_replayed_by_its_key_and_its_faults_have_places(api: Api) -> None:
    auth, key = api.basic(), {"Idempotency-Key": "test-1"}
    body = {"to": [OWN], "campaign": campaign()}
    first = await api.http.post("/v1/test-sends", json=body, auth=auth, headers=key)
    again = await api.http.post("/v1/test-sends", json=body, auth=auth, headers=key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert again.headers["idempotency-replayed"] == "true"
    faulty: dict[str, Body] = {
        "to": {**body, "to": []},
        "to[0]": {**body, "to": ["12"]},
        "recipient": {**body, "recipient": 2},
        "campaign.recipients[0].to": {**body, "campaign": campaign(recipients=[{"to": "x"}])},
        "campaign": {"to": [OWN]},
        "surprise": {**body, "surprise": 1},
    }
    faulty["to "] = {**body, "to": [OWN] * 11}
    for place, wrong in faulty.items():
        refused = await api.http.post("/v1/test-sends", json=wrong, auth=auth)
        assert refused.status_code == 400, (place, refused.text)
        assert refused.json()["errors"][0]["place"] == place.strip(), refused.text
    narrow = await api.http.post("/v1/test-sends", json=body, auth=api.basic("read:Campaigns"))
    assert narrow.status_code == 403


async def test_a_campaign_that_would_cost_more_is_refused_with_its_price(api: Api) -> None:
    auth = api.basic()
    low = campaign(creditsMax={"sms": 3}, idempotencyKey="order-9")
    refused = await api.http.post("/v1/campaigns", json=low, auth=auth)
    assert refused.status_code == 402, refused.text
    (fault,) = refused.json()["errors"]
    assert (fault["code"], fault["place"]) == ("credits_max_exceeded", "creditsMax")
    assert fault["details"] == {"sms": 4, "mms": 0} and "4 SMS credits" in fault["detail"]
    dry = await api.http.post("/v1/campaigns?dryRun=true", json=low, auth=auth)
    assert [one["code"] for one in dry.json()["refusals"]] == ["credits_max_exceeded"]
    credits = (await api.http.get("/v1/credits", auth=auth)).json()["sms"]
    assert credits["available"] == credits["granted"]
    enough = {**low, "creditsMax": {"sms": 4, "mms": 0}}
    admitted = await api.http.post("/v1/campaigns", json=enough, auth=auth)
    assert admitted.status_code == 201, admitted.text
    # A skipped recipient costs nothing.
    api.story.store.opt_outs.add(api.story.account.id, "+14155550101", "api", wall_clock())
    half = campaign(creditsMax={"sms": 2})
    assert (await api.http.post("/v1/campaigns", json=half, auth=auth)).status_code == 201
    for wrong in ({"sms": -1}, {"gold": 1}, 5, {"sms": 1.5}):
        answer = await api.http.post("/v1/campaigns", json=campaign(creditsMax=wrong), auth=auth)
        assert answer.status_code == 400, wrong
