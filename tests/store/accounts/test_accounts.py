"""Accounts are made whole or not at all, and their credits are counted once."""

import pytest

from campaign.credits import CreditKind, MessageKind
from campaign.instants import DAY
from store.accounts.accounts import Balance
from store.accounts.senders import SenderView
from store.campaigns.audit import audit
from store.database.engine import StoreError
from store.store import Store
from tests.store.builders import GRANTED, NOW, StoreBuilder
from tests.store.racing import race


def test_an_account_has_credits_of_both_kinds_senders_and_a_key(any_store: Store) -> None:
    made, pair = any_store.accounts.create(
        "Moeraki", NOW, 30, 7, ["GODWIT", "+18005559876", "72345"], daily_quota=100
    )
    view = any_store.accounts.show(made.id)
    assert view == made == any_store.accounts.show("Moeraki")
    assert view.balances == {
        CreditKind.SMS: Balance(30, 30, 0, 0),
        CreditKind.MMS: Balance(7, 7, 0, 0),
    }
    addresses = [sender.address for sender in view.senders]
    assert addresses == ["+18005559876", "72345", "GODWIT"]
    assert (view.active, view.daily_quota, view.auto_key) == (True, 100, "random")
    assert len(view.property_sid) == 32
    assert any_store.api_keys.authenticate(pair.key_id, pair.secret) is not None


def test_an_account_that_is_not_there_is_none(any_store: Store) -> None:
    assert any_store.accounts.show("nobody") is None
    assert any_store.accounts.list() == []


def test_a_taken_name_is_refused_and_leaves_nothing_behind(any_store: Store) -> None:
    any_store.accounts.create("Moeraki", NOW)
    with pytest.raises(StoreError, match="there is an account named 'Moeraki' already"):
        any_store.accounts.create("Moeraki", NOW, 10)
    assert len(any_store.accounts.list()) == 1
    assert audit(any_store.database).findings == ()


def test_a_bad_sender_leaves_no_account_behind(any_store: Store) -> None:
    with pytest.raises(StoreError, match="is no sender"):
        any_store.accounts.create("Moeraki", NOW, 10, 10, ["+18005559876", "no sender at all!"])
    assert any_store.accounts.list() == []


def test_of_accounts_made_at_once_under_one_name_one_is_made(
    any_store: Store, rival_store: Store
) -> None:
    stores = (any_store, rival_store)

    def make(runner: int) -> bool:
        try:
            stores[runner % 2].accounts.create("Moeraki", NOW, 10)
        except StoreError:
            return False
        return True

    assert sum(race(6, make)) == 1
    assert [view.name for view in any_store.accounts.list()] == ["Moeraki"]


def test_accounts_are_listed_by_name(any_store: Store) -> None:
    for name in ("Whakatane", "Ahuriri", "Moeraki"):
        any_store.accounts.create(name, NOW)
    names = [view.name for view in any_store.accounts.list()]
    assert names == ["Ahuriri", "Moeraki", "Whakatane"]


def test_a_grant_counts_once_for_each_reference(builder: StoreBuilder) -> None:
    grant = builder.store.accounts.grant
    for _ in range(2):
        grant(builder.account_id, CreditKind.SMS, 50, "invoice 1", NOW)
    grant(builder.account_id, CreditKind.SMS, 1, "invoice 2", NOW)
    grant(builder.account_id, CreditKind.MMS, 5, "invoice 1", NOW)
    assert builder.money() == (GRANTED + 51, 0, 0)
    assert builder.money(CreditKind.MMS) == (GRANTED + 5, 0, 0)
    assert audit(builder.store.database).findings == ()


def test_one_grant_made_many_times_at_once_counts_once(
    any_store: Store, rival_store: Store, builder: StoreBuilder
) -> None:
    stores = (any_store, rival_store)
    race(
        8,
        lambda runner: stores[runner % 2].accounts.grant(
            builder.account_id, CreditKind.SMS, 50, "invoice 1", NOW
        ),
    )
    assert builder.money() == (GRANTED + 50, 0, 0)


def test_grants_at_once_are_all_counted(
    any_store: Store, rival_store: Store, builder: StoreBuilder
) -> None:
    stores = (any_store, rival_store)
    race(
        12,
        lambda runner: stores[runner % 2].accounts.grant(
            builder.account_id, CreditKind.SMS, 1, f"invoice {runner}", NOW
        ),
    )
    assert builder.money() == (GRANTED + 12, 0, 0)


def test_no_more_can_be_taken_back_than_is_available(builder: StoreBuilder) -> None:
    builder.admit(10)
    grant = builder.store.accounts.grant
    with pytest.raises(StoreError, match="fewer credits are available"):
        grant(builder.account_id, CreditKind.SMS, -(GRANTED - 19), "correction", NOW)
    assert builder.money() == (GRANTED - 20, 20, 0)
    # The refused reference is not used up.
    balance = grant(builder.account_id, CreditKind.SMS, -(GRANTED - 20), "correction", NOW)
    assert balance == Balance(20, 0, 20, 0)


def test_switches_are_set_by_name_and_unknown_ones_refused(builder: StoreBuilder) -> None:
    update = builder.store.accounts.update
    view = update(
        builder.account_id,
        active=False,
        daily_quota=5,
        strict_uniform=True,
        strict_keys=True,
        auto_key="payload_hash",
    )
    assert (view.active, view.daily_quota, view.auto_key) == (False, 5, "payload_hash")
    assert (view.strict_uniform, view.strict_keys) == (True, True)
    assert update(builder.account_id, daily_quota=None).daily_quota is None
    with pytest.raises(StoreError, match="no switch 'granted'"):
        update(builder.account_id, granted=1_000_000)
    with pytest.raises(StoreError, match="no such account"):
        update("acc_nobody", active=True)


def test_senders_are_added_once_and_removed(builder: StoreBuilder) -> None:
    accounts = builder.store.accounts
    for _ in range(2):
        added = accounts.add_sender(builder.account_id, "GODWIT", NOW + 1)
        assert added == SenderView("GODWIT", "alphanumeric", True)
    assert [one.address for one in accounts.senders(builder.account_id)] == [
        "+18005559876",
        "GODWIT",
    ]
    assert builder.store.senders.remove(builder.account_id, "GODWIT")
    assert not builder.store.senders.remove(builder.account_id, "GODWIT")
    with pytest.raises(StoreError, match="is no sender"):
        accounts.add_sender(builder.account_id, "", NOW)


def test_a_sender_added_many_times_at_once_is_there_once(
    any_store: Store, rival_store: Store, builder: StoreBuilder
) -> None:
    stores = (any_store, rival_store)
    race(8, lambda runner: stores[runner % 2].accounts.add_sender(builder.account_id, "72345", NOW))
    assert len(any_store.accounts.senders(builder.account_id)) == 2


def test_what_is_spent_is_added_up_by_utc_day_and_kind(builder: StoreBuilder) -> None:
    builder.send(builder.admit(2))
    builder.send(builder.admit(1, kind=MessageKind.MMS, now=NOW + DAY), now=NOW + DAY)
    builder.send(builder.admit(3, now=NOW + DAY), now=NOW + DAY)
    today, entries = NOW // DAY * DAY, builder.store.ledger_entries
    spent = entries.spent_by_day(builder.account_id, 0)
    assert list(spent) == [today + DAY, today]
    assert sum(spent[today].values()) + sum(spent[today + DAY].values()) == sum(
        builder.balance(kind).posted for kind in CreditKind
    )
    assert set(spent[today]) == {CreditKind.SMS} and set(spent[today + DAY]) == set(CreditKind)
    assert list(entries.spent_by_day(builder.account_id, today + DAY)) == [today + DAY]
    assert entries.spent_by_day("another", 0) == {}
