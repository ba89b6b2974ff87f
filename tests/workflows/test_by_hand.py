"""What a hand does in Temporal: a reset counts as the store does, a mistyped input fails."""

import asyncio
import uuid
from dataclasses import replace

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from campaign.instants import HOUR
from campaign.states import CampaignStatus
from tests.conftest import Story, finish
from tests.workflows.test_campaign import handle_of
from workflows.campaign import CampaignWorkflow
from workflows.records import CampaignInput, Progress, WebhookDeliveryInput

pytestmark = pytest.mark.one_store
SENT, WAIT = 5, 7


async def sent_five_of_twelve(story: Story) -> str:
    """A campaign of which five messages left and seven wait for an hour."""
    start = await story.now() + HOUR
    draft = story.draft(SENT + WAIT)
    later = [replace(each, scheduled_at=start) for each in draft.recipients[SENT:]]
    draft = replace(draft, recipients=[*draft.recipients[:SENT], *later])
    campaign = (await story.service.admit(draft)).campaign
    async with asyncio.timeout(30):
        while (await progress(story, campaign.id)).tally.sent < SENT:
            await asyncio.sleep(0.05)
    return campaign.id


async def progress(story: Story, campaign_id: str) -> Progress:
    """What the Web UI shows."""
    return await handle_of(story, campaign_id).query(CampaignWorkflow.progress)


@pytest.mark.parametrize("last", [False, True])
async def test_after_a_reset_the_web_ui_counts_as_the_store_does(
    real_story: Story, last: bool
) -> None:
    story = real_story
    campaign_id = await sent_five_of_twelve(story)
    handle = handle_of(story, campaign_id)
    ended = [
        event.event_id
        for event in (await handle.fetch_history()).events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    ]
    request = ResetWorkflowExecutionRequest(
        namespace=story.client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=handle.id),
        reason="by hand",
        workflow_task_finish_event_id=ended[-1 if last else 0],
        request_id=uuid.uuid4().hex,
    )
    reset = await story.client.workflow_service.reset_workflow_execution(request)
    async with asyncio.timeout(30):
        while (shown := await progress(story, campaign_id)).next_wave_count != WAIT:
            await asyncio.sleep(0.05)
    stored = story.store.campaigns.tally(campaign_id)
    assert (shown.tally.queued, shown.tally.skipped) == (stored.queued, stored.skipped) == (WAIT, 0)
    assert shown.tally.sent + shown.tally.delivered == SENT
    assert (await handle.describe()).run_id == reset.run_id
    view = story.store.campaigns.get(campaign_id)
    assert view is not None
    await story.service.cancel(view)
    assert await finish(story, campaign_id) is CampaignStatus.CANCELLED
    assert len(story.carrier.log) == SENT


@pytest.mark.parametrize("input", [{"campaign": "+14155550123"}, "rubbish", 7, None])
async def test_a_campaign_that_is_started_with_an_invalid_input_fails(
    real_story: Story, input: object
) -> None:
    handle = await real_story.client.start_workflow(
        "Campaign",
        input,
        id=f"by-hand-{uuid.uuid4().hex}",
        task_queue=real_story.settings.task_queue,
    )
    with pytest.raises(WorkflowFailureError) as failed:
        await asyncio.wait_for(handle.result(), 30)
    cause = failed.value.cause
    assert isinstance(cause, ApplicationError) and cause.type == "InvalidInput"
    assert "14155550123" not in str(cause)


def test_the_inputs_of_both_workflows_are_checked() -> None:
    for model in (CampaignInput, WebhookDeliveryInput):
        with pytest.raises(ApplicationError):
            model.model_validate({})
