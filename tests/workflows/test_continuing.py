"""A long story goes on as a new run, on a real server that suggests it early."""

from dataclasses import replace

import pytest
from temporalio.testing import WorkflowEnvironment

from campaign.settings import Settings
from campaign.states import CampaignStatus
from store.accounts.accounts import AccountView
from store.campaigns.audit import audit
from store.store import Store
from tests.conftest import CONTINUE_EVENTS, Served, finish, tell
from tests.workflows.steps import local_steps, steps_of_the_server
from tests.workflows.test_campaign import handle_of

PEOPLE, CHUNK = 400, 5
# Put off once by the carrier, so that there is something to send after the long first wave.
BUSY = [f"+1{415 + index}5550002" for index in range(3)]


@pytest.mark.one_store
async def test_a_long_story_continues_as_new_and_keeps_its_state(
    real: WorkflowEnvironment,
    settings: Settings,
    store: Store,
    account: AccountView,
    carrier_server: Served,
) -> None:
    settings.chunk_size = CHUNK
    async with tell(real, settings, store, account, carrier_server, sandboxed=True) as story:
        draft = story.draft(PEOPLE)
        people = [
            replace(recipient, to=BUSY[index]) if index < len(BUSY) else recipient
            for index, recipient in enumerate(draft.recipients)
        ]
        campaign = (await story.service.admit(replace(draft, recipients=people))).campaign
        assert await finish(story, campaign.id) is CampaignStatus.FINISHED
        last = (await handle_of(story, campaign.id).fetch_history()).events
        outcome = await handle_of(story, campaign.id).result()
    began = last[0].workflow_execution_started_event_attributes
    assert began.continued_execution_run_id, "it was one run to the end"
    assert len(last) < CONTINUE_EVENTS
    # What was known is not asked again: neither judged nor paid for, and counted as a whole.
    asked = {*steps_of_the_server(last), *local_steps(last)}
    assert {"send_chunk", "settle_campaign"} <= asked
    assert not asked & {"admit_campaign", "vet", "hold_credits", "plan"}
    assert outcome.tally.total == outcome.tally.sent + outcome.tally.delivered == PEOPLE
    log = carrier_server.log
    assert len({row["reference"] for row in log}) == len(log) == PEOPLE
    assert audit(store.database).findings == ()
