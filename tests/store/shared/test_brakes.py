"""One condition keeps every claim: a pause, a cancel that was ordered, a closed account, an end."""

import pytest

from campaign.orders import Order
from campaign.states import CampaignStatus
from store.store import Store
from tests.store.builders import NOW, StoreBuilder, outcome
from tests.store.racing import race


def brake(builder: StoreBuilder, campaign: str, how: str) -> None:
    """Make a campaign one that must not send."""
    if how == "account":
        builder.store.accounts.update(builder.account_id, active=False)
    elif how in ("pause", "cancel"):
        builder.store.orders.give(campaign, Order(how), NOW)
    else:
        builder.execute("UPDATE campaign SET status = :how", how=how)


@pytest.mark.parametrize("how", ["pause", "cancel", "account", "paused", "cancelled", "finished"])
def test_nothing_is_claimed_of_a_campaign_that_must_not_send_and_answers_are_written(
    builder: StoreBuilder, how: str
) -> None:
    campaign = builder.admit(3)
    assert builder.claimed(campaign, claim=1) == [0]
    assert builder.store.sending.brake(campaign) is None
    brake(builder, campaign, how)
    assert builder.store.sending.brake(campaign) is not None
    held = builder.flush_and_claim(campaign, [outcome(0)])
    assert held.held and held.claimed == [] and not held.exhausted
    assert builder.statuses(campaign) == ["sent", "queued", "queued"]
    # A chunk that only writes what it has is told nothing.
    assert not builder.flush_and_claim(campaign, claim=0).held


def test_a_campaign_of_another_account_is_not_braked(builder: StoreBuilder) -> None:
    theirs = StoreBuilder(builder.store, builder.store.accounts.create("other", 0)[0].id)
    campaign = builder.admit(2)
    builder.store.accounts.update(theirs.account_id, active=False)
    assert builder.claimed(campaign) == [0, 1]


def test_a_closed_account_pauses_its_campaigns_by_the_system_and_a_person_resumes_them(
    builder: StoreBuilder,
) -> None:
    running, paused, cancelled = builder.admit(1), builder.admit(1), builder.admit(1)
    orders, get = builder.store.orders, builder.store.campaigns.get
    orders.give(paused, Order.PAUSE, NOW)
    orders.give(cancelled, Order.CANCEL, NOW)
    builder.store.accounts.update(builder.account_id, active=False)
    shown = {id: get(id) for id in (running, paused, cancelled)}
    assert [(one.paused_by, one.problem, one.ordered) for one in shown.values() if one] == [
        ("system", "account_closed", "pause"),
        ("person", None, "pause"),
        (None, None, "cancel"),
    ]
    # Nobody resumes a campaign of a closed account.
    assert orders.give(running, Order.RESUME, NOW).ordered is Order.PAUSE
    builder.store.accounts.update(builder.account_id, active=True)
    assert orders.standing(running).status is CampaignStatus.PAUSED
    stands = orders.give(running, Order.RESUME, NOW)
    builder.store.campaigns.set_status(running, CampaignStatus.RUNNING, NOW, stands.number)
    view = get(running)
    assert view is not None and (view.status, view.problem) == (CampaignStatus.RUNNING, None)
    assert builder.claimed(running) == [0]


def test_of_claims_beside_a_pause_none_begins_after_it(
    any_store: Store, rival_store: Store, builder: StoreBuilder
) -> None:
    campaign = builder.admit(60)

    def work(runner: int) -> None:
        if runner == 3:
            rival_store.orders.give(campaign, Order.PAUSE, NOW)
            return
        while builder.claimed(campaign, claim=1, token=f"t{runner}", store=any_store):
            pass

    race(4, work)
    left = builder.statuses(campaign).count("queued")
    assert builder.flush_and_claim(campaign).held
    assert builder.statuses(campaign).count("queued") == left
