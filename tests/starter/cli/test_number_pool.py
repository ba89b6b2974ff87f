"""``godwit sender pool``: numbers for everybody to lease."""

import pytest

from campaign.leases import LeaseRequest
from campaign.settings import Settings
from starter.embedded.demo_account import DEMO_POOL, prepare
from store.store import Store, open_store
from tests.starter.cli.conftest import SECRET, CommandLine

NUMBERS = ("+61491570154", "+61491570155")
FAR = 10**15


def test_numbers_are_added_listed_and_removed(godwit: CommandLine, store: Store) -> None:
    result = godwit("sender", "pool", "add", "+61 491 570 154", NUMBERS[1])
    assert result.out.splitlines() == [f"{number} added" for number in NUMBERS]
    assert (
        godwit("sender", "pool", "add", NUMBERS[0]).out == f"{NUMBERS[0]} is already in the pool\n"
    )
    account = store.accounts.show("acme")
    assert account is not None
    store.leases.claim(account.id, [LeaseRequest("+61488023555", "", FAR)], 0)
    assert sum(one["leases"] for one in godwit("sender", "pool", "list", "--json").json) == 1
    for number in NUMBERS:
        assert f"{number}  AU" in godwit("sender", "pool", "list").out
        assert godwit("sender", "pool", "remove", number).out == "removed\n"
    assert godwit("sender", "pool", "list").out == ""
    assert godwit("sender", "pool", "remove", number).fault == f"{number} is not in the pool"


@pytest.mark.parametrize("number", ["72345", "GODWIT", "+1"])
def test_what_is_no_number_is_refused(godwit: CommandLine, number: str) -> None:
    assert "is not a number: give" in godwit("sender", "pool", "add", number).fault
    assert godwit("sender", "pool", "list", "--json").json == []


def test_a_sender_of_an_account_is_not_shared(godwit: CommandLine) -> None:
    result = godwit("sender", "pool", "add", "+18005559876")
    assert result.fault == "+18005559876 is a sender of an account"


def test_a_fresh_stack_has_numbers_to_lease_and_leaves_the_pool_alone_later(
    bare: CommandLine,
) -> None:
    settings = Settings(
        database_url=bare.environment["GODWIT_DATABASE_URL"],
        secret_key=SECRET,  # type: ignore[arg-type]
    )
    account, _ = prepare(settings)
    store = open_store(settings)
    assert [view.number for view in store.leases.pool(0)] == list(DEMO_POOL)
    store.leases.remove_number(DEMO_POOL[0])
    assert prepare(settings)[0].id == account.id
    assert len(store.leases.pool(0)) == len(DEMO_POOL) - 1
    store.close()
