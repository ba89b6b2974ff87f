"""When a campaign ends, by what waits in the store; and changes that leave it too little time."""

from dataclasses import replace

import pytest

from campaign.instants import DAY, HOUR, MINUTE, SECOND
from campaign.rates import campaign_scope, sender_scope
from campaign.refusals import RefusalCode
from campaign.sending_windows import make_window, stored_window
from campaign.settings import Settings
from campaign.states import CampaignStatus
from campaign.views import CampaignView
from service.changes import Change
from service.composition import CampaignComposer
from service.forecasts import fault_of_spread, planned_end
from service.plan_previews import preview_change
from store.accounts.accounts import AccountView
from store.campaigns.forecasts import Prospect
from store.store import Store
from tests.store.builders import NOW, StoreBuilder


@pytest.fixture
def builder(store: Store, account: AccountView) -> StoreBuilder:
    """The account's campaigns, made and moved in few words."""
    return StoreBuilder(store, account.id)


def view(builder: StoreBuilder, campaign: str) -> CampaignView:
    found = builder.store.campaigns.get(campaign)
    assert found is not None
    # It is counted from now on, because what these campaigns have is due long ago.
    return replace(found, facts=replace(found.facts, planned_end=None))


def spread(builder: StoreBuilder, hours: float, count: int = 60) -> str:
    """A scheduled campaign whose messages are due a minute apart, over so many hours."""
    campaign = builder.save(count, spread_hours=hours)
    assert builder.store.admissions.hold(campaign, NOW) is None
    builder.store.campaigns.set_status(campaign, CampaignStatus.SCHEDULED, NOW)
    builder.execute(f"UPDATE message SET due_at = {NOW} + position * {MINUTE}")
    return campaign


def test_without_a_rate_a_campaign_ends_with_its_last_message(builder: StoreBuilder) -> None:
    campaign = spread(builder, 1.0)
    assert planned_end(builder.store, view(builder, campaign), NOW) == NOW + 59 * MINUTE
    builder.execute("UPDATE message SET status = 'sent' WHERE position > 9")
    assert planned_end(builder.store, view(builder, campaign), NOW) == NOW + 9 * MINUTE
    builder.execute("UPDATE message SET status = 'sent'")
    assert planned_end(builder.store, view(builder, campaign), NOW) is None


def test_a_slow_rate_moves_the_end(builder: StoreBuilder) -> None:
    campaign = spread(builder, 1.0)
    builder.store.rates.set_rate(campaign_scope(campaign), 1 / 120)
    assert planned_end(builder.store, view(builder, campaign), NOW) == NOW + 59 * 2 * MINUTE


@pytest.mark.parametrize("zone", ["UTC", "recipient"])
def test_what_a_rate_holds_back_beyond_the_closing_ends_on_the_next_day(
    builder: StoreBuilder, zone: str
) -> None:
    campaign = spread(builder, 1.0)
    window, _, _ = make_window("00:00", "01:00", None, zone)
    builder.execute("UPDATE campaign SET sending_window = :window", window=stored_window(window))
    builder.execute("UPDATE message SET time_zone = 'Etc/UTC'")
    end = planned_end(builder.store, view(builder, campaign), NOW)
    assert end == NOW + 59 * MINUTE
    builder.store.rates.set_rate(campaign_scope(campaign), 1 / 120)
    end = planned_end(builder.store, view(builder, campaign), NOW)
    # Thirty leave before one o'clock, the others as slowly from midnight on.
    assert end == NOW + DAY + 58 * MINUTE


def test_a_paused_campaign_ends_later_by_the_length_of_the_pause(builder: StoreBuilder) -> None:
    campaign = spread(builder, 1.0)
    paused = replace(view(builder, campaign), paused_at=NOW - HOUR)
    # Nothing was due yet when it was paused.
    assert planned_end(builder.store, paused, NOW + MINUTE) == NOW + 60 * MINUTE
    begun = replace(paused, started_at=NOW - 2 * HOUR)
    assert planned_end(builder.store, begun, NOW + MINUTE) == NOW + 120 * MINUTE


def test_an_ended_campaign_has_no_planned_end(builder: StoreBuilder) -> None:
    campaign = spread(builder, 1.0)
    ended = replace(view(builder, campaign), status=CampaignStatus.CANCELLED)
    assert planned_end(builder.store, ended, NOW) is None


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (Change(spread_hours=0.01), "spreadHours"),
        (Change(spread_hours=0.01, has_rate=True, rate=1.0), "spreadHours"),
        (Change(has_rate=True, rate=0.01), "rate"),
    ],
)
def test_a_change_that_leaves_too_little_time_is_refused_with_its_place(
    builder: StoreBuilder, change: Change, place: str
) -> None:
    campaign = spread(builder, 1.0)
    sender = str(builder.value("SELECT min(sender) FROM message"))
    builder.store.rates.set_rate(sender_scope(builder.account_id, sender), 0.5)
    fault = fault_of_spread(builder.store, view(builder, campaign), change, NOW)
    assert fault is not None
    assert (fault.code, fault.place) == (RefusalCode.SPREAD_INVALID, place)
    begun = replace(view(builder, campaign), started_at=NOW)
    assert fault_of_spread(builder.store, begun, change, NOW) is None


def test_a_change_that_fits_is_no_fault(builder: StoreBuilder) -> None:
    campaign = spread(builder, 1.0)
    slow = Change(has_rate=True, rate=0.001)
    assert fault_of_spread(builder.store, view(builder, campaign), slow, NOW) is not None
    builder.store.rates.set_rate(campaign_scope(campaign), 0.001)
    for change in (
        Change(has_rate=True, rate=None),
        Change(spread_hours=0.0),
        Change(start=NOW + HOUR),
        Change(spread_hours=0.1, has_rate=True, rate=1.0),
    ):
        assert fault_of_spread(builder.store, view(builder, campaign), change, NOW) is None


def test_the_parts_of_a_long_plan_end_where_its_messages_do(builder: StoreBuilder) -> None:
    campaign = spread(builder, 20.0, 1_200)
    builder.store.rates.set_rate(campaign_scope(campaign), 1 / 90)
    end = planned_end(builder.store, view(builder, campaign), NOW)
    assert end is not None and abs(end - (NOW + 1_199 * 90 * SECOND)) <= 90 * SECOND
    shown, forecasts = view(builder, campaign), builder.store.forecasts
    departures, _, _ = builder.store.database.read(
        lambda connection: forecasts.departures(connection, shown, NOW)
    )
    assert len(departures) <= 501 and sum(each.messages for each in departures) == 1_200


@pytest.mark.parametrize(
    ("change", "end"),
    [
        (Change(start=NOW + HOUR), NOW + HOUR + 59 * MINUTE),
        (Change(start=NOW - MINUTE), NOW + 59 * MINUTE),
        (Change(spread_hours=2.0), NOW + 118 * MINUTE),
        (Change(start=NOW + HOUR, spread_hours=2.0), NOW + HOUR + 118 * MINUTE),
        (Change(has_rate=True, rate=1 / 120), NOW + 118 * MINUTE),
        (Change(spread_hours=0.0, has_rate=True, rate=0.5), NOW + 118 * SECOND),
    ],
)
def test_what_would_follow_is_known_before_a_change_and_changes_nothing(
    builder: StoreBuilder, change: Change, end: int
) -> None:
    campaign = spread(builder, 1.0)
    builder.store.rates.set_rate(campaign_scope(campaign), 1.0)
    everything = "SELECT sum(due_at) + sum(attempts) FROM message"
    before = view(builder, campaign), builder.value(everything)
    composer = CampaignComposer(builder.store, Settings())
    # Once it has begun, it may be as slow as its rates are.
    asked = before[0] if change.moves_start else replace(before[0], started_at=NOW)
    preview = preview_change(builder.store, composer, asked, change, NOW)
    assert (preview.refusals, preview.prospect) == ((), Prospect(end, 60, 0))
    assert (view(builder, campaign), builder.value(everything)) == before
