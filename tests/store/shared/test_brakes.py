"""One condition holds every claim: a pause, a cancel order, a closed account, a stop, an end."""

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
    elif how in ("all", "stop"):
        builder.store.brakes.stop(None if how == "all" else builder.account_id, NOW, True)
    elif how in ("pause", "cancel"):
        builder.store.orders.give(campaign, Order(how), NOW)
    else:
        builder.execute("UPDATE campaign SET status = :how", how=how)


@pytest.mark.parametrize("how", ["pause", "cancel", "account", "all", "stop", "paused", "finished"])
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
    builder.store.brakes.stop(theirs.account_id, NOW, by_operator=True)
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


# --------------------------------------------------------------------------- stop and start


def shown(builder: StoreBuilder, campaign: str) -> tuple[str, str | None, str | None, str | None]:
    """Status, who paused it, its problem and the order that it has not carried out."""
    view = builder.store.campaigns.get(campaign)
    assert view is not None
    return view.status.value, view.paused_by, view.problem, view.ordered


def test_a_start_resumes_what_the_stop_paused_and_nothing_else(builder: StoreBuilder) -> None:
    running, paused, cancelled = builder.admit(2), builder.admit(1), builder.admit(1)
    orders, brakes = builder.store.orders, builder.store.brakes
    orders.give(paused, Order.PAUSE, NOW)
    first = brakes.stop(None, NOW + 1, by_operator=True)
    assert brakes.stop(None, NOW + 5, by_operator=True) == first
    assert shown(builder, running) == ("paused", "system", "stopped", "pause")
    assert shown(builder, paused) == ("paused", "person", None, "pause")
    # A person's orders hold under a stop, but nobody resumes a campaign.
    orders.give(cancelled, Order.CANCEL, NOW + 2)
    assert orders.give(running, Order.RESUME, NOW + 2).ordered is Order.PAUSE
    assert orders.standing(running).brake == "stopped"
    later = builder.admit(1)
    assert builder.flush_and_claim(later).held
    builder.store.campaigns.follow_orders(later, NOW + 3)
    assert shown(builder, later) == ("paused", "system", "stopped", None)

    assert brakes.start(None, NOW + 9, by_operator=True) == []
    assert shown(builder, running) == ("paused", "system", None, "resume")
    assert shown(builder, later) == ("paused", "system", None, "resume")
    assert shown(builder, paused) == ("paused", "person", None, "pause")
    assert shown(builder, cancelled)[3] == "cancel"
    # Until the workflow has moved the plan nothing leaves.
    assert builder.flush_and_claim(running).held
    number = orders.standing(running).number
    assert brakes.start(None, NOW + 20, by_operator=True) == []
    assert orders.standing(running).number == number
    builder.store.campaigns.set_status(running, CampaignStatus.RUNNING, NOW + 21, number)
    assert builder.claimed(running) == [0, 1]


def test_what_a_person_paused_under_a_stop_stays_paused_after_the_start(
    builder: StoreBuilder,
) -> None:
    campaign = builder.admit(1)
    builder.store.brakes.stop(builder.account_id, NOW, by_operator=False)
    builder.store.orders.give(campaign, Order.PAUSE, NOW + 1)
    assert builder.store.brakes.start(builder.account_id, NOW + 2, by_operator=False) == []
    assert shown(builder, campaign) == ("paused", "person", None, "pause")


def test_an_account_ends_its_own_stop_and_not_the_operators(builder: StoreBuilder) -> None:
    campaign, brakes = builder.admit(1), builder.store.brakes
    own = brakes.stop(builder.account_id, NOW, by_operator=False)
    assert not own.by_operator
    assert brakes.start(builder.account_id, NOW, by_operator=False) == []
    brakes.stop(builder.account_id, NOW, by_operator=False)
    operators = brakes.stop(builder.account_id, NOW + 1, by_operator=True)
    assert operators.by_operator
    assert brakes.start(builder.account_id, NOW + 2, by_operator=False) == [operators]
    assert brakes.stop(builder.account_id, NOW + 3, by_operator=False) == operators
    everything = brakes.stop(None, NOW + 4, by_operator=True)
    assert brakes.in_force() == [everything, operators]
    # One of two stops still holds what both hold.
    assert brakes.start(builder.account_id, NOW + 5, by_operator=True) == [everything]
    assert shown(builder, campaign)[2] == "stopped" and builder.flush_and_claim(campaign).held
    assert brakes.start(None, NOW + 6, by_operator=True) == brakes.in_force() == []
    assert shown(builder, campaign) == ("paused", "system", None, "resume")


def test_a_start_leaves_the_campaigns_of_a_closed_account_paused_and_says_why(
    builder: StoreBuilder,
) -> None:
    campaign, brakes = builder.admit(1), builder.store.brakes
    brakes.stop(None, NOW, by_operator=True)
    builder.store.accounts.update(builder.account_id, active=False)
    brakes.start(None, NOW + 1, by_operator=True)
    assert shown(builder, campaign) == ("paused", "system", "account_closed", "pause")
    assert builder.flush_and_claim(campaign).held


def test_a_campaign_that_a_stop_paused_while_it_ended_is_released_afterwards(
    builder: StoreBuilder,
) -> None:
    campaign, brakes = builder.admit(1), builder.store.brakes
    builder.execute(
        "UPDATE campaign SET status = 'paused', paused_by = 'system', problem = 'stopped', "
        "paused_at = :now",
        now=NOW,
    )
    assert brakes.release(NOW + 1) == 1 and brakes.release(NOW + 2) == 0
    assert shown(builder, campaign) == ("paused", "system", None, "resume")


def test_of_claims_beside_a_stop_none_begins_after_it(
    any_store: Store, rival_store: Store, builder: StoreBuilder
) -> None:
    campaign = builder.admit(60)

    def work(runner: int) -> None:
        if runner == 3:
            rival_store.brakes.stop(None, NOW, by_operator=True)
            return
        while builder.claimed(campaign, claim=1, token=f"t{runner}", store=any_store):
            pass

    race(4, work)
    left = builder.statuses(campaign).count("queued")
    assert builder.flush_and_claim(campaign).held
    assert builder.statuses(campaign).count("queued") == left
