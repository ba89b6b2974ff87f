"""Prices of messages in two kinds of credits (seed 001_e4b73310653b3e59.txt, "Credits")."""

from dataclasses import dataclass
from enum import StrEnum


class CreditKind(StrEnum):
    """The two ledgers of an account."""

    SMS = "sms"
    MMS = "mms"


class MessageKind(StrEnum):
    """A message with media is an MMS, every other one an SMS."""

    SMS = "sms"
    MMS = "mms"


@dataclass(frozen=True, slots=True)
class Price:
    """Whole credits of each kind."""

    sms: int = 0
    mms: int = 0

    def __add__(self, other: "Price") -> "Price":
        return Price(self.sms + other.sms, self.mms + other.mms)

    def __mul__(self, count: int) -> "Price":
        return Price(self.sms * count, self.mms * count)

    def of(self, kind: CreditKind) -> int:
        """The amount in one ledger."""
        return self.sms if kind is CreditKind.SMS else self.mms


# One message and one number lookup each; the lookup costs SMS credits.
PRICES: dict[MessageKind, Price] = {
    MessageKind.SMS: Price(sms=2),
    MessageKind.MMS: Price(sms=1, mms=1),
}


def price_of(sms_messages: int, mms_messages: int) -> Price:
    """The price of a number of messages of each kind."""
    return PRICES[MessageKind.SMS] * sms_messages + PRICES[MessageKind.MMS] * mms_messages
