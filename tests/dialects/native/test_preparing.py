"""A campaign from long lists is answered at once, and gets its verdict from its workflow."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from campaign.credits import CreditKind
from campaign.failures import ServiceUnavailable
from campaign.views import CampaignView
from service.campaign_workflows import CampaignWorkflows
from service.campaigns import CampaignService
from store.campaigns.audit import audit
from tests.dialects.native.test_lists import make
from tests.serving import Api, serve_api

Json = dict[str, Any]
ABOVE, MEMBERS = 10, 35
NUMBERS = [f"+1415555{4_000 + index}" for index in range(MEMBERS)]


@pytest.fixture
async def api(real_story: Any) -> AsyncIterator[Api]:
    """The API, which prepares campaigns above ten recipients."""
    settings = real_story.settings.model_copy(update={"prepare_above": ABOVE})
    service = CampaignService(real_story.client, real_story.store, settings)
    async with serve_api(real_story, settings, service) as served:
        yield served


async def post(api: Api, expected: int = 202, **body: Any) -> Json:
    answer = await api.http.post("/v1/campaigns", json=body, auth=api.basic())
    assert answer.status_code == expected, answer.text
    shown: Json = answer.json()
    return shown


async def shown(api: Api, campaign_id: str) -> Json:
    answer = await api.http.get(f"/v1/campaigns/{campaign_id}", auth=api.basic())
    campaign: Json = answer.json()
    return campaign


async def decided(api: Api, campaign_id: str) -> Json:
    """The campaign once it has its verdict."""
    while True:
        campaign = await shown(api, campaign_id)
        if campaign["status"] != "preparing":
            return campaign
        await asyncio.sleep(0.05)


async def test_a_campaign_to_a_long_list_is_prepared_and_sent(api: Api) -> None:
    list_id = await make(api, *NUMBERS)
    body: Json = {"text": "Hello {{NAME}}", "recipients": [{"mailingList": list_id}]}
    begun = await post(api, **body, idempotencyKey="spring")
    assert begun["status"] == "preparing"
    assert begun["preparation"] == {"written": begun["counts"]["total"], "expected": MEMBERS}
    assert begun["credits"]["held"] == {"sms": 0, "mms": 0}
    await decided(api, begun["id"])
    ended = await api.finished(begun["id"])
    assert ended["preparation"] is None
    assert ended["counts"]["total"] == ended["counts"]["sent"] + ended["counts"]["delivered"]
    assert sorted(str(one["to"]) for one in api.story.carrier.log) == NUMBERS
    again = await post(api, 200, **body, idempotencyKey="spring")
    assert again["id"] == begun["id"]
    assert audit(api.story.store.database).findings == ()


async def test_faults_of_the_request_itself_are_answered_at_once(api: Api) -> None:
    list_id = await make(api, *NUMBERS)
    answer = await post(api, 400, text="Hello {{", recipients=[{"mailingList": list_id}])
    assert answer["errors"][0]["place"] == "text"
    assert api.story.store.campaigns.list(api.story.account.id) == []


async def test_a_refused_one_tells_its_reasons_afterwards_and_costs_nothing(api: Api) -> None:
    list_id = await make(api, *NUMBERS)
    body: Json = {
        "text": "Hello",
        "recipients": [{"mailingList": list_id}],
        "creditsMax": {"sms": 20},
    }
    begun = await post(api, **body)
    refused = await decided(api, begun["id"])
    assert refused["status"] == "refused"
    assert [one["code"] for one in refused["refusals"]] == ["credits_max_exceeded"]
    account = api.story.store.accounts.show(api.story.account.id)
    assert account is not None and account.balances[CreditKind.SMS].held == 0
    assert refused["counts"]["cancelled"] == refused["counts"]["total"]


@pytest.fixture
def unstarted(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Temporal is away when a campaign comes, until the patch is undone."""

    async def away(self: CampaignWorkflows, view: CampaignView) -> None:
        raise ServiceUnavailable("away")

    monkeypatch.setattr(CampaignWorkflows, "start_preparing", away)
    return monkeypatch


async def test_one_that_nobody_started_is_prepared_once_temporal_is_back(
    api: Api, unstarted: pytest.MonkeyPatch
) -> None:
    list_id = await make(api, *NUMBERS)
    begun = await post(api, text="Hello", recipients=[{"mailingList": list_id}])
    assert (await shown(api, begun["id"]))["preparation"] == {"written": 0, "expected": MEMBERS}
    path = f"/v1/campaigns/{begun['id']}"
    answer = await api.http.patch(path, json={"rate": 5}, auth=api.basic())
    assert answer.status_code == 409, answer.text
    unstarted.undo()
    assert await api.story.service.prepare_all() == 1
    ended = await api.finished(begun["id"])
    assert ended["counts"]["sent"] + ended["counts"]["delivered"] == MEMBERS


async def test_a_cancellation_of_one_that_is_prepared_is_carried_out(
    api: Api, unstarted: pytest.MonkeyPatch
) -> None:
    list_id = await make(api, *NUMBERS)
    begun = await post(api, text="Hello", recipients=[{"mailingList": list_id}])
    answer = await api.http.post(f"/v1/campaigns/{begun['id']}/cancel", auth=api.basic())
    assert answer.status_code == 202 and answer.json()["ordered"] == "cancel"
    unstarted.undo()
    await api.story.service.prepare_all()
    ended = await decided(api, begun["id"])
    assert ended["status"] == "cancelled"
    assert ended["credits"]["held"] == {"sms": 0, "mms": 0}
    assert api.story.carrier.log == []
