"""Orders are in the store, numbered: the newest holds, and it stays until it is carried out."""

import pytest
from sqlalchemy.exc import IntegrityError, NoResultFound

from campaign.instants import HOUR, SECOND
from campaign.orders import Order
from campaign.states import CAMPAIGN_ENDS, CampaignStatus
from campaign.views import CampaignView
from tests.store.builders import NOW, StoreBuilder

RUNNING, SCHEDULED, PAUSED = CampaignStatus.RUNNING, CampaignStatus.SCHEDULED, CampaignStatus.PAUSED


def view(builder: StoreBuilder, campaign: str) -> CampaignView:
    found = builder.store.campaigns.get(campaign)
    assert found is not None
    return found


def test_a_pause_holds_at_once_and_is_carried_out_by_the_workflow(builder: StoreBuilder) -> None:
    campaign = builder.admit(2)
    orders, set_status = builder.store.orders, builder.store.campaigns.set_status
    stands = orders.give(campaign, Order.PAUSE, NOW)
    assert (stands.status, stands.ordered, stands.number) == (PAUSED, Order.PAUSE, NOW)
    shown = view(builder, campaign)
    assert (shown.paused_at, shown.paused_by, shown.ordered) == (NOW, "person", "pause")
    # Repeated, and after it was carried out, it changes nothing.
    assert orders.give(campaign, Order.PAUSE, NOW + 5).number == NOW
    set_status(campaign, PAUSED, NOW + 6, NOW)
    assert orders.give(campaign, Order.PAUSE, NOW + 7).ordered is None
    shown = view(builder, campaign)
    assert (shown.paused_at, shown.paused_by, shown.ordered) == (NOW, "person", None)


def test_a_resume_ends_the_pause_when_the_workflow_has_moved_the_plan(
    builder: StoreBuilder,
) -> None:
    campaign = builder.admit(2)
    orders, set_status = builder.store.orders, builder.store.campaigns.set_status
    orders.give(campaign, Order.PAUSE, NOW)
    set_status(campaign, PAUSED, NOW, NOW)
    stands = orders.give(campaign, Order.RESUME, NOW + 9)
    assert (stands.status, stands.ordered, stands.number) == (PAUSED, Order.RESUME, NOW + 9)
    assert builder.flush_and_claim(campaign).held
    assert set_status(campaign, RUNNING, NOW + 10, NOW + 9) is RUNNING
    shown = view(builder, campaign)
    assert (shown.paused_at, shown.paused_by, shown.ordered) == (None, None, None)
    # Nothing keeps it from going on, so there is nothing to order.
    assert orders.give(campaign, Order.RESUME, NOW + 11).ordered is None


@pytest.mark.parametrize("status", [RUNNING, SCHEDULED, PAUSED])
def test_a_run_that_does_not_know_the_newest_order_moves_nothing(
    builder: StoreBuilder, status: CampaignStatus
) -> None:
    campaign = builder.admit(1)
    orders, campaigns = builder.store.orders, builder.store.campaigns
    orders.give(campaign, Order.PAUSE, NOW)
    orders.give(campaign, Order.RESUME, NOW + 1)
    orders.give(campaign, Order.PAUSE, NOW + 2)
    for known in (0, NOW, NOW + 1):
        assert campaigns.set_status(campaign, status, NOW + 3, known) is PAUSED
        assert campaigns.has_newer_order(campaign, known)
    shown = view(builder, campaign)
    assert (shown.status, shown.paused_by, shown.ordered) == (PAUSED, "person", "pause")
    # The pause in between counts from its own instant: the time before was made up for.
    assert shown.paused_at == NOW + 2
    assert not campaigns.has_newer_order(campaign, NOW + 2)


def test_the_late_beginning_of_a_frozen_chunk_does_not_end_a_pause(builder: StoreBuilder) -> None:
    campaign = builder.admit(1)
    campaigns, orders = builder.store.campaigns, builder.store.orders
    orders.give(campaign, Order.PAUSE, NOW)
    assert builder.flush_and_claim(campaign, now=NOW + HOUR, begins=True).held
    assert view(builder, campaign).status is PAUSED
    campaigns.set_status(campaign, PAUSED, NOW, NOW)
    assert builder.flush_and_claim(campaign, now=NOW + HOUR, begins=True).held
    assert builder.store.open_campaigns.pause_lost(campaign, NOW + HOUR)
    assert builder.flush_and_claim(campaign, now=NOW + HOUR, begins=True).held
    shown = view(builder, campaign)
    assert (shown.status, shown.paused_by) == (PAUSED, "person")
    waiting = builder.save(1)
    campaigns.set_status(waiting, SCHEDULED, NOW)
    for now in (NOW + SECOND, NOW + HOUR):
        builder.flush_and_claim(waiting, now=now, begins=True)
    assert (view(builder, waiting).status, view(builder, waiting).started_at) == (
        RUNNING,
        NOW + SECOND,
    )


def test_a_scheduled_campaign_begins_although_a_resume_waits_for_its_workflow(
    builder: StoreBuilder,
) -> None:
    campaign = builder.admit(1)
    builder.execute("UPDATE campaign SET status = 'scheduled', started_at = NULL")
    builder.store.campaigns.report_problem(campaign, "a fault", NOW)
    assert builder.store.orders.give(campaign, Order.RESUME, NOW).ordered is Order.RESUME
    assert builder.flush_and_claim(campaign, now=NOW + SECOND, begins=True).claimed
    shown = view(builder, campaign)
    assert (shown.status, shown.started_at) == (RUNNING, NOW + SECOND)


def test_a_cancel_stops_claims_holds_against_every_order_and_is_done_with_the_end(
    builder: StoreBuilder,
) -> None:
    campaign = builder.admit(2)
    orders = builder.store.orders
    assert orders.give(campaign, Order.CANCEL, NOW).ordered is Order.CANCEL
    assert builder.flush_and_claim(campaign).held
    for number, order in enumerate((Order.PAUSE, Order.RESUME, Order.CANCEL)):
        stands = orders.give(campaign, order, NOW + 1 + number)
        assert (stands.status, stands.ordered, stands.number) == (RUNNING, Order.CANCEL, NOW)
    assert builder.store.open_campaigns.pause_lost(campaign, NOW + 9)
    assert orders.standing(campaign).ordered is Order.CANCEL
    builder.store.campaigns.cancel_rest(campaign, NOW + 10)
    builder.store.admissions.settle(campaign, CampaignStatus.CANCELLED, NOW + 10)
    assert view(builder, campaign).ordered is None


@pytest.mark.parametrize("end", sorted(CAMPAIGN_ENDS))
def test_an_ended_campaign_takes_no_order(builder: StoreBuilder, end: CampaignStatus) -> None:
    campaign = builder.admit(1)
    builder.execute("UPDATE campaign SET status = :end", end=end.value)
    for order in (Order.PAUSE, Order.RESUME, Order.CANCEL):
        stands = builder.store.orders.give(campaign, order, NOW)
        assert (stands.status, stands.ordered) == (end, None)


def test_two_orders_of_one_instant_have_two_numbers(builder: StoreBuilder) -> None:
    campaign = builder.admit(1)
    give = builder.store.orders.give
    given = (Order.PAUSE, Order.RESUME, Order.PAUSE, Order.RESUME, Order.CANCEL)
    numbers = [give(campaign, order, NOW).number for order in given]
    # A clock that runs backwards makes no order older than the one before.
    assert numbers == [NOW, NOW + 1, NOW + 2, NOW + 3, NOW + 4]


def test_a_problem_is_answered_by_a_resume(builder: StoreBuilder) -> None:
    campaign = builder.admit(1)
    campaigns, orders = builder.store.campaigns, builder.store.orders
    campaigns.report_problem(campaign, "needs_help:settle:LedgerError", NOW)
    stands = orders.give(campaign, Order.RESUME, NOW)
    assert (stands.status, stands.ordered) == (RUNNING, Order.RESUME)
    assert not builder.flush_and_claim(campaign).held
    assert campaigns.follow_orders(campaign, NOW).ordered is None


def test_who_follows_the_store_pauses_for_a_brake_and_carries_out_a_pause(
    builder: StoreBuilder,
) -> None:
    campaign = builder.admit(1)
    follow = builder.store.campaigns.follow_orders
    assert follow(campaign, NOW).status is RUNNING
    # Admitted while its account was being closed.
    builder.execute("UPDATE account SET active = FALSE")
    for _ in range(2):
        stands = follow(campaign, NOW)
        assert (stands.status, stands.ordered) == (PAUSED, None)
    shown = view(builder, campaign)
    assert (shown.paused_by, shown.problem) == ("system", "account_closed")
    other = builder.admit(1)
    builder.store.orders.give(other, Order.PAUSE, NOW)
    assert follow(other, NOW).ordered is None and view(builder, other).paused_by == "person"
    with pytest.raises(NoResultFound):
        follow("cmp_nobody", NOW)


def test_only_orders_of_a_while_ago_are_pending_in_pages(builder: StoreBuilder) -> None:
    campaigns = sorted(builder.admit(1) for _ in range(3))
    for campaign in campaigns:
        builder.store.orders.give(campaign, Order.CANCEL, NOW)
    pending, later = builder.store.orders.pending, NOW + HOUR
    assert pending(NOW, later, "", 10) == []
    assert pending(NOW + 1, later, "", 2) == campaigns[:2]
    assert pending(NOW + 1, later, campaigns[1], 2) == campaigns[2:]


@pytest.mark.parametrize("change", ["ordered = 'stop'", "ordered = 'pause', ordered_at = NULL"])
def test_the_database_itself_refuses_an_order_that_nobody_knows(
    builder: StoreBuilder, change: str
) -> None:
    builder.admit()
    with pytest.raises(IntegrityError):
        builder.execute(f"UPDATE campaign SET {change}")


def test_a_resume_that_is_repeated_in_haste_keeps_no_campaign_paused(builder: StoreBuilder) -> None:
    campaign, orders = builder.admit(1), builder.store.orders
    orders.give(campaign, Order.PAUSE, NOW)
    first = orders.give(campaign, Order.RESUME, NOW + SECOND).number
    for after in range(9):
        assert orders.give(campaign, Order.RESUME, NOW + (2 + after) * SECOND).number == first
    # A repeat after a while is brought to the workflow again.
    later = NOW + 12 * SECOND
    assert orders.give(campaign, Order.RESUME, later).number == later
    # A pause in between makes it another order, and so does a problem that it is to answer.
    orders.give(campaign, Order.PAUSE, later + 1)
    assert orders.give(campaign, Order.RESUME, later + 2).number == later + 2
    builder.store.campaigns.report_problem(campaign, "needs_help:shift_plan:KeyError", NOW)
    newest = orders.give(campaign, Order.RESUME, later + 3).number
    assert newest == later + 3
    # The run that carries out the first of them is not refused for the sake of the others.
    assert builder.store.campaigns.set_status(campaign, RUNNING, later + 4, newest) is RUNNING
