"""Canary: its messages leave first, which no time of a recipient's own allows."""

from collections.abc import Iterator
from itertools import islice

from campaign.model import ComposedCampaign
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode


def check(composed: ComposedCampaign) -> Iterator[Refusal]:
    """Refuse schedules of recipients in a campaign with a canary."""
    if composed.draft.canary is None:
        return
    places = (
        f"recipients[{message.position}].scheduleDateTime"
        for message in composed.messages
        if message.scheduled_at is not None
    )
    for place in islice(places, SHOWN_MAX):
        what = "must not be given in a campaign with a canary, which leaves before all others"
        yield Refusal(RefusalCode.SCHEDULE_INVALID, what, place)
