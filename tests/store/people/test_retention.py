"""Texts are kept for as long as the operator says, and removed in small steps."""

from campaign.handoffs import Inbound
from campaign.instants import DAY
from campaign.states import CampaignStatus, MessageStatus
from store.campaigns.audit import audit
from store.campaigns.retry import Retried
from store.store import Store
from tests.store.builders import NOW, StoreBuilder, number, outcome
from tests.store.people.test_erasure import PERSON, everything, leased


def ended(builder: StoreBuilder, size: int, at: int) -> str:
    """A campaign that ended with failures at an instant; its id."""
    campaign = builder.admit(size)
    builder.claimed(campaign)
    builder.write(
        campaign, *(outcome(p, MessageStatus.FAILED, code="http_503") for p in range(size))
    )
    builder.store.admissions.settle(campaign, CampaignStatus.FINISHED_WITH_FAILURES, at)
    return campaign


def steps(store: Store, before: int, limit: int) -> int:
    """Remove texts until there are none left to remove; how many steps that took."""
    count = 0
    while store.retention.remove_texts(before, NOW, limit):
        count += 1
    return count


def test_texts_of_campaigns_that_ended_long_ago_go_in_small_steps(
    builder: StoreBuilder, any_store: Store
) -> None:
    old, new = ended(builder, 5, NOW - 2 * DAY), ended(builder, 1, NOW)
    running = builder.admit(2)
    assert steps(any_store, NOW - DAY, limit=2) == 3
    assert steps(any_store, NOW - DAY, limit=2) == 0
    texts = {
        campaign: {one.text for one in any_store.campaigns.messages(campaign)}
        for campaign in (old, new, running)
    }
    assert texts[old] == {""} and "" not in texts[new] | texts[running]
    assert "Order 4 has shipped" not in everything(any_store)
    assert [one.to for one in any_store.campaigns.messages(old)][4] == number(4)
    assert builder.statuses(old) == ["failed"] * 5
    assert audit(any_store.database).findings == ()


def test_a_campaign_without_its_texts_is_not_retried(
    builder: StoreBuilder, any_store: Store
) -> None:
    campaign = ended(builder, 3, NOW - 2 * DAY)
    # A process that dies between two steps leaves it like this.
    assert any_store.retention.remove_texts(NOW - DAY, NOW, 1)
    assert any_store.retrying.retry(campaign, NOW).result is Retried.NOTHING
    assert steps(any_store, NOW - DAY, limit=10) == 1
    assert any_store.retrying.retry(campaign, NOW).result is Retried.NOTHING
    kept = ended(builder, 1, NOW)
    assert any_store.retrying.retry(kept, NOW).result is Retried.AGAIN


def test_texts_from_people_go_too(builder: StoreBuilder, any_store: Store) -> None:
    _, pool_number = leased(builder, any_store, PERSON, "+14155559999")
    any_store.inbound.take(Inbound(PERSON, pool_number, "Rosebud", NOW), "pretend", NOW)
    assert not any_store.retention.remove_inbound(NOW, 10)
    assert any_store.retention.remove_inbound(NOW + 1, 10)
    assert not any_store.retention.remove_inbound(NOW + 1, 10)
    assert "Rosebud" not in everything(any_store)
    assert builder.value("SELECT count(*) FROM inbound_message") == 1
