"""The native API takes a canary and a brake, shows them, and says what is wrong with them."""

import asyncio
from datetime import datetime
from typing import Any

import pytest

from campaign.refusals import Refused
from dialects.native.requests import read
from store.accounts.api_keys import Principal
from tests.dialects.native.test_dry_run import dry_run, people
from tests.serving import Api

CANARY = {"size": "20%", "waitSeconds": 90, "failureRateMax": 0.05}
BRAKE = {"window": 100, "failureRateMax": 0.05, "unknownRateMax": 0.01}
WHOLE_CANARY = {**CANARY, "optOutRateMax": None, "unknownRateMax": None}


@pytest.mark.parametrize(
    ("member", "value", "place", "message"),
    [
        ("canary", {"failureRateMax": 0.1}, "canary.size", "Field required"),
        ("canary", {"size": 20}, "canary", "needs at least one of failureRateMax"),
        ("canary", {**CANARY, "size": "0%"}, "canary.size", "a share such as"),
        ("canary", {**CANARY, "waitSeconds": 0}, "canary.waitSeconds", "greater than"),
        ("canary", {**CANARY, "failureRateMax": 1}, "canary.failureRateMax", "less than 1"),
        ("canary", {**CANARY, "window": 20}, "canary.window", "there is no such member"),
        ("brake", {"window": 100}, "brake", "needs at least one of failureRateMax"),
        ("brake", {**BRAKE, "window": 5}, "brake.window", "greater than"),
        ("brake", {"window": 10, "unknownRateMax": 0.9}, "brake.window", "at least 88 to decide"),
    ],
)
def test_a_wrong_member_is_refused_with_its_place(
    member: str, value: dict[str, Any], place: str, message: str
) -> None:
    principal = Principal("acc", "k", frozenset("*"), "", False, False, "random")
    with pytest.raises(Refused) as error:
        read({"text": "Hi", "recipients": people(1), member: value}, principal)
    (fault,) = [fault for fault in error.value.refusals if fault.place == place]
    assert message in fault.message


async def test_recipients_have_no_time_of_their_own_in_a_campaign_with_a_canary(api: Api) -> None:
    recipients = people(1, scheduleDateTime="2027-01-01T10:00:00Z")
    body = {"text": "Hi", "recipients": recipients, "canary": CANARY}
    answer = await api.http.post("/v1/campaigns", json=body, auth=api.basic())
    assert "with a canary" in answer.text


async def test_a_dry_run_counts_the_wait_of_the_canary(api: Api) -> None:
    shown = await dry_run(api, {"text": "Hi", "recipients": people(10), "canary": CANARY})
    assert shown["forecast"]["seconds"] == 90
    timeline = shown["forecast"]["timeline"]
    assert [part["messages"] for part in timeline] == [2, 8]
    first, last = (datetime.fromisoformat(part["at"]) for part in timeline)
    assert 88 <= (last - first).total_seconds() <= 90


async def test_a_campaign_shows_its_canary_and_why_it_was_paused(api: Api) -> None:
    refused = [{"to": f"+1{area}5550001"} for area in (212, 213, 305, 310, 312, 404)]
    body = {
        "text": "Hi",
        "recipients": [*refused, *people(14)],
        "canary": {**CANARY, "size": 10, "waitSeconds": 1},
        "brake": BRAKE,
    }
    created = await api.http.post("/v1/campaigns", json=body, auth=api.basic())
    assert created.status_code == 201, created.text
    shown = created.json()
    assert shown["canary"] == {**WHOLE_CANARY, "size": 10, "waitSeconds": 1}
    assert shown["brake"] == {**BRAKE, "optOutRateMax": None}
    assert (shown["canaryDecision"], shown["pauseReason"]) == (None, None)
    while shown["status"] != "paused":
        await asyncio.sleep(0.1)
        found = await api.http.get(f"/v1/campaigns/{shown['id']}", auth=api.basic())
        shown = found.json()
    assert (shown["pausedBy"], shown["pauseReason"]["code"]) == ("system", shown["problem"])
    assert "stopped it: " in shown["pauseReason"]["detail"]
    held = [
        one for one in api.story.store.campaigns.messages(shown["id"]) if one.status == "queued"
    ]
    assert len(held) >= 10
    story = await api.http.get(f"/v1/messages/{held[0].id}", auth=api.basic())
    assert shown["pauseReason"] in story.json()["why"]["because"]
