"""A recipient's key: claimed while sending, spent for 48 hours by a success, else free again."""

import pytest

from campaign.handoffs import Receipt
from campaign.instants import HOUR, SECOND
from campaign.states import CampaignStatus, MessageStatus
from store.sending.sending import KEY_BUSY_WAIT
from store.store import Store
from tests.store.builders import NOW, StoreBuilder, number, outcome
from tests.store.racing import race

KEY = "order:17"
LIFE = 48 * HOUR


def holder(builder: StoreBuilder) -> object:
    return builder.value("SELECT message_id FROM recipient_key WHERE key = :key", key=KEY)


def test_a_key_is_claimed_with_its_message_and_spent_by_the_send(builder: StoreBuilder) -> None:
    campaign = builder.admit(1, keys=[KEY])
    assert holder(builder) is None
    builder.claimed(campaign)
    assert holder(builder) == f"{campaign}-0"
    assert builder.value("SELECT free_at FROM recipient_key") is None
    builder.write(campaign, outcome(0, at=NOW + SECOND))
    assert builder.value("SELECT free_at FROM recipient_key") == NOW + SECOND + LIFE


def test_a_spent_key_skips_its_next_message_uncharged_and_names_the_first(
    builder: StoreBuilder,
) -> None:
    first = builder.admit(1, keys=[KEY])
    builder.send(first)
    again = builder.admit(2, keys=[KEY])
    result = builder.flush_and_claim(again)
    assert [one.position for one in result.claimed] == [1]
    assert (result.skipped, result.deferred) == (1, 0)
    skipped = builder.store.campaigns.messages(again)[0]
    assert (skipped.status, skipped.reason) == ("skipped", "duplicate_key")
    assert skipped.duplicate_of == f"{first}-0"
    builder.write(again, outcome(1))
    builder.store.admissions.settle(again, CampaignStatus.FINISHED, NOW)
    assert builder.store.campaigns.report(again).posted.sms == 2
    assert builder.store.campaigns.report(again).voided.sms == 2


def test_a_spent_key_is_free_at_exactly_48_hours_from_the_send(builder: StoreBuilder) -> None:
    sent_at = NOW + 30 * HOUR
    builder.send(builder.admit(1, keys=[KEY], now=NOW, due_at=sent_at), now=sent_at)
    early, late = builder.admit(1, keys=[KEY]), builder.admit(1, keys=[KEY])
    assert builder.claimed(early, now=sent_at + LIFE - 1) == []
    assert builder.statuses(early) == ["skipped"]
    assert builder.claimed(late, now=sent_at + LIFE) == [0]


@pytest.mark.parametrize("status", [MessageStatus.FAILED, MessageStatus.RETRYABLE])
def test_a_key_is_free_again_when_its_message_did_not_go(
    builder: StoreBuilder, status: MessageStatus
) -> None:
    campaign = builder.admit(1, keys=[KEY])
    builder.claimed(campaign)
    due = NOW + SECOND if status is MessageStatus.RETRYABLE else None
    builder.write(campaign, outcome(0, status, code="x", due_at=due))
    assert holder(builder) is None
    assert builder.claimed(builder.admit(1, keys=[KEY])) == [0]


def test_a_key_just_being_used_puts_the_next_message_off_a_moment(builder: StoreBuilder) -> None:
    first, second = builder.admit(1, keys=[KEY]), builder.admit(1, keys=[KEY])
    builder.claimed(first)
    result = builder.flush_and_claim(second)
    assert (result.claimed, result.skipped, result.deferred) == ([], 0, 1)
    (waiting,) = builder.store.campaigns.messages(second)
    assert (waiting.status, waiting.reason) == ("retryable", "key_busy")
    assert (waiting.due_at, waiting.attempts) == (NOW + KEY_BUSY_WAIT, 0)
    builder.write(first, outcome(0, MessageStatus.FAILED, code="invalid_number"))
    assert builder.claimed(second, now=NOW + KEY_BUSY_WAIT) == [0]


def test_two_messages_of_one_campaign_with_one_key_are_one_send(builder: StoreBuilder) -> None:
    campaign = builder.admit(2, keys=[KEY, KEY])
    assert builder.send(campaign) == [0]
    assert builder.send(campaign, now=NOW + KEY_BUSY_WAIT) == []
    assert builder.statuses(campaign) == ["sent", "skipped"]


def test_a_doubtful_send_keeps_its_key_until_a_receipt_spends_it(builder: StoreBuilder) -> None:
    unknown = builder.admit(1, keys=[KEY])
    builder.claimed(unknown)
    builder.write(unknown, outcome(0, MessageStatus.UNKNOWN, code="timeout"))
    second = builder.admit(1, keys=[KEY])
    assert builder.claimed(second, now=NOW + 2 * LIFE) == []
    assert builder.store.campaigns.messages(second)[0].duplicate_of == f"{unknown}-0"
    receipt = Receipt(f"{unknown}-0", MessageStatus.DELIVERED, NOW + HOUR)
    assert builder.store.receipts.apply([receipt]) == 1
    assert builder.value("SELECT free_at FROM recipient_key") == NOW + HOUR + LIFE


def test_a_message_claims_its_own_key_again_after_a_crash(builder: StoreBuilder) -> None:
    campaign = builder.admit(1, keys=[KEY])
    builder.claimed(campaign)
    # As an attempt leaves it that died between its claim of the key and its claim of the row.
    builder.execute("UPDATE message SET status = 'queued', attempts = 1")
    assert builder.claimed(campaign) == [0]


def test_another_accounts_key_is_another_key(builder: StoreBuilder) -> None:
    builder.send(builder.admit(1, keys=[KEY]))
    other = StoreBuilder(builder.store, builder.store.accounts.create("other", 0, 100, 0)[0].id)
    composed = other.composed(1, keys=[KEY], prefix="theirs")
    other.store.campaigns.save(composed, "theirs")
    assert other.store.admissions.hold("theirs", NOW) is None
    other.store.campaigns.set_status("theirs", CampaignStatus.SCHEDULED, NOW)
    assert other.claimed("theirs") == [0]


def test_of_messages_that_race_for_a_key_exactly_one_wins(
    any_store: Store, rival_store: Store, builder: StoreBuilder
) -> None:
    campaigns = [builder.admit(1, keys=[KEY]) for _ in range(8)]
    stores = (any_store, rival_store)

    def claim(runner: int) -> int:
        campaign = campaigns[runner]
        return len(builder.claimed(campaign, token=f"t{runner}", store=stores[runner % 2]))

    assert sorted(race(8, claim)) == [0] * 7 + [1]


def test_campaigns_that_share_all_keys_in_opposite_order_send_each_once(
    any_store: Store, rival_store: Store, builder: StoreBuilder
) -> None:
    keys = [f"key:{index}" for index in range(60)]
    campaigns = [builder.admit(60, keys=keys), builder.admit(60, keys=keys[::-1])]
    stores = (any_store, rival_store)
    now = NOW

    def run(runner: int) -> None:
        campaign, token = campaigns[runner], f"t{runner}"
        while result := builder.flush_and_claim(
            campaign, claim=16, token=token, now=now, store=stores[runner]
        ):
            sent = [outcome(one.position, attempt=one.attempt, at=now) for one in result.claimed]
            builder.flush_and_claim(campaign, sent, claim=0, token=token, store=stores[runner])
            if result.exhausted:
                break

    for _ in range(8):
        race(2, run)
        now += KEY_BUSY_WAIT
    tallies = [any_store.campaigns.tally(campaign) for campaign in campaigns]
    assert sum(tally.sent for tally in tallies) == 60
    assert sum(tally.skipped for tally in tallies) == 60
    per_key = (
        "SELECT max(n) FROM (SELECT count(*) AS n FROM message WHERE status = 'sent' "
        "GROUP BY key) AS counted"
    )
    assert builder.value(per_key) == 1


def test_a_skipped_message_never_spends_the_key_of_another(builder: StoreBuilder) -> None:
    builder.store.opt_outs.add(builder.account_id, number(0), "inbound", NOW)
    builder.flush_and_claim(builder.admit(1, keys=[KEY]))
    assert holder(builder) is None
