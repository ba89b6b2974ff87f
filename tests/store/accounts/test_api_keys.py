"""One key pair opens the account in three ways until it is revoked; secrets are not stored."""

import pytest
from pydantic import SecretStr

from campaign.refusals import Refused
from campaign.settings import Settings
from store.database.engine import StoreError
from store.store import Store, open_store
from tests.store.builders import NOW, StoreBuilder
from tests.store.racing import race


def test_a_pair_authenticates_by_secret_and_by_bearer(builder: StoreBuilder) -> None:
    api_keys = builder.store.api_keys
    pair = api_keys.create(builder.account_id, NOW)
    principal = api_keys.authenticate(pair.key_id, pair.secret)
    assert principal is not None
    assert principal == api_keys.authenticate_bearer(pair.bearer)
    assert principal.account_id == builder.account_id
    assert (principal.key_id, principal.auto_key) == (pair.key_id, "random")
    assert (principal.strict_keys, principal.strict_uniform) == (False, False)


@pytest.mark.parametrize("wrong", ["", "x", "\x00", "é", "' OR 1=1 --"])
def test_a_wrong_id_secret_or_bearer_opens_nothing(builder: StoreBuilder, wrong: str) -> None:
    api_keys = builder.store.api_keys
    pair = api_keys.create(builder.account_id, NOW)
    assert api_keys.authenticate(pair.key_id, wrong) is None
    assert api_keys.authenticate(wrong, pair.secret) is None
    assert api_keys.authenticate(wrong, wrong) is None
    assert api_keys.authenticate_bearer(wrong) is None
    assert api_keys.authenticate_bearer(pair.bearer + wrong) is None or not wrong


def test_one_keys_secret_does_not_open_another_key(builder: StoreBuilder) -> None:
    api_keys = builder.store.api_keys
    first, second = (api_keys.create(builder.account_id, NOW) for _ in range(2))
    assert api_keys.authenticate(first.key_id, second.secret) is None


def test_a_revoked_key_dies_at_once_and_for_good(builder: StoreBuilder) -> None:
    api_keys = builder.store.api_keys
    pair, other = (api_keys.create(builder.account_id, NOW) for _ in range(2))
    assert api_keys.revoke(pair.key_id, NOW + 1)
    assert not api_keys.revoke(pair.key_id, NOW + 2)
    assert api_keys.authenticate(pair.key_id, pair.secret) is None
    assert api_keys.authenticate_bearer(pair.bearer) is None
    assert api_keys.reveal(pair.key_id) is None
    assert api_keys.authenticate(other.key_id, other.secret) is not None
    revoked = {view.key_id: view.revoked_at for view in api_keys.list(builder.account_id)}
    assert (revoked[pair.key_id], revoked[other.key_id]) == (NOW + 1, None)


def test_an_account_revokes_its_own_keys_only(builder: StoreBuilder) -> None:
    api_keys = builder.store.api_keys
    other, theirs = builder.store.accounts.create("other", NOW)
    assert not api_keys.revoke(theirs.key_id, NOW, builder.account_id)
    assert api_keys.authenticate(theirs.key_id, theirs.secret) is not None
    assert api_keys.revoke(theirs.key_id, NOW, other.id)


def test_a_key_revoked_by_many_at_once_is_revoked_once(
    any_store: Store, rival_store: Store, builder: StoreBuilder
) -> None:
    pair = any_store.api_keys.create(builder.account_id, NOW)
    stores = (any_store, rival_store)
    revoked = race(6, lambda runner: stores[runner % 2].api_keys.revoke(pair.key_id, NOW))
    assert sum(revoked) == 1


def test_a_switched_off_account_opens_for_nobody(builder: StoreBuilder) -> None:
    api_keys = builder.store.api_keys
    pair = api_keys.create(builder.account_id, NOW)
    builder.store.accounts.update(builder.account_id, active=False)
    assert api_keys.authenticate(pair.key_id, pair.secret) is None
    assert api_keys.authenticate_bearer(pair.bearer) is None
    builder.store.accounts.update(builder.account_id, active=True)
    assert api_keys.authenticate(pair.key_id, pair.secret) is not None


def test_a_key_may_what_it_was_given_and_no_more(builder: StoreBuilder) -> None:
    api_keys = builder.store.api_keys
    narrow = api_keys.create(builder.account_id, NOW, ("create:BatchSMS", "read:campaigns"))
    principal = api_keys.authenticate(narrow.key_id, narrow.secret)
    assert principal is not None
    assert principal.may("create:BatchSMS")
    assert not principal.may("create:Batch")
    assert not principal.may("admin")
    wide = api_keys.create(builder.account_id, NOW)
    everything = api_keys.authenticate_bearer(wide.bearer)
    assert everything is not None and everything.may("admin")


def test_keys_are_listed_oldest_first_without_secrets(any_store: Store) -> None:
    made, first = any_store.accounts.create("other", NOW)
    second = any_store.api_keys.create(made.id, NOW + 1, ("create:BatchSMS",))
    views = any_store.api_keys.list(made.id)
    assert [view.key_id for view in views] == [first.key_id, second.key_id]
    assert [tuple(view.permissions) for view in views] == [("*",), ("create:BatchSMS",)]
    for shown in map(repr, views):
        assert first.secret not in shown and first.bearer not in shown


def test_a_key_keeps_its_name_of_one_line(any_store: Store) -> None:
    made, first = any_store.accounts.create("other", NOW)
    named = any_store.api_keys.create(made.id, NOW + 1, ("*",), name="Zoë <b>")
    once = [
        any_store.api_keys.create_once(made.id, NOW + 2, ("*",), b"x", name="Reception")
        for _ in range(2)
    ]
    assert once[0][0] == once[1][0] and [is_new for _, is_new in once] == [True, False]
    with pytest.raises(Refused):
        any_store.api_keys.create_once(made.id, NOW + 3, ("*",), b"x", name="Back office")
    views = {view.key_id: view.name for view in any_store.api_keys.list(made.id)}
    assert views == {first.key_id: None, named.key_id: "Zoë <b>", once[0][0].key_id: "Reception"}
    principal = any_store.api_keys.authenticate_bearer(named.bearer)
    assert principal is not None and principal.key_name == "Zoë <b>"
    for wrong in ("", " ", "a\nb", "a\u202eb", "x" * 101):
        with pytest.raises(StoreError, match="one line"):
            any_store.api_keys.create(made.id, NOW, ("*",), name=wrong)


def test_neither_secret_nor_bearer_is_stored_in_clear(builder: StoreBuilder) -> None:
    pair = builder.store.api_keys.create(builder.account_id, NOW)
    row = builder.value(
        "SELECT secret_hash || bearer_hash || secret_sealed || permissions FROM api_key "
        "WHERE id = :key",
        key=pair.key_id,
    )
    assert pair.secret not in str(row) and pair.bearer not in str(row)
    assert builder.store.api_keys.reveal(pair.key_id) == pair


def test_another_secret_key_neither_finds_nor_reads_a_pair(
    any_settings: Settings, builder: StoreBuilder
) -> None:
    pair = builder.store.api_keys.create(builder.account_id, NOW)
    changed = Settings(database_url=any_settings.database_url, secret_key=SecretStr("another"))
    store = open_store(changed)
    assert store.api_keys.authenticate(pair.key_id, pair.secret) is None
    assert store.api_keys.authenticate_bearer(pair.bearer) is None
    with pytest.raises(StoreError, match="not the one this was sealed with"):
        store.api_keys.reveal(pair.key_id)
    store.close()
