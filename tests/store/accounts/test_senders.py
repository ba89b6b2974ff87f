"""An address has one owner, and nobody sends from one that the operator did not give."""

import pytest

from store.accounts.accounts import AccountView
from store.accounts.senders import REQUESTS_MAX, SenderTaken, SenderView
from store.database.engine import StoreError
from store.shared.sender_use import SenderInUse
from store.store import Store
from tests.store.builders import NOW, SENDER, StoreBuilder
from tests.store.racing import race

NUMBER = "+18005550123"


@pytest.fixture
def other(builder: StoreBuilder) -> AccountView:
    """A second account, without a sender."""
    return builder.store.accounts.create("other", NOW)[0]


def addresses(store: Store, account_id: str) -> dict[str, str]:
    """The status of each address of an account."""
    return {one.address: one.status for one in store.accounts.senders(account_id)}


def test_a_requested_sender_cannot_send_and_hears_no_stop_until_it_is_approved(
    builder: StoreBuilder, other: AccountView
) -> None:
    store = builder.store
    for _ in range(2):
        view = store.senders.request(other.id, NUMBER, NOW)
        assert view == SenderView(NUMBER, "long_code", False, status="requested")
    assert builder.owners(NUMBER) == []
    (request,) = store.senders.requests()
    assert (request.account_name, request.address, request.created_at) == ("other", NUMBER, NOW)
    for _ in range(2):
        view = store.senders.approve(other.id, NUMBER, NOW)
        assert (view.active, view.status) == (True, "approved")
    assert builder.owners(NUMBER) == [other.id]
    assert store.senders.requests() == []
    # An own sender stays what it is.
    assert store.senders.request(other.id, NUMBER, NOW).status == "approved"


def test_an_address_of_another_account_is_refused_in_any_case_of_its_letters(
    builder: StoreBuilder, other: AccountView
) -> None:
    store = builder.store
    store.accounts.add_sender(builder.account_id, "GODWIT", NOW)
    for address in (SENDER, "GODWIT", "Godwit"):
        with pytest.raises(SenderTaken, match="belongs to another account"):
            store.accounts.add_sender(other.id, address, NOW)
        with pytest.raises(SenderTaken):
            store.senders.request(other.id, address, NOW)
    with pytest.raises(SenderTaken):
        store.accounts.create("third", NOW, senders=[SENDER])
    assert store.accounts.show("third") is None
    assert addresses(store, other.id) == {}
    # A name of our own may be written in both ways; the address is ours until both are gone.
    store.accounts.add_sender(builder.account_id, "Godwit", NOW)
    assert store.senders.remove(builder.account_id, "GODWIT")
    with pytest.raises(SenderTaken):
        store.accounts.add_sender(other.id, "GODWIT", NOW)
    assert store.senders.remove(builder.account_id, "Godwit")
    store.accounts.add_sender(other.id, "GODWIT", NOW)


def test_a_number_of_the_pool_is_nobodys_sender(builder: StoreBuilder, other: AccountView) -> None:
    store = builder.store
    store.senders.request(other.id, NUMBER, NOW)
    # A request keeps nothing from the operator.
    assert store.leases.add_number(NUMBER, "US", NOW)
    with pytest.raises(SenderTaken):
        store.senders.approve(other.id, NUMBER, NOW)
    with pytest.raises(SenderTaken):
        store.accounts.add_sender(other.id, NUMBER, NOW)
    assert store.leases.remove_number(NUMBER)
    assert store.senders.approve(other.id, NUMBER, NOW).active
    with pytest.raises(StoreError, match="is a sender of an account"):
        store.leases.add_number(NUMBER, "US", NOW)


def test_what_nobody_requested_cannot_be_approved(
    builder: StoreBuilder, other: AccountView
) -> None:
    with pytest.raises(StoreError, match="did not request"):
        builder.store.senders.approve(other.id, NUMBER, NOW)
    builder.store.senders.request(other.id, NUMBER, NOW)
    assert builder.store.senders.remove(other.id, NUMBER)
    with pytest.raises(StoreError, match="did not request"):
        builder.store.senders.approve(other.id, NUMBER, NOW)


def test_requests_that_wait_are_bounded(builder: StoreBuilder, other: AccountView) -> None:
    request = builder.store.senders.request
    for number in range(REQUESTS_MAX):
        request(other.id, f"+1800555{number:04d}", NOW)
    with pytest.raises(StoreError, match="wait for approval already"):
        request(other.id, NUMBER, NOW)
    assert len(addresses(builder.store, other.id)) == REQUESTS_MAX


def test_of_accounts_and_the_pool_that_want_one_number_at_once_one_gets_it(
    any_store: Store, rival_store: Store
) -> None:
    stores = (any_store, rival_store)
    accounts = [any_store.accounts.create(f"racer {number}", NOW)[0].id for number in range(6)]
    for account_id in accounts[3:]:
        any_store.senders.request(account_id, NUMBER, NOW)

    def want(runner: int) -> bool:
        store = stores[runner % 2]
        try:
            if runner == 6:
                return store.leases.add_number(NUMBER, None, NOW)
            give = store.accounts.add_sender if runner < 3 else store.senders.approve
            return give(accounts[runner], NUMBER, NOW).active
        except StoreError:
            return False

    assert sum(race(7, want)) == 1
    holders = len(StoreBuilder(any_store, accounts[0]).owners(NUMBER)) + len(
        any_store.leases.pool(NOW)
    )
    assert holders == 1


@pytest.mark.parametrize("status", ["queued", "retryable", "sending", "unknown"])
def test_g2_a_sender_is_not_removed_while_a_message_may_still_leave_from_it(
    builder: StoreBuilder, status: str
) -> None:
    store, campaign = builder.store, builder.admit(3)
    builder.execute("UPDATE message SET status = :status WHERE position = 1", status=status)
    builder.execute("UPDATE message SET status = 'delivered' WHERE position <> 1")
    with pytest.raises(SenderInUse, match=r"1 message waits to leave from \+18005559876"):
        store.senders.remove(builder.account_id, SENDER)
    assert addresses(store, builder.account_id)[SENDER] == "approved"
    builder.execute("UPDATE campaign SET status = 'finished' WHERE id = :id", id=campaign)
    assert store.senders.remove(builder.account_id, SENDER)


def test_g2_a_draft_and_a_paused_campaign_hold_their_sender_and_a_cancelled_one_does_not(
    builder: StoreBuilder, other: AccountView
) -> None:
    store, draft = builder.store, builder.save(2)
    with pytest.raises(SenderInUse, match="2 messages wait"):
        store.senders.remove(builder.account_id, SENDER)
    for status in ("scheduled", "paused"):
        builder.execute(
            "UPDATE campaign SET status = :status WHERE id = :id", status=status, id=draft
        )
        with pytest.raises(SenderInUse):
            store.senders.remove(builder.account_id, SENDER)
    # Another account's request for it is not what the messages leave from.
    builder.execute(
        "INSERT INTO sender (account_id, address, kind, active, status, created_at) "
        "VALUES (:account, :address, 'long_code', FALSE, 'requested', 0)",
        account=other.id,
        address=SENDER,
    )
    assert store.senders.remove(other.id, SENDER)
    store.campaigns.refuse(draft, [], NOW)
    builder.execute("UPDATE campaign SET status = 'cancelled' WHERE id = :id", id=draft)
    assert store.senders.remove(builder.account_id, SENDER)


def test_g2_a_number_of_the_pool_is_not_removed_while_a_message_waits_to_leave_from_it(
    builder: StoreBuilder,
) -> None:
    store, campaign = builder.store, builder.admit(1)
    assert store.leases.add_number(NUMBER, "US", NOW)
    builder.execute("UPDATE message SET sender = :number", number=NUMBER)
    with pytest.raises(SenderInUse):
        store.leases.remove_number(NUMBER)
    assert builder.value("SELECT count(*) FROM pool_number") == 1
    builder.execute("UPDATE message SET status = 'sent' WHERE campaign_id = :id", id=campaign)
    assert store.leases.remove_number(NUMBER)


def test_what_waits_is_counted_by_sender_whatever_its_case(builder: StoreBuilder) -> None:
    store, campaign = builder.store, builder.admit(3)
    builder.execute("UPDATE message SET sender = 'Shop' WHERE position = 0")
    builder.execute("UPDATE message SET sender = 'SHOP' WHERE position = 1")
    assert store.senders.waiting(builder.account_id) == {"shop": 2, SENDER: 1}
    assert store.senders.waiting("another") == {}
    builder.execute("UPDATE message SET status = 'sent' WHERE campaign_id = :id", id=campaign)
    assert store.senders.waiting(builder.account_id) == {}
