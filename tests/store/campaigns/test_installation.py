"""What is monitored of an installation."""

from campaign.deliveries import DeliveryStatus
from campaign.handoffs import Receipt
from campaign.instants import SECOND
from campaign.states import CampaignStatus, MessageStatus
from store.campaigns.installation import Urgent
from tests.store.builders import NOW, StoreBuilder, outcome


def test_an_empty_store_has_nothing_to_say(builder: StoreBuilder) -> None:
    assert builder.store.installation.urgent() == Urgent(None, 0, 0)
    totals = builder.store.installation.totals()
    assert set(totals.campaigns) == set(CampaignStatus)
    assert not any({**totals.campaigns, **totals.messages, **totals.webhooks}.values())
    assert totals.drift == {"sms": 0, "mms": 0}


def test_the_oldest_due_message_is_of_a_running_campaign(builder: StoreBuilder) -> None:
    paused = builder.admit(2)
    builder.store.campaigns.set_status(paused, CampaignStatus.PAUSED, NOW)
    assert builder.store.installation.urgent().oldest_due_at is None
    running = builder.admit(3)
    oldest = builder.value(f"SELECT min(due_at) FROM message WHERE campaign_id = '{running}'")
    assert builder.store.installation.urgent().oldest_due_at == oldest
    builder.send(running)
    assert builder.store.installation.urgent().oldest_due_at is None


def test_messages_are_counted_while_their_campaign_is_open(builder: StoreBuilder) -> None:
    campaign = builder.admit(4)
    builder.flush_and_claim(campaign, claim=3)
    later = NOW + SECOND
    builder.write(
        campaign,
        outcome(0),
        outcome(1, MessageStatus.UNKNOWN),
        outcome(2, MessageStatus.RETRYABLE, due_at=later),
    )
    totals = builder.store.installation.totals()
    assert totals.messages == {"queued": 1, "retryable": 1, "sending": 0, "unknown": 1}
    assert totals.campaigns["running"] == 1
    builder.store.campaigns.cancel_rest(campaign, later)
    builder.store.admissions.settle(campaign, CampaignStatus.CANCELLED, later)
    totals = builder.store.installation.totals()
    assert not any(totals.messages.values())
    assert totals.campaigns["cancelled"] == 1


def test_a_lost_workflow_and_another_problem_are_told_apart(builder: StoreBuilder) -> None:
    lost, held = builder.admit(1), builder.admit(1)
    builder.store.open_campaigns.pause_lost(lost, NOW)
    builder.store.campaigns.report_problem(held, "plan_out_of_range", NOW)
    urgent = builder.store.installation.urgent()
    assert (urgent.lost, urgent.held) == (1, 1)


def test_the_drift_is_zero_while_credits_move_and_shows_what_is_off(builder: StoreBuilder) -> None:
    campaign = builder.admit(5)
    assert builder.store.installation.totals().drift == {"sms": 0, "mms": 0}
    builder.send(campaign)
    builder.store.admissions.settle(campaign, CampaignStatus.FINISHED, NOW)
    assert builder.store.installation.totals().drift == {"sms": 0, "mms": 0}
    builder.execute("UPDATE hold SET posted = posted - 2 WHERE kind = 'sms'")
    # Two are not posted, and seem to be held still.
    assert builder.store.installation.totals().drift == {"sms": 4, "mms": 0}


def test_deliveries_are_counted_that_wait_or_were_given_up(builder: StoreBuilder) -> None:
    builder.store.endpoints.add(builder.account_id, "https://hooks.example/", ("*",), "native", NOW)
    campaign = builder.admit(3)
    builder.send(campaign)
    receipts = [Receipt(f"{campaign}-0", MessageStatus.DELIVERED, NOW)]
    builder.store.receipts.apply(receipts, NOW)
    assert builder.store.installation.totals().webhooks[DeliveryStatus.WAITING] == 4
    builder.execute("UPDATE callback SET status = 'dead' WHERE event = 'message.delivered'")
    builder.execute(
        "UPDATE callback SET status = 'dead', last_code = 'overtaken'"
        f" WHERE message_id = '{campaign}-1'"
    )
    assert builder.store.installation.totals().webhooks == {"waiting": 2, "dead": 1}
