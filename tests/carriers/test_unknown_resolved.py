"""A doubtful send through a whole campaign: looked up, sent once, charged once."""

import json
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest
from pydantic import SecretStr
from temporalio.testing import WorkflowEnvironment

from campaign.settings import Settings
from campaign.states import CampaignStatus
from carriers.twilio import TwilioCarrier, TwilioSettings
from service.campaigns import CampaignService
from store.accounts.accounts import AccountView
from store.campaigns.audit import audit
from store.store import Store
from tests.carriers.described import form_of, query_of
from tests.carriers.servers import Call, serving
from tests.conftest import Served, Story, finish
from worker import build_worker

CUT_AFTER, CUT_BEFORE = "+14155551000", "+14155551001"


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One kind of database is enough here."""
    return f"sqlite:///{tmp_path / 'godwit.db'}"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """An installation with this carrier."""
    return settings.model_copy(update={"carrier": TwilioCarrier.name})


async def test_what_was_cut_off_after_it_was_taken_is_found_and_never_sent_again(
    real: WorkflowEnvironment,
    settings: Settings,
    store: Store,
    account: AccountView,
    carrier_server: Served,
) -> None:
    taken: list[dict[str, str]] = []
    cut: list[str] = []

    async def play(call: Call) -> None:
        if call.head.startswith(b"GET"):
            wanted = query_of(call)["To"]
            messages = [one for one in taken if one["to"] == wanted]
            answer = {"messages": messages, "next_page_uri": None}
            await call.answer(200, json.dumps(answer).encode())
            return
        form = form_of(call)
        first = form["To"] not in cut
        cut.append(form["To"])
        if form["To"] == CUT_BEFORE and first:
            call.reset()
            return
        row = {"sid": f"SM{len(taken)}", "to": form["To"], "body": form["Body"]}
        taken.append(row | {"status": "queued", "date_created": format_datetime(datetime.now(UTC))})
        if form["To"] == CUT_AFTER and first:
            call.reset()
            return
        await call.answer(201, json.dumps({"sid": row["sid"], "status": "queued"}).encode())

    async with serving(play) as stub:
        credentials = TwilioSettings(
            base_url=stub.base_url, account_sid="AC1", auth_token=SecretStr("t")
        )
        carrier = TwilioCarrier(credentials, 2.0)
        async with build_worker(real.client, settings, store, carrier):
            service = CampaignService(real.client, store, settings)
            story = Story(service, store, account, carrier_server, real.client, settings, real)
            campaign = (await service.admit(story.draft(6))).campaign
            status = await finish(story, campaign.id)
        await carrier.close()
    assert status is CampaignStatus.FINISHED
    numbers = [row["to"] for row in taken]
    assert sorted(numbers) == sorted(set(numbers)) and len(numbers) == 6
    assert cut.count(CUT_AFTER) == 1 and cut.count(CUT_BEFORE) == 2
    messages = list(store.campaigns.messages(campaign.id))
    assert {message.status for message in messages} == {"sent"}
    report = store.campaigns.report(campaign.id)
    assert (report.posted.sms, report.held.sms) == (12, 0)
    assert audit(store.database).findings == ()
