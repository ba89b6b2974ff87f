"""People over HTTP: what is known of a number, and an erasure in the middle of a campaign."""

import asyncio

import pytest

from campaign.instants import SECOND, iso
from store.campaigns.audit import audit
from store.clock import wall_clock
from tests.serving import Api
from tests.store.people.test_erasure import everything

TEXT = "The secret word is Rosebud"


def soon() -> str:
    """An instant that leaves time to set a rate."""
    return iso(wall_clock() + 5 * SECOND)


async def post(api: Api, **members: object) -> str:
    """Create a campaign through the native API; its id."""
    body = {"sender": "+18005559876", **members}
    answer = await api.http.post("/v1/campaigns", json=body, auth=api.basic())
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_a_person_erased_in_the_middle_of_a_campaign_gets_nothing_more(api: Api) -> None:
    numbers = [f"+1415555{position:04d}" for position in range(2_000, 2_040)]
    person = numbers[-1]
    recipients = [
        {"to": to, "text": f"{TEXT} {position}", "reference": f"ref-{to}"}
        for position, to in enumerate(numbers)
    ]
    campaign_id = await post(
        api,
        name="A race",
        recipients=recipients,
        scheduleDateTime=soon(),
        idempotencyKey=f"k-{person[1:]}",
    )
    path = f"/v1/campaigns/{campaign_id}"
    assert (await api.http.patch(path, json={"rate": 4}, auth=api.basic())).status_code == 200
    while len(api.story.carrier.log) < 3:
        await asyncio.sleep(0.05)
    known = (await api.http.get(f"/v1/people/{person}", auth=api.basic())).json()
    assert known["totals"] == {
        "messages": 1,
        "optOuts": 0,
        "replies": 0,
        "clicks": 0,
        "mailingLists": 0,
    }
    assert known["messages"][0]["text"] == f"{TEXT} 39"
    assert known["messages"][0]["campaignId"] == campaign_id
    answer = await api.http.delete(f"/v1/people/{person}", auth=api.basic())
    assert (answer.status_code, answer.json()) == (
        200,
        {"messages": 1, "skipped": 1, "underWay": 0, "replies": 0, "mailingLists": 0},
    )
    left = everything(api.story.store)
    assert person[1:] not in left and f"{TEXT} 39" not in left
    campaign = await api.finished(campaign_id)
    assert (campaign["status"], campaign["counts"]["skipped"]) == ("finished", 1)
    assert campaign["counts"]["total"] == 40
    assert person not in {row["to"] for row in api.story.carrier.log}
    assert audit(api.story.store.database).findings == ()
    following = await post(api, text="Hello", recipients=[{"to": to} for to in numbers[-10:]])
    await api.finished(following)
    path = f"/v1/campaigns/{following}/messages?status=skipped"
    (skipped,) = (await api.http.get(path, auth=api.basic())).json()["messages"]
    assert (skipped["position"], skipped["reason"]) == (9, "opted_out")
    assert person not in {row["to"] for row in api.story.carrier.log}
    await api.http.delete(f"/v1/people/{person}", auth=api.basic())
    assert person[1:] not in everything(api.story.store)
    known = (await api.http.get(f"/v1/people/{person}", auth=api.basic())).json()
    assert [one["source"] for one in known["optOuts"]] == ["erased"]
    assert known["messages"] == []


@pytest.mark.one_store
async def test_only_a_number_and_the_right_permission_erase(api: Api) -> None:
    for number in ("abc", "+1555", "0123"):
        for method in ("GET", "DELETE"):
            answer = await api.http.request(method, f"/v1/people/{number}", auth=api.basic())
            assert (answer.status_code, answer.json()["type"]) == (
                400,
                "urn:godwit:problem:number_invalid",
            ), number
    path = "/v1/people/%2B1%20415%20555%202000"
    reader = api.basic("read:Campaigns", "manage:Campaigns")
    assert (await api.http.get(path, auth=reader)).json()["number"] == "+14155552000"
    assert (await api.http.delete(path, auth=reader)).status_code == 403
    assert (await api.http.delete(path)).status_code == 401
    assert (await api.http.delete(path, auth=api.basic())).json()["messages"] == 0


@pytest.mark.one_store
async def test_an_erased_number_can_be_opted_in_again(api: Api) -> None:
    path = "/v1/opt-outs/+14155552000"
    await api.http.delete("/v1/people/+14155552000", auth=api.basic())
    assert (await api.http.delete(path, auth=api.basic())).status_code == 204
    assert (await api.http.delete(path, auth=api.basic())).status_code == 404
