"""Who did what: one row for each change, in its transaction, by the actor of the context."""

import asyncio
from contextvars import copy_context

import pytest

from campaign.activity import ActivityFilter, ActivityView, Actor, ActorKind
from campaign.instants import DAY
from campaign.orders import Order
from campaign.people import ERASED
from campaign.states import CampaignStatus
from store.accounts.senders import SenderTaken
from store.clock import wall_clock
from store.shared.activity import act_as, act_with_key, acting
from store.store import Store
from tests.store.builders import NOW, SENDER, StoreBuilder, number


def listed(store: Store, **wanted: object) -> list[ActivityView]:
    """What was done, the first thing first."""
    found = store.activities.list(None, ActivityFilter(**wanted))  # type: ignore[arg-type]
    return list(reversed(found))


def actions(store: Store, **wanted: object) -> list[str]:
    """What was done, in order."""
    return [view.action for view in listed(store, **wanted)]


def test_every_change_is_recorded_once_and_a_second_run_is_not(builder: StoreBuilder) -> None:
    store, account = builder.store, builder.account_id
    since = wall_clock()
    act_as(Actor(ActorKind.OPERATOR))

    def change() -> None:
        store.senders.request(account, "NEWSHOP", NOW)
        store.senders.approve(account, "NEWSHOP", NOW)
        store.senders.set_carriers(account, "NEWSHOP", "pretend")
        store.rates.set_rate(f"sender:{account}:NEWSHOP", 5.0)
        store.opt_outs.add(account, number(7), "api", NOW)
        store.opt_outs.add_all(account, [number(8), number(9)], "file", NOW)
        store.brakes.stop(account, NOW, by_operator=False)

    before = len(actions(store, actor="operator"))
    change()
    first = actions(store, actor="operator")[before:]
    assert sorted(first) == [
        "brake.set",
        "opt_out.added",
        "opt_out.imported",
        "rate.changed",
        "sender.added",
        "sender.changed",
        "sender.requested",
    ]
    store.brakes.start(account, NOW, by_operator=False)
    store.brakes.start(account, NOW, by_operator=False)
    assert store.opt_outs.remove(account, number(7)) and not store.opt_outs.remove(
        account, number(7)
    )
    assert store.senders.remove(account, "NEWSHOP") and not store.senders.remove(account, "NEWSHOP")
    rest = actions(store, actor="operator")[before + len(first) :]
    assert sorted(rest) == ["brake.released", "opt_out.removed", "sender.removed"]
    assert all(view.at >= since for view in listed(store, since=since))


def test_an_order_and_what_it_changed_are_recorded_together(builder: StoreBuilder) -> None:
    store, campaign = builder.store, builder.admit(3)
    act_as(Actor(request_id="r-1", address="192.0.2.7"))
    act_with_key("AK1")
    for _ in range(2):
        store.orders.give(campaign, Order.PAUSE, NOW)
    paused = listed(store, action="campaign.paused")
    (one,) = paused
    assert one.actor == Actor(ActorKind.KEY, "AK1", "r-1", "192.0.2.7")
    assert (one.subject, one.account_id) == (campaign, builder.account_id)
    assert one.before == {"status": "running", "ordered": None}
    assert one.after == {"status": "paused", "ordered": "pause"}
    store.orders.give(campaign, Order.CANCEL, NOW)
    assert actions(store, subject=campaign, actor="AK1") == [
        "campaign.paused",
        "campaign.cancelled",
    ]
    created = listed(store, action="campaign.created")[0]
    assert (created.actor.kind, created.after) == (
        ActorKind.SYSTEM,
        {"dialect": "native", "recipients": 3, "sandbox": False},
    )


def test_what_is_rolled_back_is_not_recorded(builder: StoreBuilder) -> None:
    store = builder.store
    store.accounts.create("rival", NOW, senders=["RIVAL"])
    before = actions(store)
    with pytest.raises(SenderTaken):
        store.accounts.add_sender(builder.account_id, "RIVAL", NOW)
    assert actions(store) == before


def test_keys_accounts_and_credits_are_recorded_without_secrets(builder: StoreBuilder) -> None:
    store, account = builder.store, builder.account_id
    pair = store.api_keys.create(account, NOW, ["read:Campaigns"], sandbox=True)
    store.api_keys.revoke(pair.key_id, NOW)
    store.api_keys.revoke(pair.key_id, NOW)
    store.accounts.update(account, daily_quota=5)
    (created,) = listed(store, subject=pair.key_id, action="key.created")
    assert created.after == {"permissions": ["read:Campaigns"], "sandbox": True}
    assert actions(store, subject=pair.key_id) == ["key.created", "key.revoked"]
    (changed,) = listed(store, action="account.changed")
    assert (changed.before, changed.after) == ({"daily_quota": None}, {"daily_quota": 5})
    shown = repr(listed(store))
    assert pair.secret not in shown and pair.bearer not in shown


def test_the_name_of_a_key_stands_beside_what_was_done_with_it(builder: StoreBuilder) -> None:
    store, account = builder.store, builder.account_id
    named = store.api_keys.create(account, NOW, name="Reception")
    nameless = store.api_keys.create(account, NOW)
    for key in (named, nameless):
        act_as(Actor(ActorKind.KEY, key.key_id))
        store.api_keys.revoke(key.key_id, NOW)
    act_as(None)
    store.api_keys.create(account, NOW)
    found = [one.actor for one in listed(store, action="key.revoked")]
    assert {one.key_id: one.key_name for one in found} == {
        named.key_id: "Reception",
        nameless.key_id: None,
    }
    assert listed(store, action="key.created")[0].actor.key_name is None


def test_a_person_is_a_keyed_hash_that_erasure_removes(builder: StoreBuilder) -> None:
    store, account = builder.store, builder.account_id
    store.opt_outs.add(account, number(1), "api", NOW)
    assert number(1) not in repr(listed(store))
    wanted = ActivityFilter(subject=number(1))
    (found,) = store.activities.list(account, wanted)
    assert found.action == "opt_out.added" and str(found.subject).startswith("person:")
    store.eraser.erase(account, number(1), NOW)
    assert store.activities.list(account, wanted) == []
    erased = [view.action for view in listed(store, subject=ERASED)]
    assert erased == ["opt_out.added", "person.erased"]


def test_pages_follow_one_another_newest_first(builder: StoreBuilder) -> None:
    store, account = builder.store, builder.account_id
    for index in range(7):
        store.api_keys.create(account, NOW + index)
    whole = [view.id for view in store.activities.list(account, ActivityFilter())]
    paged: list[str] = []
    before = None
    while page := store.activities.list(account, ActivityFilter(), 3, before):
        paged += [view.id for view in page]
        before = (page[-1].at, page[-1].id)
    assert paged == whole and len(whole) == len(set(whole)) >= 7
    other, _ = store.accounts.create("other", NOW)
    assert account not in {
        view.account_id for view in store.activities.list(other.id, ActivityFilter())
    }


def test_what_is_old_is_removed_in_steps(builder: StoreBuilder) -> None:
    store = builder.store
    for _ in range(3):
        store.api_keys.create(builder.account_id, NOW)
    recorded = len(listed(store))
    assert not store.activities.remove(wall_clock() - DAY, 2)
    builder.execute("UPDATE activity SET at = 5 WHERE action = 'key.created'")
    steps = 0
    while store.activities.remove(6, 2):
        steps += 1
    assert steps == 2 and len(listed(store)) == recorded - 4


@pytest.mark.one_store
async def test_a_key_that_is_found_in_a_task_is_the_actor_in_every_thread() -> None:
    act_as(Actor(request_id="r-2"))

    async def authenticate() -> None:
        act_with_key("AK2")

    await asyncio.create_task(authenticate())
    assert await asyncio.to_thread(acting) == Actor(ActorKind.KEY, "AK2", "r-2")
    assert copy_context().run(acting) == Actor(ActorKind.KEY, "AK2", "r-2")


def test_an_end_of_a_campaign_is_no_action(builder: StoreBuilder) -> None:
    campaign = builder.admit(1)
    builder.send(campaign)
    builder.store.admissions.settle(campaign, CampaignStatus.FINISHED, NOW)
    assert actions(builder.store, subject=campaign) == ["campaign.created"]
    assert SENDER in {view.subject for view in listed(builder.store, action="sender.added")}
