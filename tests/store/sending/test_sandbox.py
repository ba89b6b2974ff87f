"""A campaign of the sandbox: its own carrier, no credits, and nothing in common with live ones."""

import pytest
from sqlalchemy.exc import DBAPIError

from campaign.handoffs import Inbound
from campaign.ports import ChunkRange, ClaimResult
from campaign.routing import SANDBOX
from campaign.states import CampaignStatus, MessageStatus
from store.campaigns.audit import audit
from store.campaigns.retry import Retried
from tests.store.builders import ALL, GRANTED, NOW, SENDER, StoreBuilder, number, outcome


def carriers_of(result: ClaimResult) -> set[tuple[str, bool]]:
    """The carriers of the handoffs that were claimed, and their mark."""
    return {(handoff.carrier, handoff.sandbox) for handoff in result.claimed}


def test_no_route_and_no_change_of_one_leads_it_to_a_real_carrier(builder: StoreBuilder) -> None:
    live, tried = builder.admit(3), builder.admit(3, sandbox=True)
    assert carriers_of(builder.flush_and_claim(live)) == {("pretend", False)}
    builder.store.accounts.update(builder.account_id, carriers="twilio,pretend")
    builder.store.senders.set_carriers(builder.account_id, SENDER, "twilio")
    assert carriers_of(builder.flush_and_claim(tried)) == {(SANDBOX, True)}


def test_a_handoff_that_a_dead_worker_left_keeps_the_mark(builder: StoreBuilder) -> None:
    tried = builder.admit(2, sandbox=True)
    builder.flush_and_claim(tried)
    chunk = ChunkRange(tried, 0, ALL, due_until=NOW)
    left, _ = builder.store.sending.abandoned(chunk, "another")
    assert {(one.carrier, one.sandbox) for one in left} == {(SANDBOX, True)}


def test_the_database_refuses_an_attempt_through_a_real_carrier(builder: StoreBuilder) -> None:
    """So a worker of a version that knows no sandbox sends nothing of it."""
    live, tried = builder.admit(2), builder.admit(2, sandbox=True)
    attempt = (
        "INSERT INTO attempt (campaign_id, position, number, started_at, carrier) "
        "VALUES (:campaign, 0, 1, 0, :carrier)"
    )
    for campaign, carrier in ((tried, "twilio"), (tried, None), (live, SANDBOX)):
        with pytest.raises(DBAPIError, match="sandbox"):
            builder.execute(attempt, campaign=campaign, carrier=carrier)
    assert builder.execute(attempt, campaign=tried, carrier=SANDBOX) == 1
    assert builder.execute(attempt, campaign=live, carrier=None) == 1


def test_it_is_delivered_for_nothing_and_the_books_agree(builder: StoreBuilder) -> None:
    builder.store.accounts.update(builder.account_id, daily_quota=1)
    tried = builder.admit(3, sandbox=True)
    assert builder.money() == (GRANTED, 0, 0)
    builder.send(tried)
    assert builder.statuses(tried) == ["delivered"] * 3
    status, _ = builder.store.admissions.settle(tried, CampaignStatus.FINISHED, NOW)
    assert status is CampaignStatus.FINISHED
    assert builder.money() == (GRANTED, 0, 0)
    report = builder.store.campaigns.report(tried)
    assert report.sandbox and report.posted == report.held == report.voided
    assert audit(builder.store.database).findings == ()
    assert builder.store.admissions.account_evidence(builder.account_id, NOW)[2] == 0


def test_a_retry_costs_nothing_and_stays_in_the_sandbox(builder: StoreBuilder) -> None:
    tried = builder.admit(1, sandbox=True)
    builder.flush_and_claim(tried)
    builder.write(tried, outcome(0, MessageStatus.FAILED, code="unavailable"))
    builder.store.admissions.settle(tried, CampaignStatus.FINISHED_WITH_FAILURES, NOW)
    assert builder.store.retrying.retry(tried, NOW).result is Retried.AGAIN
    assert builder.store.retrying.retry(tried, NOW).result is Retried.UNDER_WAY
    assert builder.money() == (GRANTED, 0, 0)
    assert carriers_of(builder.flush_and_claim(tried)) == {(SANDBOX, True)}
    builder.write(tried, outcome(0, attempt=2))
    builder.store.admissions.settle(tried, CampaignStatus.FINISHED, NOW)
    assert builder.statuses(tried) == ["delivered"]
    assert audit(builder.store.database).findings == ()


def test_its_keys_are_free_for_live_campaigns(builder: StoreBuilder) -> None:
    tried = builder.admit(1, key="order-7", keys=["person-7"], sandbox=True)
    builder.send(tried)
    live = builder.admit(1, key="order-7", keys=["person-7"])
    assert builder.send(live) == [0]
    again = builder.composed(1, key="order-7", sandbox=True)
    assert builder.store.campaigns.save(again, "cmp_other").campaign_id == tried
    view = builder.store.campaigns.get(tried)
    assert view is not None and (view.key, view.sandbox) == ("order-7", True)
    (story,) = builder.store.attempts.stories(tried, number(0))
    assert (story.message.key, story.key_holder) == ("person-7", story.message.id)


def test_it_spends_no_rate_of_a_sender(builder: StoreBuilder) -> None:
    store = builder.store
    store.rates.set_rate(f"sender:{builder.account_id}:{SENDER}", 0.001)
    tried, live = builder.admit(5, sandbox=True), builder.admit(1)
    assert len(builder.flush_and_claim(tried).claimed) == 5
    assert len(builder.flush_and_claim(live).claimed) == 1


def test_nobody_answers_it_and_no_number_dies_of_it(builder: StoreBuilder) -> None:
    live = builder.admit(1)
    builder.send(live)
    tried = builder.admit(1, sandbox=True)
    builder.send(tried, now=NOW + 1)
    text_to = Inbound(number(0), SENDER, "Yes", NOW + 2)
    (message,) = builder.store.inbound.take(text_to, "pretend", NOW + 2).messages
    assert message.campaign_id == live
    failed = builder.admit(1, sandbox=True)
    builder.flush_and_claim(failed)
    builder.write(failed, outcome(0, MessageStatus.FAILED, code="invalid_number"))
    assert builder.store.dead_numbers.suppress(1, NOW + 3) == 0
