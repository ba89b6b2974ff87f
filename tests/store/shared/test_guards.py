"""A canary and a brake stop a campaign by the outcomes in the store, and start anew."""

from sqlalchemy import text

from campaign.canary import Brake, Canary, Maxima, Measure
from campaign.handoffs import Receipt
from campaign.instants import SECOND, Instant
from campaign.keywords import Keyword, OptOutEvidence
from campaign.orders import Order
from campaign.states import CampaignStatus, MessageStatus
from campaign.views import CampaignView
from tests.store.builders import NOW, StoreBuilder, number, outcome

FIVE_PERCENT: Maxima = {Measure.FAILURES: 0.05}
BRAKE = Brake(50, FIVE_PERCENT)
LATER = NOW + SECOND


def view(builder: StoreBuilder, campaign: str) -> CampaignView:
    """The campaign."""
    found = builder.store.campaigns.get(campaign)
    assert found is not None
    return found


def send(
    builder: StoreBuilder, campaign: str, count: int, status: MessageStatus, now: Instant = NOW
) -> None:
    """Claim so many messages, and write how they ended."""
    claimed = builder.flush_and_claim(campaign, claim=count, now=now).claimed
    assert len(claimed) == count
    ended = [outcome(one.position, status, one.attempt, now) for one in claimed]
    builder.flush_and_claim(campaign, ended, claim=0, now=now)


def test_a_brake_stops_at_the_next_claim_when_too_many_failed(builder: StoreBuilder) -> None:
    campaign = builder.admit(40, brake=BRAKE)
    send(builder, campaign, 5, MessageStatus.SENT)
    send(builder, campaign, 6, MessageStatus.FAILED, NOW + 1)
    found = builder.flush_and_claim(campaign, now=LATER)
    assert (found.held, found.claimed) == (True, [])
    stopped = view(builder, campaign)
    assert (stopped.status, stopped.paused_by) == (CampaignStatus.PAUSED, "system")
    assert (stopped.problem, stopped.ordered) == ("brake_failures", "pause")
    assert stopped.pause_reason is not None
    assert (stopped.pause_reason.bad, stopped.pause_reason.outcomes) == (6, 6)
    assert stopped.pause_reason.detail == (
        "its brake stopped it: 6 of 6 messages through pretend from +18005559876 "
        "failed or were not delivered, and at most 5 % may"
    )


def test_what_a_person_resumed_is_not_stopped_for_what_was_counted_before(
    builder: StoreBuilder,
) -> None:
    campaign = builder.admit(40, brake=BRAKE)
    send(builder, campaign, 6, MessageStatus.FAILED)
    assert builder.flush_and_claim(campaign, now=LATER).held
    builder.store.orders.give(campaign, Order.RESUME, LATER)
    number = builder.store.orders.standing(campaign).number
    running = CampaignStatus.RUNNING
    assert builder.store.campaigns.set_status(campaign, running, LATER, number) is running
    send(builder, campaign, 5, MessageStatus.FAILED, LATER + SECOND)
    assert not builder.flush_and_claim(campaign, claim=1, now=LATER + 2 * SECOND).held
    assert view(builder, campaign).pause_reason is None
    assert view(builder, campaign).last_stop is not None


def test_undelivered_receipts_and_opt_outs_count_where_the_message_was_sent(
    builder: StoreBuilder,
) -> None:
    maxima = {Measure.FAILURES: 0.5, Measure.OPT_OUTS: 0.01}
    campaign = builder.admit(40, brake=Brake(50, maxima))
    send(builder, campaign, 20, MessageStatus.SENT)
    receipts = [Receipt(f"{campaign}-{at}", MessageStatus.UNDELIVERED, NOW) for at in range(3)]
    assert builder.store.receipts.apply(receipts, NOW + 1) == 3
    assert not builder.flush_and_claim(campaign, claim=1, now=LATER).held
    for position in range(6):
        evidence = OptOutEvidence("inbound")
        who = (builder.account_id, number(position), Keyword.STOP)
        assert builder.store.opt_outs.apply(*who, LATER, f"stop-{position}", evidence, LATER)
    assert builder.flush_and_claim(campaign, claim=1, now=LATER + SECOND).held
    assert view(builder, campaign).problem == "brake_opt_outs"


def test_a_campaign_without_guards_has_no_instants_of_outcomes(builder: StoreBuilder) -> None:
    campaign = builder.admit(3)
    builder.send(campaign)
    query = "SELECT count(*) FROM message WHERE outcome_at IS NOT NULL"
    assert builder.value(query) == 0
    with_brake = builder.admit(3, brake=BRAKE)
    builder.send(with_brake)
    assert builder.value(query) == 3


def canary(builder: StoreBuilder, wait_seconds: int = 60) -> str:
    """A campaign of ten of which four are the canary."""
    campaign = builder.admit(10, canary=Canary(4, wait_seconds, FIVE_PERCENT))
    builder.execute("UPDATE campaign SET canary_end = 4 WHERE id = :id", id=campaign)
    rest = "UPDATE message SET due_at = :due WHERE campaign_id = :id AND position >= 4"
    builder.execute(rest, id=campaign, due=NOW + wait_seconds * SECOND)
    return campaign


def test_only_the_canary_is_planned_and_its_end_moves_the_others_to_that_moment(
    builder: StoreBuilder,
) -> None:
    campaign = canary(builder)
    plans, admissions = builder.store.plans, builder.store.admissions
    assert [row.position for row in admissions.waiting_rows(campaign, 100)] == [0, 1, 2, 3]
    builder.send(campaign)
    assert admissions.waiting_rows(campaign, 100) == []
    assert plans.canary_until(campaign, LATER) == NOW + 60 * SECOND
    receipts = [Receipt(f"{campaign}-{at}", MessageStatus.DELIVERED, NOW) for at in range(4)]
    assert builder.store.receipts.apply(receipts, LATER) == 4
    assert plans.canary_until(campaign, LATER) == LATER
    assert plans.end_canary(campaign, 1, LATER) == 1
    rows = admissions.waiting_rows(campaign, 100)
    assert [(row.position, row.due_at) for row in rows] == [(at, LATER) for at in range(4, 10)]
    # Again, and with the number of an older copy, it only answers.
    assert plans.end_canary(campaign, 1, LATER + SECOND) == 1
    assert view(builder, campaign).canary_decision == "go"


def test_an_order_that_came_meanwhile_is_carried_out_before_the_canary_ends(
    builder: StoreBuilder,
) -> None:
    campaign = canary(builder)
    builder.send(campaign)
    builder.store.orders.give(campaign, Order.PAUSE, LATER)
    assert builder.store.plans.end_canary(campaign, 1, LATER) == 0
    assert view(builder, campaign).canary_decision is None


def test_a_failed_canary_pauses_the_campaign_once_and_records_it_for_webhooks(
    builder: StoreBuilder,
) -> None:
    store = builder.store
    store.endpoints.add(
        builder.account_id, "https://example.com/hook", ["campaign.paused"], "native", NOW
    )
    campaign = canary(builder)
    send(builder, campaign, 2, MessageStatus.SENT)
    send(builder, campaign, 2, MessageStatus.FAILED)
    assert store.plans.end_canary(campaign, 1, LATER) == 1
    assert store.plans.end_canary(campaign, 1, LATER + SECOND) == 1
    stopped = view(builder, campaign)
    assert (stopped.problem, stopped.canary_decision) == ("canary_failures", "stop")
    query = text("SELECT event, at FROM callback WHERE campaign_id = :campaign")
    found = store.database.read(
        lambda connection: connection.execute(query, {"campaign": campaign}).all()
    )
    assert [tuple(row) for row in found] == [("campaign.paused", LATER)]


def undelivered(builder: StoreBuilder, campaign: str, count: int, now: Instant) -> int:
    """Write receipts that so many messages were not delivered."""
    receipts = [Receipt(f"{campaign}-{at}", MessageStatus.UNDELIVERED, now) for at in range(count)]
    return builder.store.receipts.apply(receipts, now)


def test_receipts_stop_a_campaign_of_which_nothing_is_claimed(builder: StoreBuilder) -> None:
    campaign = builder.admit(40, brake=BRAKE)
    send(builder, campaign, 20, MessageStatus.SENT)
    assert undelivered(builder, campaign, 10, LATER) == 10
    stopped = view(builder, campaign)
    assert (stopped.status, stopped.problem) == (CampaignStatus.PAUSED, "brake_failures")
    assert (stopped.ordered, stopped.paused_at) == ("pause", LATER)
    query = "SELECT count(*) FROM activity WHERE action = 'campaign.paused'"
    assert builder.value(query) == 1
    # Written again, and with those that come afterwards, nothing more happens.
    assert undelivered(builder, campaign, 20, LATER + SECOND) == 10
    assert builder.value(query) == 1
    assert builder.flush_and_claim(campaign, claim=1, now=LATER + 2 * SECOND).held


def test_receipts_stop_a_canary_that_waits_and_good_ones_leave_it(builder: StoreBuilder) -> None:
    canary = Canary(20, 300, FIVE_PERCENT)
    campaigns = [builder.admit(40, canary=canary) for _ in range(2)]
    for campaign in campaigns:
        builder.execute("UPDATE campaign SET canary_end = 20")
        send(builder, campaign, 20, MessageStatus.SENT)
    bad, good = campaigns
    assert undelivered(builder, bad, 10, LATER) == 10
    assert undelivered(builder, good, 1, LATER) == 1
    assert view(builder, bad).canary_decision == "stop"
    assert view(builder, bad).status is CampaignStatus.PAUSED
    assert view(builder, good).canary_decision is None
    assert view(builder, good).status is CampaignStatus.RUNNING
