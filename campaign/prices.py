"""What a message costs by kind, country and segments, and the file that an installation may have.

See docs/pricing.md for the file.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from campaign.credits import PRICES, MessageKind, Price
from campaign.phone import country_fault

# Keeps the price of a whole campaign far below what a column can hold.
CREDITS_MAX = 100_000
NOTHING = Price()
Credits = Annotated[int, Field(ge=0, le=CREDITS_MAX)]


@dataclass(frozen=True, slots=True)
class Tariff:
    """The price of one message, and what each of its segments costs besides."""

    message: Price
    segment: Price = NOTHING

    def of(self, segments: int) -> Price:
        """The price of a message of so many segments."""
        return self.message if self.segment == NOTHING else self.message + self.segment * segments


@dataclass(frozen=True, slots=True)
class PriceList:
    """The tariffs of an installation; a country without one has the default's."""

    default: Mapping[MessageKind, Tariff] = field(
        default_factory=lambda: {kind: Tariff(price) for kind, price in PRICES.items()}
    )
    countries: Mapping[tuple[str, MessageKind], Tariff] = field(default_factory=dict)

    def price_of(self, kind: MessageKind, country: str | None, segments: int) -> Price:
        """The price of one message; ``country`` is an ISO 3166 code, None where it is unknown."""
        tariff = self.countries.get((country, kind)) if country and self.countries else None
        return (tariff or self.default[kind]).of(segments)

    def own_price_of(self, kind: MessageKind, country: str | None, segments: int) -> Price | None:
        """The price of one message as a record has it: None for the standard one of its kind."""
        price = self.price_of(kind, country, segments)
        return None if price == PRICES[kind] else price


STANDARD_PRICES = PriceList()


class BadPrices(ValueError):
    """A price file is wrong; the text has the file, the place in it and the reason."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Tariff(_Table):
    sms: Credits = 0
    mms: Credits = 0
    sms_per_segment: Credits = 0
    mms_per_segment: Credits = 0

    def tariff(self) -> Tariff:
        return Tariff(Price(self.sms, self.mms), Price(self.sms_per_segment, self.mms_per_segment))


class _Tariffs(_Table):
    sms: _Tariff | None = None
    mms: _Tariff | None = None

    def tariffs(self) -> dict[MessageKind, Tariff]:
        given = {MessageKind.SMS: self.sms, MessageKind.MMS: self.mms}
        return {kind: one.tariff() for kind, one in given.items() if one is not None}


def _country(code: str) -> str:
    if (fault := country_fault(code)) is not None:
        raise ValueError(fault)
    return code


class _File(_Table):
    default: _Tariffs = _Tariffs()
    countries: dict[Annotated[str, AfterValidator(_country)], _Tariffs] = Field(
        default_factory=dict
    )


def read_prices(path: Path) -> PriceList:
    """Read a price file (TOML); what it leaves out has the standard price.

    Raises BadPrices with the file, the line or the key, and the reason, and if it cannot be read.
    """
    try:
        read = _File.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise BadPrices(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadPrices(f"{path}: is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise BadPrices(f"{path}: {error}") from None
    except ValidationError as error:
        raise BadPrices("; ".join(f"{path}: {fault}" for fault in _faults(error))) from None
    return PriceList(
        default={**STANDARD_PRICES.default, **read.default.tariffs()},
        countries={
            (country, kind): tariff
            for country, tariffs in read.countries.items()
            for kind, tariff in tariffs.tariffs().items()
        },
    )


def _faults(error: ValidationError) -> list[str]:
    """One line for each fault: the key with its tables, and what is wrong."""
    faults = []
    for fault in error.errors(include_input=False, include_url=False):
        key = ".".join(str(part) for part in fault["loc"] if part != "[key]")
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            message = "there is no such key"
        faults.append(f"{key}: {message}")
    return faults
