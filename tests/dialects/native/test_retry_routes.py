"""A retry in part over HTTP: which messages, by which carrier, and how many."""

import asyncio
from typing import Any

import pytest

from campaign.failures import PermanentFailure
from campaign.handoffs import Acceptance, Handoff
from carriers.pretend import PretendCarrier
from tests.serving import Api

Json = dict[str, Any]
PEOPLE = ["+14155551001", "+14155551002", "+61491570156"]


@pytest.mark.one_store
async def test_a_campaign_is_retried_by_reason_and_country_and_says_how_many(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(carrier: PretendCarrier, handoff: Handoff) -> Acceptance:
        raise PermanentFailure("blocked")

    async def retried(body: Json | None) -> tuple[int, Json]:
        answer = await api.http.post(f"{path}/retry", json=body, auth=api.basic())
        return answer.status_code, answer.json()

    with monkeypatch.context() as patched:
        patched.setattr(PretendCarrier, "send", refuse)
        body = {"text": "Hello", "recipients": [{"to": to} for to in PEOPLE]}
        created = await api.http.post("/v1/campaigns", json=body, auth=api.basic())
        path = f"/v1/campaigns/{created.json()['id']}"
        assert (await api.finished(created.json()["id"]))["counts"]["failed"] == 3

    for wrong, place in (
        ({"reasons": ["never_heard_of"]}, "reasons[0]"),
        ({"reasons": ["blocked", "No"]}, "reasons[1]"),
        ({"reasons": ["opted_out"]}, "reasons[0]"),
        ({"reasons": []}, "reasons"),
        ({"countries": ["GB", "XX"]}, "countries[1]"),
        ({"carrier": "nobody"}, "carrier"),
        ({"country": "GB"}, "country"),
    ):
        status, problem = await retried(wrong)
        assert (status, problem["errors"][0]["place"]) == (400, place), problem
    for nothing in (None, {}, {"reasons": ["blocked"], "countries": ["FR"]}):
        status, problem = await retried(nothing)
        assert (status, problem["type"]) == (409, "urn:godwit:problem:nothing_failed")

    status, problem = await retried({"reasons": ["blocked"], "text": "{{NAME}}"})
    assert (status, problem["errors"][0]["place"]) == (400, "text"), problem
    body = {"reasons": ["blocked"], "countries": ["AU"], "carrier": "pretend", "text": "Hi again"}
    status, shown = await retried(body)
    assert (status, shown["retried"], shown["id"]) == (202, 1, created.json()["id"])
    async with asyncio.timeout(20):
        while (await api.http.get(path, auth=api.basic())).json()["status"] == "running":
            await asyncio.sleep(0.05)
    listed = (await api.http.get(f"{path}/messages", auth=api.basic())).json()["messages"]
    assert [one["text"] for one in listed] == ["Hello", "Hello", "Hi again"]
    story = await api.http.get(f"/v1/messages/{listed[2]['id']}", auth=api.basic())
    assert [one["text"] for one in story.json()["attemptLog"]] == ["Hello", "Hi again"]
    report = (await api.http.get(f"{path}/report", auth=api.basic())).json()
    assert report["credits"]["posted"] == {"sms": 2, "mms": 0}
    assert report["countries"] == [
        {"country": "AU", "messages": 1, "segments": 1, "credits": {"sms": 2, "mms": 0}}
    ]
    assert report["attemptTotals"] == [
        {"carrier": "pretend", "outcome": "failed", "code": "blocked", "attempts": 3},
        {"carrier": "pretend", "outcome": "sent", "code": None, "attempts": 1},
    ]
    assert report["reasons"] == [{"status": "failed", "reason": "blocked", "count": 2}]
