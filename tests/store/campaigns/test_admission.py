"""Judging, planning and settling see the store as it is, and change it once."""

import pytest
from temporalio.testing import ActivityEnvironment

from activities.admission import Admission
from activities.planning import Planning
from activities.records import CampaignRef
from campaign.credits import Price
from campaign.instants import DAY, HOUR, SECOND
from campaign.ports import PlanFacts, WaveRow
from campaign.refusals import RefusalCode
from campaign.states import CampaignStatus, MessageStatus
from store.store import Store
from tests.store.builders import GRANTED, LEASE, NOW, SENDER, StoreBuilder, number, outcome
from tests.store.racing import race


def test_evidence_names_the_first_position_of_each_text_and_sender(builder: StoreBuilder) -> None:
    campaign = builder.save(3)
    builder.execute("UPDATE message SET text = 'the same' WHERE position > 0")
    builder.execute("UPDATE message SET sender = 'GODWIT' WHERE position = 2")
    evidence = builder.store.admissions.evidence(campaign, NOW)
    assert dict(evidence.texts) == {"Order 0 has shipped": 0, "the same": 1}
    assert dict(evidence.senders) == {SENDER: 0, "GODWIT": 2}
    assert evidence.owned_senders == {SENDER}
    assert (evidence.to_send, evidence.quota, evidence.used_today) == (3, None, 0)


def test_evidence_leaves_out_what_will_not_be_sent(builder: StoreBuilder) -> None:
    campaign = builder.save(3)
    builder.execute("UPDATE message SET status = 'skipped' WHERE position = 0")
    evidence = builder.store.admissions.evidence(campaign, NOW)
    assert evidence.to_send == 2
    assert 0 not in evidence.texts.values()


def test_a_dry_run_sees_senders_quota_and_use_without_a_campaign(builder: StoreBuilder) -> None:
    builder.store.accounts.update(builder.account_id, daily_quota=10)
    builder.admit(4)
    look = builder.store.admissions.account_evidence
    assert look(builder.account_id, NOW) == (frozenset({SENDER}), 10, 4)
    assert look(builder.account_id, NOW + DAY) == (frozenset({SENDER}), 10, 0)


def test_opted_out_recipients_are_skipped_where_the_campaign_excludes_them(
    builder: StoreBuilder,
) -> None:
    builder.store.opt_outs.add(builder.account_id, number(1), "inbound", NOW)
    excluding, including = builder.save(3), builder.save(3, exclude_opt_outs=False)
    skip = builder.store.admissions.skip_opted_out
    assert (skip(excluding, NOW), skip(excluding, NOW), skip(including, NOW)) == (1, 0, 0)
    assert builder.statuses(excluding) == ["queued", "skipped", "queued"]
    assert builder.statuses(including) == ["queued"] * 3
    assert builder.store.admissions.hold(excluding, NOW) is None
    assert builder.money() == (GRANTED - 4, 4, 0)


def test_another_accounts_opt_out_skips_nobody(builder: StoreBuilder) -> None:
    other, _ = builder.store.accounts.create("other", 0)
    builder.store.opt_outs.add(other.id, number(1), "inbound", NOW)
    assert builder.store.admissions.skip_opted_out(builder.save(3), NOW) == 0


def test_the_quota_counts_a_campaign_once_on_its_day(builder: StoreBuilder) -> None:
    builder.store.accounts.update(builder.account_id, daily_quota=5)
    first, second = builder.save(3), builder.save(3)
    hold = builder.store.admissions.hold
    assert hold(first, NOW) is None
    assert hold(first, NOW) is None
    refusal = hold(second, NOW)
    assert refusal is not None and refusal.code is RefusalCode.QUOTA_REACHED
    assert builder.value("SELECT used FROM quota_day") == 3
    assert builder.money() == (GRANTED - 6, 6, 0)
    assert hold(second, NOW + DAY) is None


def test_a_campaign_that_is_paid_for_is_not_judged_by_the_quota_that_it_fills(
    builder: StoreBuilder,
) -> None:
    builder.store.accounts.update(builder.account_id, daily_quota=3)
    campaign = builder.save(3)
    store = builder.store
    planning = Planning(
        store.campaigns, store.plans, store.admissions, store.resolving, {}, chunk_size=500
    )
    admission = Admission(store.campaigns, store.admissions, planning)
    ref = CampaignRef(campaign_id=campaign)
    run = ActivityEnvironment().run
    # A workflow task that was cut off after the first two does both again.
    for step in 2 * (admission.validate_campaign, admission.hold_credits):
        assert run(step, ref).admitted
    assert builder.money() == (GRANTED - 6, 6, 0)


def test_holds_at_once_never_pass_the_quota(
    any_store: Store, rival_store: Store, builder: StoreBuilder
) -> None:
    any_store.accounts.update(builder.account_id, daily_quota=25)
    campaigns = [builder.save(10) for _ in range(8)]
    stores = (any_store, rival_store)

    def hold(runner: int) -> bool:
        return stores[runner % 2].admissions.hold(campaigns[runner], NOW) is None

    assert sum(race(8, hold)) == 2
    assert builder.value("SELECT used FROM quota_day") == 20


def test_plan_facts_are_of_what_waits(builder: StoreBuilder) -> None:
    campaign = builder.save(3, spread_hours=0.5, scheduled_at=NOW + HOUR)
    builder.execute("UPDATE campaign SET status = 'running'")
    builder.execute("UPDATE message SET due_at = due_at + position * 1000")
    builder.execute("UPDATE message SET status = 'skipped' WHERE position = 2")
    facts = builder.store.admissions.plan_facts(campaign)
    assert facts == PlanFacts(0.5, NOW, NOW + SECOND, 2, base_at=NOW + HOUR)
    builder.execute("UPDATE message SET status = 'cancelled'")
    empty = builder.store.admissions.plan_facts(campaign)
    assert empty == PlanFacts(0.5, None, None, 0, base_at=NOW + HOUR)


@pytest.mark.parametrize("status", CampaignStatus)
def test_a_campaign_has_begun_unless_it_is_still_to_run(
    builder: StoreBuilder, status: CampaignStatus
) -> None:
    campaign = builder.save(1)
    builder.execute(f"UPDATE campaign SET status = '{status.value}'")
    waits = status in (CampaignStatus.DRAFT, CampaignStatus.SCHEDULED)
    assert builder.store.admissions.plan_facts(campaign).begun is not waits


def test_waiting_rows_come_by_due_instant_then_position(builder: StoreBuilder) -> None:
    campaign = builder.admit(4)
    builder.execute("UPDATE message SET due_at = due_at + 5 WHERE position = 0")
    rows = builder.store.admissions.waiting_rows(campaign, 3)
    assert rows == [WaveRow(NOW, 1), WaveRow(NOW, 2), WaveRow(NOW, 3)]
    assert builder.store.admissions.waiting_rows(campaign, 9)[3] == WaveRow(NOW + 5, 0)


def test_a_message_that_was_put_off_waits_until_it_is_due(builder: StoreBuilder) -> None:
    retried = builder.admit(1)
    builder.claimed(retried)
    due = NOW + HOUR
    builder.write(retried, outcome(0, MessageStatus.RETRYABLE, due_at=due))
    assert builder.store.admissions.waiting_rows(retried, 9) == [WaveRow(due, 0)]


def test_a_row_left_sending_waits_for_the_end_of_its_lease(builder: StoreBuilder) -> None:
    campaign = builder.admit(2)
    builder.claimed(campaign, claim=1, token="dead")
    rows = builder.store.admissions.waiting_rows(campaign, 9)
    assert rows == [WaveRow(NOW, 1), WaveRow(NOW + LEASE + 1, 0)]


def test_settling_writes_the_end_once_and_counts_ever_after(builder: StoreBuilder) -> None:
    campaign = builder.admit(2)
    builder.send(campaign)
    settle = builder.store.admissions.settle
    stands, tally = settle(campaign, CampaignStatus.FINISHED, NOW + 1)
    assert (stands, tally.total, tally.sent) == (CampaignStatus.FINISHED, 2, 2)
    assert settle(campaign, CampaignStatus.CANCELLED, NOW + 2) == (stands, tally)
    view = builder.store.campaigns.get(campaign)
    assert view is not None
    assert (view.status, view.finished_at) == (CampaignStatus.FINISHED, NOW + 1)


@pytest.mark.parametrize("size", [0, 3])
def test_a_campaign_of_which_nobody_remains_holds_and_settles_nothing(
    builder: StoreBuilder, size: int
) -> None:
    campaign = builder.save(size or 1)
    builder.execute("UPDATE message SET status = 'skipped'")
    assert builder.store.admissions.hold(campaign, NOW) is None
    builder.store.campaigns.set_status(campaign, CampaignStatus.SCHEDULED, NOW)
    builder.store.admissions.settle(campaign, CampaignStatus.FINISHED, NOW)
    assert builder.money() == (GRANTED, 0, 0)
    assert builder.store.campaigns.report(campaign).voided == Price()
    assert builder.value("SELECT count(*) FROM ledger_entry WHERE movement <> 'grant'") == 0


def test_a_report_adds_up_reasons_segments_and_money(builder: StoreBuilder) -> None:
    campaign = builder.admit(4)
    builder.claimed(campaign)
    builder.write(
        campaign,
        outcome(0, at=NOW + 1),
        outcome(1, at=NOW + 9),
        outcome(2, MessageStatus.FAILED, code="invalid_number"),
        outcome(3, MessageStatus.UNKNOWN, code="timeout"),
    )
    report = builder.store.campaigns.report(campaign)
    assert (report.segments_sent, report.attempts) == (2, 4)
    assert (report.first_sent_at, report.last_sent_at) == (NOW + 1, NOW + 9)
    assert (report.held, report.posted, report.voided) == (Price(sms=4), Price(sms=4), Price())
    assert report.reasons == {("failed", "invalid_number"): 1, ("unknown", "timeout"): 1}
