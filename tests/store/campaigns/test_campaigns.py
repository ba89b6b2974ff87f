"""A campaign is saved once, moves forward only, and is cancelled for what waits."""

import pytest

from campaign.instants import HOUR, MINUTE
from campaign.refusals import Refusal, RefusalCode
from campaign.states import CAMPAIGN_ENDS, CAMPAIGN_MOVES, CampaignStatus, MessageStatus
from store.campaigns.campaigns import Saved
from store.store import Store
from tests.store.builders import NOW, StoreBuilder, outcome
from tests.store.racing import race

KEY = "batch:1"
LIFE = 48 * HOUR
REFUSALS = [
    Refusal(RefusalCode.SENDER_NOT_OWNED, "not yours", "sender"),
    Refusal(RefusalCode.CREDITS_INSUFFICIENT, "not enough", details={"kind": "sms"}),
]


def save(builder: StoreBuilder, campaign_id: str, payload: str = "a", now: int = NOW) -> Saved:
    composed = builder.composed(2, key=KEY, payload=payload, now=now, prefix=campaign_id)
    return builder.store.campaigns.save(composed, campaign_id)


def status(builder: StoreBuilder, campaign_id: str) -> CampaignStatus:
    view = builder.store.campaigns.get(campaign_id)
    assert view is not None
    return view.status


def test_a_saved_draft_reads_back_as_it_was_given(builder: StoreBuilder) -> None:
    campaign = builder.save(3, key=KEY, spread_hours=0.5, scheduled_at=NOW + HOUR, sender="72345")
    view = builder.store.campaigns.get(campaign)
    assert view is not None
    assert (view.status, view.total, view.tally.queued) == (CampaignStatus.DRAFT, 3, 3)
    assert (view.key, view.spread_hours, view.sender) == (KEY, 0.5, "72345")
    assert (view.created_at, view.scheduled_at, view.base_at) == (NOW, NOW + HOUR, NOW + HOUR)
    assert builder.store.campaigns.get("cmp_nobody") is None


def test_the_same_key_again_answers_with_the_first_campaign(builder: StoreBuilder) -> None:
    assert save(builder, "one") == Saved("one", created=True)
    assert save(builder, "two") == Saved("one", created=False, same_payload=True)
    assert save(builder, "three", payload="b") == Saved("one", created=False, same_payload=False)
    assert builder.value("SELECT count(*) FROM campaign") == 1
    assert builder.value("SELECT count(*) FROM message") == 2


def test_a_campaign_without_a_key_is_a_new_one_every_time(builder: StoreBuilder) -> None:
    assert builder.save() != builder.save()
    assert builder.value("SELECT count(*) FROM campaign_key") == 0


def test_fifty_saves_at_once_under_one_key_make_one_campaign(
    any_store: Store, rival_store: Store, builder: StoreBuilder
) -> None:
    stores = (any_store, rival_store)

    def submit(runner: int) -> Saved:
        campaign_id = f"racer-{runner}"
        composed = builder.composed(20, key=KEY, prefix=campaign_id)
        return stores[runner % 2].campaigns.save(composed, campaign_id)

    saved = race(50, submit)
    assert sum(one.created for one in saved) == 1
    assert len({one.campaign_id for one in saved}) == 1
    assert builder.value("SELECT count(*) FROM campaign") == 1
    assert builder.value("SELECT count(*) FROM message") == 20


def test_the_same_key_of_another_account_is_another_key(builder: StoreBuilder) -> None:
    save(builder, "ours")
    other = StoreBuilder(builder.store, builder.store.accounts.create("other", 0)[0].id)
    assert save(other, "theirs") == Saved("theirs", created=True)


def test_a_key_is_spent_until_48_hours_after_the_last_send_and_then_free(
    builder: StoreBuilder,
) -> None:
    campaign = builder.admit(2, key=KEY)
    builder.claimed(campaign)
    builder.write(campaign, outcome(0, at=NOW + MINUTE), outcome(1, at=NOW + HOUR))
    builder.store.admissions.settle(campaign, CampaignStatus.FINISHED, NOW + 2 * HOUR)
    free_at = NOW + HOUR + LIFE
    assert not save(builder, "early", now=free_at - 1).created
    assert save(builder, "late", now=free_at).created
    assert not save(builder, "again", now=free_at).created


@pytest.mark.parametrize("end", ["refused", "nobody sent"])
def test_a_key_is_free_at_once_when_nobody_was_sent(builder: StoreBuilder, end: str) -> None:
    campaign = builder.save(2, key=KEY)
    if end == "refused":
        builder.store.campaigns.refuse(campaign, REFUSALS, NOW)
    else:
        builder.store.admissions.hold(campaign, NOW)
        builder.store.campaigns.cancel_rest(campaign, NOW)
        builder.store.admissions.settle(campaign, CampaignStatus.CANCELLED, NOW)
    assert save(builder, "mended") == Saved("mended", created=True)


def test_a_key_stays_spent_while_a_message_may_have_been_sent(builder: StoreBuilder) -> None:
    campaign = builder.admit(1, key=KEY)
    builder.claimed(campaign)
    builder.write(campaign, outcome(0, MessageStatus.UNKNOWN, code="timeout"))
    builder.store.admissions.settle(campaign, CampaignStatus.FINISHED_WITH_FAILURES, NOW)
    assert not save(builder, "again", now=NOW + LIFE - 1).created


def test_a_refusal_ends_a_draft_once_and_reads_back(builder: StoreBuilder) -> None:
    campaign = builder.save(2)
    assert builder.store.campaigns.stored_refusals(campaign) is None
    builder.store.campaigns.refuse(campaign, REFUSALS, NOW)
    builder.store.campaigns.refuse(campaign, REFUSALS[:1], NOW + 1)
    assert builder.store.campaigns.stored_refusals(campaign) == REFUSALS
    assert status(builder, campaign) is CampaignStatus.REFUSED
    assert builder.statuses(campaign) == ["cancelled", "cancelled"]
    assert builder.value("SELECT finished_at FROM campaign") == NOW


def test_a_campaign_under_way_cannot_be_refused(builder: StoreBuilder) -> None:
    campaign = builder.admit(2)
    builder.store.campaigns.refuse(campaign, REFUSALS, NOW)
    assert status(builder, campaign) is CampaignStatus.RUNNING
    assert builder.statuses(campaign) == ["queued", "queued"]


@pytest.mark.parametrize("source", list(CampaignStatus))
def test_a_campaign_moves_only_where_the_states_allow(builder: StoreBuilder, source: str) -> None:
    campaign = builder.save(1)
    for target in CampaignStatus:
        builder.execute("UPDATE campaign SET status = :source", source=source)
        builder.store.campaigns.set_status(campaign, target, NOW)
        # An end is left by a retry alone, and preparing with a hold: both pay for it.
        moves = CAMPAIGN_MOVES.get(CampaignStatus(source), ())
        allowed = target in moves and source not in {*CAMPAIGN_ENDS, "preparing"}
        assert status(builder, campaign) == (target if allowed else source)


def test_a_campaign_keeps_the_instant_of_its_first_start(builder: StoreBuilder) -> None:
    campaign = builder.admit(1)
    builder.store.campaigns.set_status(campaign, CampaignStatus.PAUSED, NOW + 1)
    builder.store.campaigns.set_status(campaign, CampaignStatus.RUNNING, NOW + 2)
    view = builder.store.campaigns.get(campaign)
    assert view is not None and view.started_at == NOW


def test_cancelling_takes_what_waits_and_leaves_what_is_under_way(builder: StoreBuilder) -> None:
    campaign = builder.admit(4)
    builder.claimed(campaign, claim=2)
    builder.write(campaign, outcome(0, MessageStatus.RETRYABLE, due_at=NOW))
    assert builder.store.campaigns.cancel_rest(campaign, NOW) == 3
    assert builder.store.campaigns.cancel_rest(campaign, NOW) == 0
    assert builder.statuses(campaign) == ["cancelled", "sending", "cancelled", "cancelled"]


def test_a_campaign_of_five_thousand_is_saved_and_counted(builder: StoreBuilder) -> None:
    campaign = builder.save(5_000)
    tally = builder.store.campaigns.tally(campaign)
    assert (tally.total, tally.queued) == (5_000, 5_000)
