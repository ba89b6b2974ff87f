"""A campaign is saved once, moves forward only, and is cancelled for what waits."""

import pytest

from campaign.instants import HOUR, MINUTE
from campaign.refusals import Refusal, RefusalCode
from campaign.states import CAMPAIGN_ENDS, CAMPAIGN_MOVES, CampaignStatus, MessageStatus
from store.campaigns.campaigns import Saved
from store.store import Store
from tests.store.builders import NOW, Books, outcome
from tests.store.racing import race

KEY = "batch:1"
LIFE = 48 * HOUR
REFUSALS = [
    Refusal(RefusalCode.SENDER_NOT_OWNED, "not yours", "sender"),
    Refusal(RefusalCode.CREDITS_INSUFFICIENT, "not enough", details={"kind": "sms"}),
]


def save(books: Books, campaign_id: str, payload: str = "a", now: int = NOW) -> Saved:
    composed = books.composed(2, key=KEY, payload=payload, now=now, prefix=campaign_id)
    return books.store.campaigns.save(composed, campaign_id)


def status(books: Books, campaign_id: str) -> CampaignStatus:
    view = books.store.campaigns.get(campaign_id)
    assert view is not None
    return view.status


def test_a_saved_draft_reads_back_as_it_was_given(books: Books) -> None:
    campaign = books.save(3, key=KEY, spread_hours=0.5, scheduled_at=NOW + HOUR, sender="72345")
    view = books.store.campaigns.get(campaign)
    assert view is not None
    assert (view.status, view.total, view.tally.queued) == (CampaignStatus.DRAFT, 3, 3)
    assert (view.key, view.spread_hours, view.sender) == (KEY, 0.5, "72345")
    assert (view.created_at, view.scheduled_at, view.base_at) == (NOW, NOW + HOUR, NOW + HOUR)
    assert books.store.campaigns.get("cmp_nobody") is None


def test_the_same_key_again_answers_with_the_first_campaign(books: Books) -> None:
    assert save(books, "one") == Saved("one", created=True)
    assert save(books, "two") == Saved("one", created=False, same_payload=True)
    assert save(books, "three", payload="b") == Saved("one", created=False, same_payload=False)
    assert books.value("SELECT count(*) FROM campaign") == 1
    assert books.value("SELECT count(*) FROM message") == 2


def test_a_campaign_without_a_key_is_a_new_one_every_time(books: Books) -> None:
    assert books.save() != books.save()
    assert books.value("SELECT count(*) FROM campaign_key") == 0


def test_fifty_saves_at_once_under_one_key_make_one_campaign(
    any_store: Store, rival_store: Store, books: Books
) -> None:
    stores = (any_store, rival_store)

    def submit(runner: int) -> Saved:
        campaign_id = f"racer-{runner}"
        composed = books.composed(20, key=KEY, prefix=campaign_id)
        return stores[runner % 2].campaigns.save(composed, campaign_id)

    saved = race(50, submit)
    assert sum(one.created for one in saved) == 1
    assert len({one.campaign_id for one in saved}) == 1
    assert books.value("SELECT count(*) FROM campaign") == 1
    assert books.value("SELECT count(*) FROM message") == 20


def test_the_same_key_of_another_account_is_another_key(books: Books) -> None:
    save(books, "ours")
    other = Books(books.store, books.store.accounts.create("other", 0)[0].id)
    assert save(other, "theirs") == Saved("theirs", created=True)


def test_a_key_is_spent_until_48_hours_after_the_last_send_and_then_free(books: Books) -> None:
    campaign = books.admit(2, key=KEY)
    books.claimed(campaign)
    books.write(campaign, outcome(0, at=NOW + MINUTE), outcome(1, at=NOW + HOUR))
    books.store.admissions.settle(campaign, CampaignStatus.FINISHED, NOW + 2 * HOUR)
    free_at = NOW + HOUR + LIFE
    assert not save(books, "early", now=free_at - 1).created
    assert save(books, "late", now=free_at).created
    assert not save(books, "again", now=free_at).created


@pytest.mark.parametrize("end", ["refused", "nobody sent"])
def test_a_key_is_free_at_once_when_nobody_was_sent(books: Books, end: str) -> None:
    campaign = books.save(2, key=KEY)
    if end == "refused":
        books.store.campaigns.refuse(campaign, REFUSALS, NOW)
    else:
        books.store.admissions.hold(campaign, NOW)
        books.store.campaigns.cancel_rest(campaign, NOW)
        books.store.admissions.settle(campaign, CampaignStatus.CANCELLED, NOW)
    assert save(books, "mended") == Saved("mended", created=True)


def test_a_key_stays_spent_while_a_message_may_have_been_sent(books: Books) -> None:
    campaign = books.admit(1, key=KEY)
    books.claimed(campaign)
    books.write(campaign, outcome(0, MessageStatus.UNKNOWN, code="timeout"))
    books.store.admissions.settle(campaign, CampaignStatus.FINISHED_WITH_FAILURES, NOW)
    assert not save(books, "again", now=NOW + LIFE - 1).created


def test_a_refusal_ends_a_draft_once_and_reads_back(books: Books) -> None:
    campaign = books.save(2)
    assert books.store.campaigns.stored_refusals(campaign) is None
    books.store.campaigns.refuse(campaign, REFUSALS, NOW)
    books.store.campaigns.refuse(campaign, REFUSALS[:1], NOW + 1)
    assert books.store.campaigns.stored_refusals(campaign) == REFUSALS
    assert status(books, campaign) is CampaignStatus.REFUSED
    assert books.statuses(campaign) == ["cancelled", "cancelled"]
    assert books.value("SELECT finished_at FROM campaign") == NOW


def test_a_campaign_under_way_cannot_be_refused(books: Books) -> None:
    campaign = books.admit(2)
    books.store.campaigns.refuse(campaign, REFUSALS, NOW)
    assert status(books, campaign) is CampaignStatus.RUNNING
    assert books.statuses(campaign) == ["queued", "queued"]


@pytest.mark.parametrize("source", list(CampaignStatus))
def test_a_campaign_moves_only_where_the_states_allow(books: Books, source: str) -> None:
    campaign = books.save(1)
    for target in CampaignStatus:
        books.execute("UPDATE campaign SET status = :source", source=source)
        books.store.campaigns.mark(campaign, target, NOW)
        # An end is left by a retry alone, which pays for it.
        moves = CAMPAIGN_MOVES.get(CampaignStatus(source), ())
        allowed = target in moves and source not in CAMPAIGN_ENDS
        assert status(books, campaign) == (target if allowed else source)


def test_a_campaign_keeps_the_instant_of_its_first_start(books: Books) -> None:
    campaign = books.admit(1)
    books.store.campaigns.mark(campaign, CampaignStatus.PAUSED, NOW + 1)
    books.store.campaigns.mark(campaign, CampaignStatus.RUNNING, NOW + 2)
    view = books.store.campaigns.get(campaign)
    assert view is not None and view.started_at == NOW


def test_cancelling_takes_what_waits_and_leaves_what_is_under_way(books: Books) -> None:
    campaign = books.admit(4)
    books.claimed(campaign, claim=2)
    books.write(campaign, outcome(0, MessageStatus.RETRYABLE, due_at=NOW))
    assert books.store.campaigns.cancel_rest(campaign, NOW) == 3
    assert books.store.campaigns.cancel_rest(campaign, NOW) == 0
    assert books.statuses(campaign) == ["cancelled", "sending", "cancelled", "cancelled"]


def test_a_campaign_of_five_thousand_is_saved_and_counted(books: Books) -> None:
    campaign = books.save(5_000)
    tally = books.store.campaigns.tally(campaign)
    assert (tally.total, tally.queued) == (5_000, 5_000)
