"""Times of recipients' own, and messages that were put off, in a plan of many days."""

from collections import Counter
from dataclasses import replace

import pytest

from campaign.instants import DAY, HOUR, MINUTE, SECOND
from campaign.settings import Settings
from campaign.states import CampaignStatus
from tests.conftest import Story, finish
from tests.workflows.test_campaign import handle_of

pytestmark = pytest.mark.one_store
# A number that the pretend carrier puts off once.
PUT_OFF = "+14165550002"
BACKOFF = 40 * SECOND


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The first retry comes later than a chunk waits in its place."""
    return settings.model_copy(update={"retry_backoff_seconds": (BACKOFF / SECOND,)})


async def test_own_times_cost_no_more_history_than_a_spread_and_each_is_kept(story: Story) -> None:
    start = await story.now() + HOUR
    times = [start + day * DAY + n * MINUTE for day in range(4) for n in range(15)]
    draft = story.draft(len(times), scheduled_at=start)
    recipients = [
        replace(recipient, scheduled_at=at)
        for recipient, at in zip(draft.recipients, times, strict=True)
    ]
    campaign = (await story.service.admit(replace(draft, recipients=recipients))).campaign
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    late = [at - due for at, due in zip(story.sent_at(campaign.id), times, strict=True)]
    assert len(late) == len(times) and min(late) >= 0 and max(late) <= 2 * SECOND
    # Four waves; a wave for each minute would be 60.
    length = (await handle_of(story, campaign.id).describe()).history_length
    assert length <= 4 * 14 + 40


async def test_what_was_put_off_in_a_long_plan_leaves_at_its_own_instant(story: Story) -> None:
    start = await story.now() + HOUR
    times = [*(start + n * MINUTE for n in range(12)), start + 3 * DAY]
    draft = story.draft(len(times), scheduled_at=start)
    recipients = [
        replace(recipient, scheduled_at=at)
        for recipient, at in zip(draft.recipients, times, strict=True)
    ]
    recipients[5] = replace(recipients[5], to=PUT_OFF)
    campaign = (await story.service.admit(replace(draft, recipients=recipients))).campaign
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    messages = story.store.campaigns.messages(campaign.id)
    assert Counter(each.attempts for each in messages) == {1: 12, 2: 1}
    assert messages[5].attempts == 2 and messages[5].sent_at is not None
    assert 0 <= messages[5].sent_at - (times[5] + BACKOFF) <= 2 * SECOND
