"""A number is silent for one account from the moment it says so until it says otherwise."""

from store.store import Store
from tests.store.builders import NOW, SENDER, StoreBuilder, number
from tests.store.racing import race


def test_a_number_is_silenced_once_and_let_speak_once(builder: StoreBuilder) -> None:
    opt_outs = builder.store.opt_outs
    assert not opt_outs.contains(builder.account_id, number(1))
    assert opt_outs.add(builder.account_id, number(1), "inbound", NOW)
    assert not opt_outs.add(builder.account_id, number(1), "api", NOW + 1)
    assert opt_outs.contains(builder.account_id, number(1))
    (view,) = opt_outs.list(builder.account_id)
    assert (view.number, view.source, view.created_at) == (number(1), "inbound", NOW)
    assert opt_outs.remove(builder.account_id, number(1))
    assert not opt_outs.remove(builder.account_id, number(1))
    assert not opt_outs.contains(builder.account_id, number(1))


def test_those_of_many_numbers_that_are_opted_out_are_found_in_the_form_asked_for(
    builder: StoreBuilder,
) -> None:
    opt_outs = builder.store.opt_outs
    opt_outs.add(builder.account_id, "+447911123457", "api", NOW)
    asked = ["00447911123457", "+447911123457", number(1)]
    assert opt_outs.among(builder.account_id, asked) == set(asked[:2])
    assert opt_outs.among(builder.account_id, []) == set()


def test_one_accounts_opt_out_silences_no_other_account(builder: StoreBuilder) -> None:
    other, _ = builder.store.accounts.create("other", NOW)
    builder.store.opt_outs.add(builder.account_id, number(1), "inbound", NOW)
    assert not builder.store.opt_outs.contains(other.id, number(1))
    assert not builder.store.opt_outs.remove(other.id, number(1))


def test_a_stop_that_comes_many_times_at_once_counts_once(
    any_store: Store, rival_store: Store, builder: StoreBuilder
) -> None:
    stores = (any_store, rival_store)
    added = race(
        8,
        lambda runner: stores[runner % 2].opt_outs.add(
            builder.account_id, number(1), "inbound", NOW
        ),
    )
    assert sum(added) == 1


def test_pages_show_each_number_once_in_order(builder: StoreBuilder) -> None:
    for position in (5, 3, 9, 1, 7, 0, 8):
        builder.store.opt_outs.add(builder.account_id, number(position), "api", NOW)
    seen: list[str] = []
    while page := builder.store.opt_outs.list(
        builder.account_id, limit=3, after=seen[-1] if seen else None
    ):
        seen += [view.number for view in page]
    assert seen == [number(position) for position in (0, 1, 3, 5, 7, 8, 9)]


def test_an_inbound_text_is_news_for_every_account_that_sends_from_its_address(
    builder: StoreBuilder,
) -> None:
    other, _ = builder.store.accounts.create("other", NOW)
    # Stores have such rows from before an address had one owner.
    builder.execute(
        "INSERT INTO sender (account_id, address, kind, active, status, created_at) "
        "VALUES (:id, :sender, 'long_code', :on, 'approved', 0)",
        id=other.id,
        sender=SENDER,
        on=True,
    )
    assert set(builder.owners(SENDER)) == {builder.account_id, other.id}
    builder.execute(
        "UPDATE sender SET active = :off WHERE account_id = :id", off=False, id=other.id
    )
    assert builder.owners(SENDER) == [builder.account_id]
    assert builder.owners("+18005550000") == []
