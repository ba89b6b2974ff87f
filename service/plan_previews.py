"""What would follow from a change of a campaign: tried in the store, and taken back."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from campaign.credits import Price
from campaign.instants import Instant
from campaign.refusals import Refusal, RefusalCode, Refused
from campaign.states import CAMPAIGN_ENDS
from campaign.views import CampaignView
from service.changes import Change, faults_of
from service.composition import CampaignComposer
from service.forecasts import fault_of_spread, rates_after
from service.orders import StateConflict
from service.text_edits import edit_text
from store.campaigns.forecasts import Prospect
from store.campaigns.outlooks import Outlook, outlook
from store.campaigns.text_edits import TextEdit
from store.store import Store


@dataclass(frozen=True, slots=True)
class ChangePreview:
    """What would follow from a change, or why it is refused.

    ``edit`` is what would become of the texts, None without another text; one for which credits do
    not suffice says what it would cost. A refused change changes nothing, so ``prospect`` is then
    that of the campaign as it is.
    """

    refusals: tuple[Refusal, ...]
    prospect: Prospect
    edit: TextEdit | None = None

    @property
    def price_difference(self) -> Price:
        """The credits to be held besides, or given back where they are negative."""
        return Price() if self.edit is None else self.edit.difference


def preview_change(
    store: Store, composer: CampaignComposer, view: CampaignView, change: Change, now: Instant
) -> ChangePreview:
    """Say what would follow from a change, which is not made.

    Asks the store, and may take seconds, so call it in a thread. Raises StateConflict as the change
    itself does, and InstantOutOfRange for a plan that would leave the years 1970 to 2199.
    """
    seen: list[Prospect] = []

    def look(connection: Connection) -> None:
        rates = rates_after(store, connection, view, change)
        seen.append(store.forecasts.prospect(connection, view, now, rates))

    refusals, edit = begin_change(store, composer, view, change, now, look)
    if refusals:
        prospect = store.database.read(
            lambda connection: store.forecasts.prospect(connection, view, now)
        )
        return ChangePreview(refusals, prospect, edit)
    if not seen:
        store.database.read(look)
    return ChangePreview((), seen[-1], edit)


def begin_change(
    store: Store,
    composer: CampaignComposer,
    view: CampaignView,
    change: Change,
    now: Instant,
    look: Callable[[Connection], None] | None = None,
) -> tuple[tuple[Refusal, ...], TextEdit | None]:
    """Check a change, and write another text; returns the refusals, and what the edit did.

    This is what the store can do of a change: its workflow moves the plan afterwards. A ``look``
    sees a text or a plan as it is changed, and nothing stays changed then. Asks the store, so call
    it in a thread. Raises StateConflict if the campaign has ended, if it has begun and would get
    another start or spread, or if no text can be edited.
    """
    faults = faults_of(change, now, composer.settings, view.expires_at)
    if faults:
        return tuple(faults), None
    has_begun = view.started_at is not None
    if view.status in CAMPAIGN_ENDS or (has_begun and change.moves_start):
        raise StateConflict(view.status)
    fault, edit = fault_of_spread(store, view, change, now), None
    if fault is None and change.moves_plan:
        fault = fault_of_plan(store, view, change, now, look)
    if fault is None and change.text is not None:
        try:
            edit = edit_text(store, composer, view, change.text, now, look)
        except Refused as refused:
            return refused.refusals, None
        fault = edit.refusal
    return () if fault is None else (fault,), edit


def fault_of_plan(
    store: Store,
    view: CampaignView,
    change: Change,
    now: Instant,
    look: Callable[[Connection], None] | None = None,
) -> Refusal | None:
    """The refusal of a change after which messages could not leave that could before, or None.

    The change is made in the store, where ``look`` sees it, and taken back. Asks the store, so call
    it in a thread. Raises InstantOutOfRange for a plan that would leave the years 1970 to 2199.
    """

    def changed(connection: Connection, stuck: int) -> tuple[Outlook, int]:
        if look is not None:
            look(connection)
        return outlook(connection, view.id), stuck

    before = store.database.read(lambda connection: outlook(connection, view.id))
    start = None if change.start is None else max(change.start, now)
    earliest = now if view.paused_at is None else view.paused_at
    after, stuck = store.plans.preview(
        view.id, change.spread_hours, earliest, start, changed, change.limits
    )
    code, place = _place(change)
    if stuck:
        what = "the hours in which it may send have no room within a year for"
        return Refusal(code, f"{what} {stuck} of {after.waiting} messages", place)
    if after.waiting and _never_in_time(before, after, change):
        what = "messages would leave at expiresAt or later"
        return Refusal(code, f"{after.late} of {after.waiting} {what}", place)
    return None


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
