"""Leased numbers: one for each wish, five to a recipient, thirty days, and fair in a race."""

import pytest

from campaign.instants import DAY, SECOND, Instant
from campaign.leases import LEASE_FOR, LeaseRequest, NoLease
from store.accounts.accounts import AccountView
from store.database.engine import StoreError
from store.store import Store
from tests.store.builders import NOW, SENDER
from tests.store.racing import race

POOL = [f"+6149900999{digit}" for digit in range(8)]
ALICE = "+61488023555"
BOB = "+61488023556"


def lease_request(
    recipient: str = ALICE, options: str = "none", at: Instant = NOW, country: str | None = None
) -> LeaseRequest:
    """A number wanted for thirty days."""
    return LeaseRequest(recipient, options, at + LEASE_FOR, country)


def fill(store: Store, numbers: int = len(POOL)) -> None:
    """Put numbers into the pool."""
    for number in POOL[:numbers]:
        assert store.leases.add_number(number, "AU", NOW)


def claim(
    store: Store, account: AccountView, *lease_requests: LeaseRequest, at: Instant = NOW
) -> list[str]:
    """Claim, and say what came of each wish."""
    return [str(found) for found in store.leases.claim(account.id, lease_requests, at)]


@pytest.fixture
def other(any_store: Store) -> AccountView:
    """A second account."""
    return any_store.accounts.create("other", 0)[0]


def test_the_same_wish_gets_the_same_number_again(any_store: Store, account: AccountView) -> None:
    fill(any_store)
    first, bobs, second = claim(
        any_store, account, lease_request(), lease_request(BOB), lease_request()
    )
    assert first == second and {first, bobs} <= set(POOL)
    assert claim(any_store, account, lease_request(at=NOW + DAY), at=NOW + DAY) == [first]


def test_accounts_never_share_a_number_towards_one_recipient(
    any_store: Store, account: AccountView, other: AccountView
) -> None:
    fill(any_store, 2)
    mine, theirs = (
        claim(any_store, account, lease_request())[0],
        claim(any_store, other, lease_request())[0],
    )
    assert {mine, theirs} == set(POOL[:2])
    lease = any_store.leases.holder(mine, ALICE, NOW)
    assert lease is not None and lease.account_id == account.id
    assert any_store.leases.holder(mine, BOB, NOW) is None
    assert any_store.leases.holder(SENDER, ALICE, NOW) is None


def test_a_lease_ends_after_thirty_days_to_the_millisecond(
    any_store: Store, account: AccountView, other: AccountView
) -> None:
    fill(any_store, 1)
    (number,) = claim(any_store, account, lease_request())
    last = NOW + LEASE_FOR - 1
    assert claim(any_store, other, lease_request(at=last), at=last) == [NoLease.NONE_FREE]
    assert any_store.leases.holder(number, ALICE, last) is not None
    assert any_store.leases.holder(number, ALICE, last + 1) is None
    assert claim(any_store, other, lease_request(at=last + 1), at=last + 1) == [number]
    lease = any_store.leases.holder(number, ALICE, last + 1)
    assert lease is not None and lease.account_id == other.id


def test_use_renews_a_lease_and_never_shortens_it(any_store: Store, account: AccountView) -> None:
    fill(any_store, 1)
    later = NOW + 20 * DAY
    (number,) = claim(any_store, account, lease_request())
    claim(any_store, account, lease_request(at=later), at=later)
    claim(any_store, account, lease_request(), at=later + SECOND)
    lease = any_store.leases.holder(number, ALICE, later)
    assert lease is not None and lease.expires_at == later + LEASE_FOR


def test_a_batch_that_wants_a_number_twice_has_it_for_the_longer(
    any_store: Store, account: AccountView
) -> None:
    fill(any_store)
    lease_requests = [lease_request(at=NOW + days * DAY) for days in (0, 9, 3)]
    (number,) = set(claim(any_store, account, *lease_requests))
    lease = any_store.leases.holder(number, ALICE, NOW)
    assert lease is not None and lease.expires_at == NOW + 9 * DAY + LEASE_FOR


def test_the_sixth_lease_to_one_recipient_is_refused(
    any_store: Store, account: AccountView, other: AccountView
) -> None:
    fill(any_store)
    lease_requests = [lease_request(options=str(number)) for number in range(6)]
    *five, sixth, _ = claim(any_store, account, *lease_requests, lease_request(BOB))
    assert len(set(five)) == 5 and sixth == NoLease.LIMIT
    assert claim(any_store, account, *lease_requests) == [*five, NoLease.LIMIT]
    assert claim(any_store, other, lease_request())[0] in set(POOL) - set(five)
    ended = NOW + LEASE_FOR
    assert claim(any_store, account, lease_request(options="5", at=ended), at=ended)[0] in POOL


def test_without_a_free_number_there_is_no_lease(any_store: Store, account: AccountView) -> None:
    assert claim(any_store, account, lease_request()) == [NoLease.NONE_FREE]
    fill(any_store, 1)
    lease_requests = [lease_request(), lease_request(options="other"), lease_request(BOB)]
    assert claim(any_store, account, *lease_requests) == [POOL[0], NoLease.NONE_FREE, POOL[0]]


def test_a_number_of_the_recipients_country_is_preferred(
    any_store: Store, account: AccountView
) -> None:
    fill(any_store)
    any_store.leases.add_number("+14155550100", "US", NOW)
    lease_requests = [lease_request(f"+141555502{index:02d}", country="US") for index in range(5)]
    assert set(claim(any_store, account, *lease_requests)) == {"+14155550100"}
    assert claim(any_store, account, lease_request("+447400123456", country="GB"))[0].startswith(
        "+"
    )


def test_recipients_are_spread_over_the_pool(any_store: Store, account: AccountView) -> None:
    fill(any_store)
    found = claim(any_store, account, *(lease_request(f"+6148802{n:04d}") for n in range(200)))
    assert min(found.count(number) for number in POOL) > 5
    assert sum(view.leases for view in any_store.leases.pool(NOW)) == 200


@pytest.mark.parametrize("address", ["61499009990", "72345", "GODWIT", "+1", ""])
def test_only_whole_numbers_go_into_the_pool(any_store: Store, address: str) -> None:
    with pytest.raises(StoreError):
        any_store.leases.add_number(address, None, NOW)
    assert any_store.leases.pool(NOW) == []


def test_a_sender_of_an_account_cannot_be_shared(any_store: Store, account: AccountView) -> None:
    with pytest.raises(StoreError):
        any_store.leases.add_number(SENDER, "US", NOW)


def test_a_number_is_added_once_and_takes_its_leases_along(
    any_store: Store, account: AccountView
) -> None:
    fill(any_store, 2)
    assert not any_store.leases.add_number(POOL[0], "AU", NOW)
    (number,) = claim(any_store, account, lease_request())
    assert any_store.leases.remove_number(number)
    assert not any_store.leases.remove_number(number)
    assert any_store.leases.holder(number, ALICE, NOW) is None
    assert claim(any_store, account, lease_request()) == [
        view.number for view in any_store.leases.pool(NOW)
    ]


def test_equal_wishes_at_once_get_one_lease(
    any_store: Store, rival_store: Store, account: AccountView
) -> None:
    fill(any_store)
    stores = (any_store, rival_store)
    found = race(12, lambda runner: claim(stores[runner % 2], account, lease_request())[0])
    assert len(set(found)) == 1 and found[0] in POOL


def test_of_ten_different_wishes_at_once_exactly_five_are_granted(
    any_store: Store, rival_store: Store, account: AccountView
) -> None:
    fill(any_store)
    stores = (any_store, rival_store)
    found = race(
        10, lambda runner: claim(stores[runner % 2], account, lease_request(options=str(runner)))[0]
    )
    granted = [number for number in found if number in POOL]
    assert len(granted) == len(set(granted)) == 5
    assert found.count(NoLease.LIMIT) == 5


def test_accounts_that_race_for_one_number_do_not_both_get_it(
    any_store: Store, rival_store: Store
) -> None:
    fill(any_store, 1)
    accounts = [any_store.accounts.create(f"racer {number}", 0)[0] for number in range(6)]
    stores = (any_store, rival_store)
    found = race(6, lambda runner: claim(stores[runner % 2], accounts[runner], lease_request())[0])
    assert sorted(found) == sorted([POOL[0], *[NoLease.NONE_FREE] * 5])


def test_batches_in_opposite_order_do_not_block_each_other(
    any_store: Store, rival_store: Store, account: AccountView
) -> None:
    fill(any_store)
    lease_requests = [lease_request(f"+6148802{n:04d}") for n in range(60)]
    orders = (lease_requests, lease_requests[::-1])
    stores = (any_store, rival_store)
    found = race(4, lambda runner: claim(stores[runner % 2], account, *orders[runner % 2]))
    assert found[0] == found[1][::-1] == found[2]


def test_a_number_may_leave_the_pool_while_it_is_being_leased(
    any_store: Store, rival_store: Store, account: AccountView
) -> None:
    fill(any_store, 3)
    leaving = POOL[0]

    def run(runner: int) -> object:
        if runner == 0:
            return rival_store.leases.remove_number(leaving)
        return claim(
            any_store, account, *(lease_request(f"+61488{runner}{n:04d}") for n in range(30))
        )

    found = race(4, run)
    assert found[0] is True
    assert all(set(numbers) <= set(POOL[:3]) for numbers in found[1:])  # type: ignore[call-overload]
    assert {view.number for view in any_store.leases.pool(NOW)} == set(POOL[1:3])
    assert any_store.leases.holder(leaving, "+6148810000", NOW) is None


def domestic(recipient: str, country: str, options: str = "none") -> LeaseRequest:
    """A number of the recipient's country, and no other."""
    return LeaseRequest(recipient, options, NOW + LEASE_FOR, country, domestic=True)


def test_where_only_a_domestic_number_will_do_one_from_abroad_is_no_number(
    any_store: Store, account: AccountView
) -> None:
    fill(any_store)
    ann, bea, cid = "+14155550100", "+17875550100", "+18765550100"
    wanted = [domestic(ann, "US"), domestic(bea, "PR"), domestic(cid, "JM")]
    assert claim(any_store, account, *wanted) == [NoLease.NONE_FREE] * 3
    # A number from abroad that the account had from before is not used again.
    foreign = LeaseRequest(ann, "none", NOW + LEASE_FOR, "US")
    assert claim(any_store, account, foreign)[0] in POOL
    assert any_store.leases.add_number("+18005550123", "US", NOW)
    # Territories take the numbers of their country.
    expected = ["+18005550123", "+18005550123", NoLease.NONE_FREE]
    assert claim(any_store, account, *wanted) == expected
    assert claim(any_store, account, *wanted) == expected
