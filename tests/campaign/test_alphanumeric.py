"""The table of countries without alphanumeric senders."""

import phonenumbers
import pytest
from pydantic import ValidationError

from campaign.alphanumeric import countries_without_names, home_of
from campaign.settings import Settings


def test_the_table_names_countries_that_there_are() -> None:
    found = countries_without_names()
    assert {"US", "CA", "PR", "JM", "CN", "BR"} <= found
    assert not {"GB", "AU", "DE", "FR"} & found
    assert found <= phonenumbers.SUPPORTED_REGIONS


def test_single_countries_can_be_changed() -> None:
    changed = countries_without_names(["JM=yes", "DE=no", "GB=yes"])
    assert changed ^ countries_without_names() == {"JM", "DE"}


def test_territories_have_the_numbers_of_their_country() -> None:
    assert (home_of("PR"), home_of("US"), home_of("JM"), home_of(None)) == ("US", "US", "JM", None)


def test_the_setting_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GODWIT_ALPHANUMERIC_SENDERS", "JM=yes, DE=no")
    assert Settings().alphanumeric_senders == ("JM=yes", "DE=no")
    for wrong in ("JM", "jm=yes", "JM=maybe", "JAM=yes"):
        monkeypatch.setenv("GODWIT_ALPHANUMERIC_SENDERS", wrong)
        with pytest.raises(ValidationError):
            Settings()
