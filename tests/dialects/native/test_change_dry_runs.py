"""``PATCH`` with ``dryRun=true`` says what would follow from a change, and changes nothing."""

from datetime import datetime
from typing import Any

import pytest

from tests.dialects.native.test_limits_changes import WINDOW, tomorrow
from tests.dialects.native.test_text_edits import created
from tests.serving import Api

Json = dict[str, Any]
LONG = "Dear {{name}}, " + "we open at ten, " * 12


async def shown(api: Api, campaign: str) -> tuple[Json, Json]:
    """A campaign with its messages, and who changed it."""
    found = await api.http.get(f"/v1/campaigns/{campaign}", auth=api.basic())
    messages = await api.http.get(f"/v1/campaigns/{campaign}/messages", auth=api.basic())
    activity = await api.http.get("/v1/activity?action=campaign.changed", auth=api.basic())
    return {**found.json(), **messages.json()}, activity.json()


async def tried(api: Api, campaign: str, change: Json, status: int = 200) -> Json:
    """The answer to a dry run, which has changed nothing."""
    before = await shown(api, campaign)
    answer = await api.http.patch(
        f"/v1/campaigns/{campaign}", json=change, params={"dryRun": "true"}, auth=api.basic()
    )
    assert answer.status_code == status, answer.text
    assert await shown(api, campaign) == before
    found: Json = answer.json()
    return found


async def test_another_start_and_spread_say_when_it_would_end(api: Api) -> None:
    campaign = await created(api, scheduleDateTime=tomorrow(3))
    change = {"scheduleDateTime": tomorrow(5), "spreadHours": 3}
    assert await tried(api, campaign, change) == {
        "dryRun": True,
        "admitted": True,
        "refusals": [],
        "plannedEnd": tomorrow(7),
        "toSend": 3,
        "skipped": [],
        "edited": 0,
        "underWay": 0,
        "credits": {"sms": 0, "mms": 0},
    }


async def test_what_a_change_does_is_what_its_dry_run_said(api: Api) -> None:
    campaign = await created(api, scheduleDateTime=tomorrow(3), spreadHours=3)
    for change in ({"window": WINDOW}, {"rate": 0.001}, {"spreadHours": 1, "rate": None}):
        answer = await tried(api, campaign, change)
        made = await api.http.patch(f"/v1/campaigns/{campaign}", json=change, auth=api.basic())
        assert made.status_code == (200 if answer["admitted"] else 400)
        now = (await api.http.get(f"/v1/campaigns/{campaign}", auth=api.basic())).json()
        assert answer["plannedEnd"] == now["plannedEnd"]


async def test_an_expiry_says_who_would_not_get_the_message(api: Api) -> None:
    campaign = await created(api, scheduleDateTime=tomorrow(3), spreadHours=3)
    answer = await tried(api, campaign, {"expiresAt": tomorrow(5)})
    assert (answer["plannedEnd"], answer["toSend"]) == (tomorrow(4), 2)
    assert answer["skipped"] == [{"reason": "expired", "count": 1}]


async def test_another_text_says_whom_it_reaches_and_what_it_costs(api: Api) -> None:
    campaign = await created(api)
    answer = await tried(api, campaign, {"text": "Dear {{name}}, we open at ten", "rate": 0.5})
    assert (answer["edited"], answer["credits"]) == (3, {"sms": 0, "mms": 0})
    due = datetime.fromisoformat(
        (await api.http.get(f"/v1/campaigns/{campaign}", auth=api.basic())).json()["plannedEnd"]
    )
    assert (datetime.fromisoformat(answer["plannedEnd"]) - due).total_seconds() == 4
    # Two segments each.
    answer = await tried(api, campaign, {"text": LONG, "rate": 0.5})
    assert (datetime.fromisoformat(answer["plannedEnd"]) - due).total_seconds() == 8


@pytest.mark.parametrize(
    ("change", "code", "place"),
    [
        ({"text": "Dear {{surname}}"}, "template_fields_missing", "recipients[0].fields"),
        ({"expiresAt": tomorrow(2)}, "field_invalid", "expiresAt"),
        ({"spreadHours": 1, "rate": 0.0004}, "spread_invalid", "spreadHours"),
        ({"scheduleDateTime": "2126-01-05T09:00:00Z"}, "schedule_invalid", "scheduleDateTime"),
    ],
)
async def test_a_refused_change_is_answered_with_its_faults_and_the_campaign_as_it_is(
    api: Api, change: Json, code: str, place: str
) -> None:
    campaign = await created(api, scheduleDateTime=tomorrow(3))
    answer = await tried(api, campaign, change)
    fault = answer["refusals"][0]
    assert (answer["admitted"], fault["code"], fault["place"]) == (False, code, place)
    assert (answer["plannedEnd"], answer["toSend"]) == (tomorrow(3), 3)


async def test_what_no_change_may_be_and_an_ended_campaign_are_errors(api: Api) -> None:
    campaign = await created(api)
    await tried(api, campaign, {"rate": "fast"}, 400)
    await tried(api, campaign, {}, 400)
    await api.http.post(f"/v1/campaigns/{campaign}/cancel", auth=api.basic())
    answer = await api.http.get(f"/v1/campaigns/{campaign}", auth=api.basic())
    if answer.json()["status"] == "cancelled":
        await tried(api, campaign, {"rate": 1}, 409)


async def test_the_document_names_both_answers(api: Api) -> None:
    document = (await api.http.get("/openapi.json")).json()
    operation = document["paths"]["/v1/campaigns/{id}"]["patch"]
    assert operation["operationId"] == "changeCampaign"
    content = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert [each["$ref"].rsplit("/")[-1] for each in content["anyOf"]] == [
        "Campaign",
        "ChangeDryRun",
    ]
