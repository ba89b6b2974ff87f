"""Sealed values are read by their own key only, and hashes tell nothing."""

import pytest
from cryptography.fernet import Fernet

from store.database.engine import StoreError
from store.database.secrets import Sealer


def test_a_sealed_value_reads_back_with_its_key_only() -> None:
    sealed = Sealer("one").seal("naïve €")
    assert "naïve" not in sealed
    assert Sealer("one").unseal(sealed) == "naïve €"
    with pytest.raises(StoreError, match="GODWIT_SECRET_KEY"):
        Sealer("two").unseal(sealed)


def test_a_changed_or_foreign_seal_is_refused() -> None:
    sealed = Sealer("one").seal("value")
    changed = sealed[:-5] + ("A" if sealed[-5] != "A" else "B") + sealed[-4:]
    foreign = Fernet(Fernet.generate_key()).encrypt(b"value").decode()
    for bad in (changed, foreign, "", "malformed"):
        with pytest.raises(StoreError):
            Sealer("one").unseal(bad)


def test_the_same_value_seals_differently_and_hashes_the_same() -> None:
    sealer = Sealer("one")
    assert sealer.seal("value") != sealer.seal("value")
    assert sealer.hash("value") == Sealer("one").hash("value")
    assert sealer.hash("value") != sealer.hash("Value")
    assert sealer.hash("value") != Sealer("two").hash("value")


@pytest.mark.parametrize("use", [lambda s: s.hash("x"), lambda s: s.seal("x")])
def test_without_a_secret_key_nothing_is_hashed_or_sealed(use: object) -> None:
    empty = Sealer("")
    with pytest.raises(StoreError, match="GODWIT_SECRET_KEY is not set"):
        use(empty)  # type: ignore[operator]
