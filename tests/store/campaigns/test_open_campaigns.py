"""Who paused a campaign, since when, its problem, and what is written of one without a workflow."""

import pytest
from sqlalchemy.exc import IntegrityError

from campaign.failures import InstantOutOfRange
from campaign.instants import HOUR, INSTANT_MAX, MINUTE, SECOND, iso
from campaign.orders import Order
from campaign.states import CAMPAIGN_ENDS, CAMPAIGN_OPEN, CampaignStatus, MessageStatus
from campaign.views import CampaignView
from store.campaigns.open_campaigns import WORKFLOW_LOST
from store.shared.brakes import STOPPED
from store.store import Store
from tests.store.builders import NOW, StoreBuilder, outcome
from tests.store.racing import race

LOST = (CampaignStatus.PAUSED, "system", WORKFLOW_LOST)


def view(builder: StoreBuilder, campaign: str) -> CampaignView:
    found = builder.store.campaigns.get(campaign)
    assert found is not None
    return found


def pause(builder: StoreBuilder, campaign: str) -> tuple[object, ...]:
    shown = view(builder, campaign)
    return shown.paused_at, shown.paused_by, shown.problem


def test_a_pause_keeps_its_instant_until_it_ends(builder: StoreBuilder) -> None:
    campaign = builder.admit()
    set_status = builder.store.campaigns.set_status
    assert pause(builder, campaign) == (None, None, None)
    assert set_status(campaign, CampaignStatus.PAUSED, NOW + 1) is CampaignStatus.PAUSED
    assert set_status(campaign, CampaignStatus.PAUSED, NOW + 2) is CampaignStatus.PAUSED
    assert pause(builder, campaign) == (NOW + 1, "person", None)
    assert builder.store.admissions.plan_facts(campaign).paused_at == NOW + 1
    assert set_status(campaign, CampaignStatus.RUNNING, NOW + 3) is CampaignStatus.RUNNING
    assert pause(builder, campaign) == (None, None, None)


@pytest.mark.parametrize("end", sorted(CAMPAIGN_ENDS - {CampaignStatus.REFUSED}))
def test_who_sets_the_status_of_an_ended_campaign_learns_that_it_has_ended(
    builder: StoreBuilder, end: CampaignStatus
) -> None:
    campaign = builder.admit()
    builder.store.campaigns.set_status(campaign, CampaignStatus.PAUSED, NOW)
    builder.store.campaigns.report_problem(campaign, "needs_help:settle:LedgerError", NOW)
    builder.store.campaigns.cancel_rest(campaign, NOW)
    builder.store.admissions.settle(campaign, end, NOW)
    assert pause(builder, campaign) == (None, None, None)
    for status in CAMPAIGN_OPEN:
        assert builder.store.campaigns.set_status(campaign, status, NOW) is end
    builder.store.campaigns.report_problem(campaign, "too late", NOW)
    assert not builder.store.open_campaigns.pause_lost(campaign, NOW)
    assert pause(builder, campaign) == (None, None, None)


def test_a_problem_stays_while_the_status_does_and_is_taken_back(builder: StoreBuilder) -> None:
    campaign = builder.admit()
    report = builder.store.campaigns.report_problem
    report(campaign, "needs_help:settle:LedgerError", NOW)
    assert view(builder, campaign).problem == "needs_help:settle:LedgerError"
    # A move that changes nothing leaves the problem, and so does a pause.
    builder.store.campaigns.set_status(campaign, CampaignStatus.RUNNING, NOW)
    builder.store.campaigns.set_status(campaign, CampaignStatus.PAUSED, NOW)
    assert view(builder, campaign).problem == "needs_help:settle:LedgerError"
    report(campaign, None, NOW)
    assert view(builder, campaign).problem is None


@pytest.mark.parametrize("status", CampaignStatus)
def test_only_an_open_campaign_is_paused_for_its_lost_workflow(
    builder: StoreBuilder, status: CampaignStatus
) -> None:
    campaign, other = builder.admit(), builder.admit()
    builder.execute(
        "UPDATE campaign SET status = :status WHERE id = :campaign",
        status=status.value,
        campaign=campaign,
    )
    is_open = status in CAMPAIGN_OPEN
    ids = [one.id for one in builder.store.open_campaigns.page("", 10)]
    assert ids == ([campaign, other] if is_open else [other])
    assert builder.store.open_campaigns.pause_lost(campaign, NOW + 1) is is_open
    shown = view(builder, campaign)
    if is_open:
        assert (shown.status, shown.paused_by, shown.problem) == LOST
        assert shown.paused_at == NOW + 1
        # Written again, the first instant stays, since the plan is moved by the time since then.
        builder.store.orders.give(campaign, Order.PAUSE, NOW + 2)
        assert builder.store.open_campaigns.pause_lost(campaign, NOW + 3)
        assert pause(builder, campaign) == (NOW + 1, "person", WORKFLOW_LOST)
    else:
        assert (shown.status, shown.paused_at, shown.problem) == (status, None, None)
    assert view(builder, other).status is CampaignStatus.RUNNING


def test_open_campaigns_come_in_pages_with_their_problem(builder: StoreBuilder) -> None:
    ids = sorted(builder.admit(1) for _ in range(5))
    builder.store.campaigns.report_problem(ids[3], "needs_help", NOW)
    found, after = [], ""
    while page := builder.store.open_campaigns.page(after, 2):
        found += [(one.id, one.problem) for one in page]
        after = page[-1].id
    assert found == [(id, "needs_help" if id == ids[3] else None) for id in ids]


def test_a_settlement_and_a_revival_at_once_leave_an_end_without_a_problem(
    any_store: Store, rival_store: Store, builder: StoreBuilder
) -> None:
    campaigns = [builder.admit(1) for _ in range(8)]
    for campaign in campaigns:
        builder.store.campaigns.cancel_rest(campaign, NOW)

    def work(runner: int) -> None:
        campaign = campaigns[runner // 2]
        if runner % 2:
            any_store.admissions.settle(campaign, CampaignStatus.CANCELLED, NOW)
        else:
            rival_store.open_campaigns.pause_lost(campaign, NOW)

    race(16, work)
    for campaign in campaigns:
        assert view(builder, campaign).status is CampaignStatus.CANCELLED
        assert pause(builder, campaign) == (None, None, None)


def test_a_retry_is_an_order_until_a_workflow_runs_for_it(builder: StoreBuilder) -> None:
    campaign = builder.admit(1)
    (position,) = builder.claimed(campaign)
    builder.write(campaign, outcome(position, MessageStatus.FAILED, code="unavailable"))
    builder.store.admissions.settle(campaign, CampaignStatus.FINISHED_WITH_FAILURES, NOW)
    orders = builder.store.orders
    assert orders.standing(campaign).ordered is None
    builder.store.retrying.retry(campaign, NOW + HOUR)
    stands = orders.standing(campaign)
    assert (stands.ordered, stands.number) == (Order.RETRY, NOW + HOUR)
    assert orders.pending(NOW + 2 * HOUR, NOW + 2 * HOUR, "", 10) == [campaign]
    orders.carried_out(campaign, Order.RETRY, NOW)
    assert orders.standing(campaign).ordered is Order.RETRY
    orders.carried_out(campaign, Order.RETRY, NOW + HOUR)
    assert orders.standing(campaign).ordered is None
    assert orders.pending(NOW + 2 * HOUR, NOW + 2 * HOUR, "", 10) == []


def test_anything_that_was_claimed_may_have_left(builder: StoreBuilder) -> None:
    campaign, other = builder.admit(3), builder.admit(1)
    facts = builder.store.admissions.plan_facts
    builder.execute("UPDATE message SET status = 'skipped' WHERE position = 2")
    assert not facts(campaign).sent_any
    builder.claimed(campaign, claim=1)
    assert facts(campaign).sent_any and not facts(other).sent_any


@pytest.mark.parametrize(
    "change",
    [
        "campaign SET base_at = -1",
        "campaign SET base_at = 1795865816999000",
        "campaign SET scheduled_at = 1795865816999000",
        "message SET due_at = 1795865816999000",
        "message SET due_at = -1",
    ],
)
def test_the_database_itself_refuses_an_instant_that_no_plan_has(
    builder: StoreBuilder, change: str
) -> None:
    builder.admit()
    with pytest.raises(IntegrityError):
        builder.execute(f"UPDATE {change}")


@pytest.mark.parametrize("by", [1_795_865_816_999_000, 10**25, -(10**25), -NOW - 1, INSTANT_MAX])
def test_a_shift_out_of_bounds_changes_nothing(builder: StoreBuilder, by: int) -> None:
    campaign = builder.admit(2)
    with pytest.raises(InstantOutOfRange):
        builder.store.plans.shift(campaign, 1, by)
    with pytest.raises(InstantOutOfRange):
        builder.store.plans.shift(campaign, 1, MINUTE, by + INSTANT_MAX if by > 0 else by)
    assert builder.store.admissions.plan_facts(campaign).pauses == 0
    assert {message.due_at for message in builder.store.campaigns.messages(campaign)} == {NOW}
    builder.store.plans.shift(campaign, 1, SECOND, NOW)
    assert view(builder, campaign).scheduled_at == NOW


@pytest.mark.parametrize("hours", [1e300, -1.0, float("nan"), 10_000.0])
def test_a_spread_out_of_bounds_changes_nothing(builder: StoreBuilder, hours: float) -> None:
    campaign = builder.admit(2)
    with pytest.raises(InstantOutOfRange):
        builder.store.plans.respread(campaign, 1, hours, NOW)
    for earliest, start in ((INSTANT_MAX, None), (10**25, None), (NOW, 10**25), (NOW, -1)):
        with pytest.raises(InstantOutOfRange):
            builder.store.plans.respread(campaign, 1, 1.0, earliest, start)
    assert builder.store.admissions.plan_facts(campaign).pauses == 0
    assert {message.due_at for message in builder.store.campaigns.messages(campaign)} == {NOW}


@pytest.mark.parametrize("instant", [1_795_865_816_999_000, 10**25, -(10**25), -1, INSTANT_MAX])
def test_an_instant_is_written_whatever_it_is(instant: int) -> None:
    assert iso(instant).endswith("Z")


def test_running_campaigns_with_messages_that_are_due_are_found_the_oldest_first(
    builder: StoreBuilder,
) -> None:
    store, account = builder.store, builder.account_id
    later, first, paused = builder.admit(2), builder.admit(3), builder.admit(1)
    builder.execute("UPDATE campaign SET status = 'running'")
    builder.execute("UPDATE message SET due_at = :at", at=NOW + SECOND)
    builder.execute(
        "UPDATE message SET due_at = :at WHERE campaign_id = :id", at=NOW - SECOND, id=first
    )
    builder.execute("UPDATE campaign SET status = 'paused' WHERE id = :id", id=paused)
    found = store.open_campaigns.due(account, NOW + MINUTE, 10)
    assert [(one.id, one.since, one.messages) for one in found] == [
        (first, NOW - SECOND, 3),
        (later, NOW + SECOND, 2),
    ]
    assert [one.id for one in store.open_campaigns.due(account, NOW, 10)] == [first]
    assert store.open_campaigns.due("another", NOW + MINUTE, 10) == []


def test_campaigns_with_unknown_messages_are_found_after_their_end_too(
    builder: StoreBuilder,
) -> None:
    open_campaigns, account = builder.store.open_campaigns, builder.account_id
    ended, _, open_one = builder.admit(3), builder.admit(2), builder.admit(1)
    assert open_campaigns.unknown(account, 10) == []
    builder.execute(
        "UPDATE campaign SET status = 'finished', created_at = 1 WHERE id = :id", id=ended
    )
    for id in (ended, open_one):
        builder.execute("UPDATE message SET status = 'unknown' WHERE campaign_id = :id", id=id)
    found = open_campaigns.unknown(account, 10)
    assert [(one.id, one.messages) for one in found] == [(open_one, 1), (ended, 3)]
    assert open_campaigns.unknown(account, 1) == found[:1]
    assert open_campaigns.unknown("another", 10) == []
    builder.execute("UPDATE message SET status = 'sent' WHERE campaign_id = :id", id=ended)
    assert open_campaigns.unknown(account, 10) == found[:1]


def test_campaigns_that_were_paused_for_a_problem_are_found_but_for_those_of_a_stop(
    builder: StoreBuilder,
) -> None:
    open_campaigns, account = builder.store.open_campaigns, builder.account_id
    lost, by_person, stopped = builder.admit(1), builder.admit(1), builder.admit(1)
    for id, problem in ((lost, WORKFLOW_LOST), (by_person, None), (stopped, STOPPED)):
        values = {"id": id, "problem": problem}
        builder.execute(
            "UPDATE campaign SET status = 'paused', problem = :problem WHERE id = :id", **values
        )
    assert open_campaigns.halted(account, 10) == [lost]
    assert open_campaigns.halted("another", 10) == []
    builder.execute("UPDATE campaign SET status = 'cancelled'")
    assert open_campaigns.halted(account, 10) == []
