"""Quiet hours in skipped time: marketing sleeps at night, in every zone and through clock changes.

Shows 16.4 of the issues.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from campaign.instants import HOUR, SECOND, Instant, instant_of, moment_of
from campaign.model import DraftRecipient
from campaign.sending_windows import Purpose
from campaign.states import CampaignStatus
from campaign.time_zones import possible_zones
from store.campaigns.audit import audit
from tests.conftest import Story, finish

NEW_YORK = ZoneInfo("America/New_York")
# New York, San Francisco, Honolulu, and a number that may be anywhere from Newfoundland to Guam.
PREFIXES = ("+1212555", "+1415555", "+1808555", "+1800555")


def night_before_a_clock_change(now: Instant) -> Instant:
    """The next 23:00 in New York after which the clocks change before the morning."""
    day = moment_of(now).astimezone(NEW_YORK).date() + timedelta(days=1)
    while True:
        night = datetime(day.year, day.month, day.day, 23, tzinfo=NEW_YORK)
        if night.utcoffset() != (night + timedelta(hours=12)).utcoffset():
            return instant_of(night)
        day += timedelta(days=1)


def recipients(prefixes: Sequence[str] = PREFIXES, each: int = 3) -> list[DraftRecipient]:
    """Some numbers with each prefix."""
    numbers = [f"{prefix}{2_000 + index}" for index in range(each) for prefix in prefixes]
    return [DraftRecipient(to=number, text="Hats are half price") for number in numbers]


async def test_marketing_posted_at_night_leaves_by_day_in_every_zone_across_a_clock_change(
    story: Story,
) -> None:
    night = night_before_a_clock_change(await story.now())
    draft = story.draft(
        0,
        recipients=recipients(),
        scheduled_at=night,
        spread_hours=14.0,
        purpose=Purpose.MARKETING,
    )
    campaign = (await story.service.admit(draft)).campaign
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    sent = story.store.campaigns.messages(campaign.id, limit=100)
    for message in sent:
        assert message.sent_at is not None and message.sent_at >= night
        zones = possible_zones(message.to)
        assert len(zones) > 30 if message.to.startswith("+1800") else len(zones) == 1
        for zone in zones:
            local = moment_of(message.sent_at).astimezone(ZoneInfo(zone))
            assert 8 <= local.hour < 21, (message.to, zone, local)
    # New York begins at eight by the new clock, and goes on as evenly as planned.
    of_new_york = sorted(one.sent_at or 0 for one in sent if one.to.startswith("+1212"))
    first = moment_of(of_new_york[0]).astimezone(NEW_YORK)
    assert first.strftime("%H:%M") == "08:00"
    assert first.utcoffset() != moment_of(night).astimezone(NEW_YORK).utcoffset()
    assert of_new_york[-1] - of_new_york[0] > 8 * HOUR
    assert audit(story.store.database).findings == ()


async def test_the_same_as_transactional_leaves_at_once(story: Story) -> None:
    night = night_before_a_clock_change(await story.now())
    draft = story.draft(
        0, recipients=recipients(), scheduled_at=night, purpose=Purpose.TRANSACTIONAL
    )
    campaign = (await story.service.admit(draft)).campaign
    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    sent_at = story.sent_at(campaign.id)
    assert len(sent_at) == 12
    assert all(night <= at <= night + 10 * SECOND for at in sent_at)


async def test_a_campaign_that_may_send_only_after_it_expires_ends_as_expired(
    story: Story,
) -> None:
    night = night_before_a_clock_change(await story.now())
    draft = story.draft(
        0,
        recipients=recipients(("+1212555",), 12),
        scheduled_at=night,
        purpose=Purpose.MARKETING,
        expires_at=night + 2 * HOUR,
    )
    campaign = (await story.service.admit(draft)).campaign
    assert await finish(story, campaign.id) is CampaignStatus.EXPIRED
    report = story.store.campaigns.report(campaign.id)
    assert report.reasons == {("skipped", "expired"): 12}
    assert (report.held.sms, report.posted.sms, report.voided.sms) == (0, 0, 24)
    assert story.carrier.log == []
