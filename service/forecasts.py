"""When a campaign will end, and whether a change of it leaves its spread enough time."""

from collections.abc import Mapping

from sqlalchemy import Connection

from campaign.forecast import short_spread
from campaign.instants import Instant
from campaign.rates import campaign_scope
from campaign.refusals import Refusal, RefusalCode
from campaign.states import CAMPAIGN_ENDS
from campaign.views import CampaignView
from service.changes import Change
from store.store import Store


def planned_end(store: Store, view: CampaignView, now: Instant) -> Instant | None:
    """When the last message that waits will leave, by the plan and the rates of this moment.

    Of a paused campaign, when it would if it were resumed now. None where nothing will leave. Other
    campaigns on the same sender, and how fast carrier and workers are, are not part of it. Asks the
    store, so call it in a thread.
    """
    if view.status in CAMPAIGN_ENDS:
        return None
    ends = store.database.read(lambda connection: store.forecasts.ends(connection, [view], now))
    return ends.get(view.id)


def fault_of_spread(
    store: Store, view: CampaignView, change: Change, now: Instant
) -> Refusal | None:
    """The refusal of a change that leaves the spread of a waiting campaign too short, or None.

    Once a campaign has begun, a rate may be as slow as is wanted.
    """
    hours = view.spread_hours if change.spread_hours is None else change.spread_hours
    if view.started_at is not None or (change.spread_hours is None and not change.has_rate):
        return None

    def read(connection: Connection) -> Refusal | None:
        segments = store.forecasts.spread_segments(connection, view.id)
        rates = rates_after(store, connection, view, change)
        limits = store.forecasts.limits(connection, view, segments, now, rates)
        fault = short_spread(hours, segments, limits)
        place = "rate" if change.spread_hours is None else "spreadHours"
        return fault and Refusal(RefusalCode.SPREAD_INVALID, fault[0], place, fault[1])

    return store.database.read(read)


def rates_after(
    store: Store, connection: Connection, view: CampaignView, change: Change
) -> Mapping[str, float]:
    """The rates by scope, as they are after a change of a campaign."""
    rates = dict(store.rates.rates_in(connection))
    if change.has_rate:
        rates.pop(campaign_scope(view.id), None)
    if change.rate is not None:
        rates[campaign_scope(view.id)] = change.rate
    return rates
