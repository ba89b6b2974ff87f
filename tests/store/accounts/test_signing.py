"""Signers in every state, and nonces that count once, on both databases."""

from functools import partial

import pytest
from sqlalchemy import text

from campaign.instants import DAY, HOUR, MINUTE
from store.accounts.accounts import AccountView
from store.accounts.api_keys import KeyPair
from store.accounts.signing import SWEEP_AFTER, SWEPT_MAX, Signing
from store.database.engine import StoreError
from store.database.secrets import Sealer
from store.store import Store
from tests.store.builders import NOW
from tests.store.racing import race

LATER = NOW + 30 * MINUTE


@pytest.fixture
def pair(any_store: Store, account: AccountView) -> KeyPair:
    """A key of the account."""
    return any_store.api_keys.create(account.id, NOW, ("create:BatchSMS",))


def left(store: Store) -> int:
    """How many nonces are remembered."""
    return store.database.read(
        lambda connection: int(connection.execute(text("SELECT count(*) FROM nonce")).scalar_one())
    )


def test_a_signer_is_the_key_with_its_secret(
    any_store: Store, account: AccountView, pair: KeyPair
) -> None:
    signer = any_store.signing.find(pair.key_id)
    assert signer is not None
    assert (signer.secret, signer.revoked, signer.suspended) == (pair.secret, False, False)
    assert signer.principal == any_store.api_keys.authenticate(pair.key_id, pair.secret)
    assert signer.principal.account_id == account.id


def test_a_revoked_key_and_a_suspended_account_are_still_found_and_say_so(
    any_store: Store, account: AccountView, pair: KeyPair
) -> None:
    any_store.api_keys.revoke(pair.key_id, NOW)
    any_store.accounts.update(account.id, active=False)
    signer = any_store.signing.find(pair.key_id)
    assert signer is not None
    assert (signer.secret, signer.revoked, signer.suspended) == (pair.secret, True, True)


@pytest.mark.parametrize("key_id", ["", "AK", "x" * 10_000, "AK\x00", "AK\ud800"])
def test_an_unknown_key_id_has_no_signer(any_store: Store, key_id: str) -> None:
    assert any_store.signing.find(key_id) is None


def test_a_secret_sealed_with_another_secret_key_cannot_be_read(
    any_store: Store, pair: KeyPair
) -> None:
    with pytest.raises(StoreError, match="GODWIT_SECRET_KEY"):
        Signing(any_store.database, Sealer("another secret")).find(pair.key_id)


def test_a_nonce_is_good_once_until_its_time_is_over(any_store: Store, pair: KeyPair) -> None:
    use = any_store.signing.use_nonce
    assert use(pair.key_id, "nonce-1", NOW, LATER)
    assert not use(pair.key_id, "nonce-1", NOW, LATER)
    assert not use(pair.key_id, "nonce-1", LATER - 1, LATER + MINUTE)
    assert use(pair.key_id, "nonce-2", NOW, LATER)
    assert use(pair.key_id, "nonce-1", LATER, LATER + MINUTE)
    assert not use(pair.key_id, "nonce-1", LATER, LATER + MINUTE)


def test_a_request_without_an_answer_may_use_its_nonce_again(
    any_store: Store, pair: KeyPair
) -> None:
    use, answer = any_store.signing.use_nonce, any_store.signing.answer
    assert use(pair.key_id, "nonce-1", NOW, LATER, "signature-1")
    assert use(pair.key_id, "nonce-1", NOW, LATER, "signature-1")
    assert not use(pair.key_id, "nonce-1", NOW, LATER, "signature-2")
    assert not use(pair.key_id, "nonce-1", NOW, LATER)
    answer(pair.key_id, "nonce-1", "signature-2")
    assert use(pair.key_id, "nonce-1", NOW, LATER, "signature-1")
    answer(pair.key_id, "nonce-1", "signature-1")
    assert not use(pair.key_id, "nonce-1", NOW, LATER, "signature-1")
    assert use(pair.key_id, "nonce-1", LATER, LATER + MINUTE, "signature-2")


def test_every_key_has_nonces_of_its_own(
    any_store: Store, account: AccountView, pair: KeyPair
) -> None:
    other = any_store.api_keys.create(account.id, NOW)
    assert any_store.signing.use_nonce(pair.key_id, "nonce-1", NOW, LATER)
    assert any_store.signing.use_nonce(other.key_id, "nonce-1", NOW, LATER)


def test_of_many_uses_at_once_exactly_one_counts(
    any_store: Store, rival_store: Store, pair: KeyPair
) -> None:
    stores = (any_store, rival_store)

    def use(nonce: str, number: int) -> bool:
        return stores[number % 2].signing.use_nonce(pair.key_id, nonce, NOW, LATER)

    for nonce in ("fresh", "used"):
        if nonce == "used":
            assert any_store.signing.use_nonce(pair.key_id, nonce, NOW - MINUTE, NOW)
        won = race(20, partial(use, nonce))
        assert won.count(True) == 1


def test_nonces_whose_time_is_over_are_cleared_away_a_few_at_a_time(
    any_store: Store, pair: KeyPair
) -> None:
    for number in range(SWEPT_MAX + 20):
        assert any_store.signing.use_nonce(pair.key_id, f"nonce-{number}", NOW, LATER)
    assert left(any_store) == SWEPT_MAX + 20
    swept = LATER + SWEEP_AFTER
    assert any_store.signing.use_nonce(pair.key_id, "later-0", swept - 1, swept)
    assert left(any_store) == SWEPT_MAX + 21
    assert any_store.signing.use_nonce(pair.key_id, "later-1", swept, swept + MINUTE)
    assert left(any_store) == 22
    assert any_store.signing.use_nonce(pair.key_id, "later-2", swept, swept + MINUTE)
    assert left(any_store) == 3


def test_a_process_whose_clock_is_ahead_lets_no_used_nonce_pass(
    any_store: Store, pair: KeyPair
) -> None:
    assert any_store.signing.use_nonce(pair.key_id, "nonce-1", NOW, LATER)
    for ahead in (HOUR, DAY):
        other = f"nonce-{ahead}"
        assert any_store.signing.use_nonce(pair.key_id, other, NOW + ahead, LATER + ahead)
    assert not any_store.signing.use_nonce(pair.key_id, "nonce-1", NOW + MINUTE, LATER + MINUTE)
