"""Whether a change of a plan leaves its messages time: tried in the store, and taken back."""

from sqlalchemy import Connection

from campaign.instants import Instant
from campaign.refusals import Refusal, RefusalCode
from campaign.views import CampaignView
from service.changes import Change
from store.campaigns.outlooks import Outlook, outlook
from store.store import Store


def preview_plan(
    store: Store, view: CampaignView, change: Change, now: Instant
) -> tuple[Outlook, Refusal | None]:
    """What waits after a change of the plan; a refusal if what could leave before cannot then.

    Asks the store, so call it in a thread. Raises InstantOutOfRange for a plan that would leave the
    years 1970 to 2199.
    """

    def look(connection: Connection, stuck: int) -> tuple[Outlook, int]:
        return outlook(connection, view.id), stuck

    before = store.database.read(lambda connection: outlook(connection, view.id))
    start = None if change.start is None else max(change.start, now)
    earliest = now if view.paused_at is None else view.paused_at
    after, stuck = store.plans.preview(
        view.id, change.spread_hours, earliest, start, look, change.limits
    )
    code, place = _place(change)
    if stuck:
        what = "the hours in which it may send have no room within a year for"
        return after, Refusal(code, f"{what} {stuck} of {after.waiting} messages", place)
    if after.waiting and _never_in_time(before, after, change):
        what = "messages would leave at expiresAt or later"
        return after, Refusal(code, f"{after.late} of {after.waiting} {what}", place)
    return after, None


def _never_in_time(before: Outlook, after: Outlook, change: Change) -> bool:
    """Whether more would expire; another expiry may cut off all but the first."""
    if change.limits is not None and change.limits.has_expiry:
        return after.late == after.waiting
    return after.late > before.late


def _place(change: Change) -> tuple[RefusalCode, str]:
    if change.start is not None:
        return RefusalCode.SCHEDULE_INVALID, "scheduleDateTime"
    if change.spread_hours is not None:
        return RefusalCode.SPREAD_INVALID, "spreadHours"
    has_window = change.limits is not None and change.limits.has_window
    return RefusalCode.FIELD_INVALID, "window" if has_window else "expiresAt"
