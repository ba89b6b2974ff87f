"""A recipient's key: claimed while sending, spent for 48 hours by a success, else free again."""

import pytest

from campaign.handoffs import Receipt
from campaign.instants import HOUR, SECOND
from campaign.states import CampaignStatus, MessageStatus
from store.sending.sending import KEY_BUSY_WAIT
from store.store import Store
from tests.store.builders import NOW, Books, number, outcome
from tests.store.racing import race

KEY = "order:17"
LIFE = 48 * HOUR


def holder(books: Books) -> object:
    return books.value("SELECT message_id FROM recipient_key WHERE key = :key", key=KEY)


def test_a_key_is_claimed_with_its_message_and_spent_by_the_send(books: Books) -> None:
    campaign = books.admit(1, keys=[KEY])
    assert holder(books) is None
    books.claimed(campaign)
    assert holder(books) == f"{campaign}-0"
    assert books.value("SELECT free_at FROM recipient_key") is None
    books.write(campaign, outcome(0, at=NOW + SECOND))
    assert books.value("SELECT free_at FROM recipient_key") == NOW + SECOND + LIFE


def test_a_spent_key_skips_its_next_message_uncharged_and_names_the_first(books: Books) -> None:
    first = books.admit(1, keys=[KEY])
    books.send(first)
    again = books.admit(2, keys=[KEY])
    outcome = books.flush_and_claim(again)
    assert [one.position for one in outcome.claimed] == [1]
    assert (outcome.skipped, outcome.deferred) == (1, 0)
    skipped = books.store.campaigns.messages(again)[0]
    assert (skipped.status, skipped.reason) == ("skipped", "duplicate_key")
    assert skipped.duplicate_of == f"{first}-0"
    books.write(again, outcome(1))
    books.store.admissions.settle(again, CampaignStatus.FINISHED, NOW)
    assert books.store.campaigns.report(again).posted.sms == 2
    assert books.store.campaigns.report(again).voided.sms == 2


def test_a_spent_key_is_free_at_exactly_48_hours_from_the_send(books: Books) -> None:
    sent_at = NOW + 30 * HOUR
    books.send(books.admit(1, keys=[KEY], now=NOW, due_at=sent_at), now=sent_at)
    early, late = books.admit(1, keys=[KEY]), books.admit(1, keys=[KEY])
    assert books.claimed(early, now=sent_at + LIFE - 1) == []
    assert books.statuses(early) == ["skipped"]
    assert books.claimed(late, now=sent_at + LIFE) == [0]


@pytest.mark.parametrize("status", [MessageStatus.FAILED, MessageStatus.RETRYABLE])
def test_a_key_is_free_again_when_its_message_did_not_go(
    books: Books, status: MessageStatus
) -> None:
    campaign = books.admit(1, keys=[KEY])
    books.claimed(campaign)
    due = NOW + SECOND if status is MessageStatus.RETRYABLE else None
    books.write(campaign, outcome(0, status, code="x", due_at=due))
    assert holder(books) is None
    assert books.claimed(books.admit(1, keys=[KEY])) == [0]


def test_a_key_just_being_used_puts_the_next_message_off_a_moment(books: Books) -> None:
    first, second = books.admit(1, keys=[KEY]), books.admit(1, keys=[KEY])
    books.claimed(first)
    outcome = books.flush_and_claim(second)
    assert (outcome.claimed, outcome.skipped, outcome.deferred) == ([], 0, 1)
    (waiting,) = books.store.campaigns.messages(second)
    assert (waiting.status, waiting.reason) == ("retryable", "key_busy")
    assert (waiting.due_at, waiting.attempts) == (NOW + KEY_BUSY_WAIT, 0)
    books.write(first, outcome(0, MessageStatus.FAILED, code="invalid_number"))
    assert books.claimed(second, now=NOW + KEY_BUSY_WAIT) == [0]


def test_two_messages_of_one_campaign_with_one_key_are_one_send(books: Books) -> None:
    campaign = books.admit(2, keys=[KEY, KEY])
    assert books.send(campaign) == [0]
    assert books.send(campaign, now=NOW + KEY_BUSY_WAIT) == []
    assert books.statuses(campaign) == ["sent", "skipped"]


def test_a_doubtful_send_keeps_its_key_until_a_receipt_spends_it(books: Books) -> None:
    unknown = books.admit(1, keys=[KEY])
    books.claimed(unknown)
    books.write(unknown, outcome(0, MessageStatus.UNKNOWN, code="timeout"))
    second = books.admit(1, keys=[KEY])
    assert books.claimed(second, now=NOW + 2 * LIFE) == []
    assert books.store.campaigns.messages(second)[0].duplicate_of == f"{unknown}-0"
    news = Receipt(f"{unknown}-0", MessageStatus.DELIVERED, NOW + HOUR)
    assert books.store.receipts.apply([news]) == 1
    assert books.value("SELECT free_at FROM recipient_key") == NOW + HOUR + LIFE


def test_a_message_claims_its_own_key_again_after_a_crash(books: Books) -> None:
    campaign = books.admit(1, keys=[KEY])
    books.claimed(campaign)
    # As an attempt leaves it that died between its claim of the key and its claim of the row.
    books.execute("UPDATE message SET status = 'queued', attempts = 1")
    assert books.claimed(campaign) == [0]


def test_another_accounts_key_is_another_key(books: Books) -> None:
    books.send(books.admit(1, keys=[KEY]))
    other = Books(books.store, books.store.accounts.create("other", 0, 100, 0)[0].id)
    composed = other.composed(1, keys=[KEY], prefix="theirs")
    other.store.campaigns.save(composed, "theirs")
    assert other.store.admissions.hold("theirs", NOW) is None
    assert other.claimed("theirs") == [0]


def test_of_messages_that_race_for_a_key_exactly_one_wins(
    any_store: Store, rival_store: Store, books: Books
) -> None:
    campaigns = [books.admit(1, keys=[KEY]) for _ in range(8)]
    stores = (any_store, rival_store)

    def claim(runner: int) -> int:
        campaign = campaigns[runner]
        return len(books.claimed(campaign, token=f"t{runner}", store=stores[runner % 2]))

    assert sorted(race(8, claim)) == [0] * 7 + [1]


def test_campaigns_that_share_all_keys_in_opposite_order_send_each_once(
    any_store: Store, rival_store: Store, books: Books
) -> None:
    keys = [f"key:{index}" for index in range(60)]
    campaigns = [books.admit(60, keys=keys), books.admit(60, keys=keys[::-1])]
    stores = (any_store, rival_store)
    now = NOW

    def run(runner: int) -> None:
        campaign, token = campaigns[runner], f"t{runner}"
        while outcome := books.flush_and_claim(
            campaign, claim=16, token=token, now=now, store=stores[runner]
        ):
            sent = [outcome(one.position, attempt=one.attempt, at=now) for one in outcome.claimed]
            books.flush_and_claim(campaign, sent, claim=0, token=token, store=stores[runner])
            if outcome.exhausted:
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
    assert books.value(per_key) == 1


def test_a_skipped_message_never_spends_the_key_of_another(books: Books) -> None:
    books.store.opt_outs.add(books.account_id, number(0), "inbound", NOW)
    books.flush_and_claim(books.admit(1, keys=[KEY]))
    assert holder(books) is None
