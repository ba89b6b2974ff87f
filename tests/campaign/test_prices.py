"""Prices by kind, country and segments, read from a file that is checked when a process starts."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from campaign.credits import MessageKind, Price
from campaign.prices import STANDARD_PRICES, BadPrices, read_prices
from campaign.settings import Settings

SMS, MMS = MessageKind.SMS, MessageKind.MMS
FILE = """
[default]
sms = { sms = 3 }

[countries.GB]
sms = { sms = 1, sms_per_segment = 2 }

[countries.FR]
mms = { mms = 4 }
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    written = tmp_path / "prices.toml"
    written.write_text(FILE)
    return written


@pytest.mark.parametrize(
    ("kind", "country", "segments", "price"),
    [
        (SMS, "US", 1, Price(sms=3)),
        (SMS, None, 4, Price(sms=3)),
        (SMS, "GB", 1, Price(sms=3)),
        (SMS, "GB", 3, Price(sms=7)),
        # What the file leaves out is as in the default, and there as standard.
        (MMS, "GB", 3, Price(sms=1, mms=1)),
        (SMS, "FR", 2, Price(sms=3)),
        (MMS, "FR", 2, Price(mms=4)),
    ],
)
def test_a_file_has_prices_by_country_and_segments(
    path: Path, kind: MessageKind, country: str | None, segments: int, price: Price
) -> None:
    assert read_prices(path).price_of(kind, country, segments) == price


def test_without_a_file_a_message_costs_the_same_whatever_its_segments_and_country() -> None:
    for settings in (Settings(), Settings(prices_file="")):  # type: ignore[arg-type]
        assert settings.prices_file is STANDARD_PRICES
    assert STANDARD_PRICES.price_of(SMS, "GB", 5) == Price(sms=2)
    assert STANDARD_PRICES.own_price_of(SMS, "GB", 5) is None


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("[default\n", "at line 1"),
        ("[default]\nsms = { sms = 1.5 }", "default.sms.sms: Input should be a valid integer"),
        ("[default]\nsms = { sms = true }", "default.sms.sms"),
        ("[default]\nsms = { sms = -1 }", "default.sms.sms: Input should be greater"),
        ("[default]\nsms = { sms = 100001 }", "default.sms.sms: Input should be less"),
        ("[default]\nfax = { sms = 1 }", "default.fax: there is no such key"),
        ("[countries.GB]\nsms = { per_segment = 1 }", "countries.GB.sms.per_segment: there is no"),
        ("[countries.UK]\nsms = { sms = 1 }", "countries.UK: must be an ISO 3166 code"),
        ("[countries]\nGB = 3", "countries.GB: "),
        ("prices = 3", "prices: there is no such key"),
    ],
)
def test_a_fault_is_named_with_the_file_its_place_and_the_reason(
    path: Path, written: str, fault: str
) -> None:
    path.write_text(written)
    with pytest.raises(BadPrices) as caught:
        read_prices(path)
    assert f"{path}: " in str(caught.value) and fault in str(caught.value)


def test_a_process_with_a_wrong_or_missing_file_does_not_start(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GODWIT_PRICES_FILE", str(path))
    assert Settings().prices_file.price_of(SMS, "GB", 2) == Price(sms=5)
    path.write_bytes(b"\xff")
    with pytest.raises(ValidationError, match="is not UTF-8"):
        Settings()
    path.unlink()
    with pytest.raises(ValidationError, match="No such file"):
        Settings()
