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

    Of a paused campaign, when it would if it were resumed now. None where nothing waits. Other
    campaigns on the same sender, and how fast carrier and workers are, are not part of it. Asks the
    store, so call it in a thread.
    """
    return store.database.read(lambda connection: _end_in(store, connection, view, now))


def end_after(store: Store, view: CampaignView, change: Change, now: Instant) -> Instant | None:
    """When the last message that waits would leave after a change; see ``planned_end``.

    The change is made in the store and taken back (:meth:`store.campaigns.plans.Plans.preview`), so
    that it follows the hours of the campaign as the change would. Check the change before. Raises
    InstantOutOfRange for a plan that would leave the years 1970 to 2199.
    """

    def look(connection: Connection, stuck: int = 0) -> Instant | None:
        return _end_in(store, connection, view, now, _rates_after(store, connection, view, change))

    if not change.moves_plan:
        return store.database.read(look)
    start = None if change.start is None else max(change.start, now)
    earliest = now if view.paused_at is None else view.paused_at
    return store.plans.preview(view.id, change.spread_hours, earliest, start, look, change.limits)


def _end_in(
    store: Store,
    connection: Connection,
    view: CampaignView,
    now: Instant,
    rates: Mapping[str, float] | None = None,
) -> Instant | None:
    if view.status in CAMPAIGN_ENDS:
        return None
    ends = store.forecasts.ends(connection, [view], now, rates)
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
        rates = _rates_after(store, connection, view, change)
        limits = store.forecasts.limits(connection, view, segments, now, rates)
        fault = short_spread(hours, segments, limits)
        place = "rate" if change.spread_hours is None else "spreadHours"
        return fault and Refusal(RefusalCode.SPREAD_INVALID, fault[0], place, fault[1])

    return store.database.read(read)


def _rates_after(
    store: Store, connection: Connection, view: CampaignView, change: Change
) -> Mapping[str, float]:
    """The rates by scope, as they are after a change of a campaign."""
    rates = dict(store.rates.rates_in(connection))
    if change.has_rate:
        rates.pop(campaign_scope(view.id), None)
    if change.rate is not None:
        rates[campaign_scope(view.id)] = change.rate
    return rates
