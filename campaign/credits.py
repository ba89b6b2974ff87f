"""Prices of messages in two kinds of credits (seed 001_e4b73310653b3e59.txt, "Credits")."""

from dataclasses import dataclass
from enum import StrEnum

from campaign.refusals import Refusal, RefusalCode


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


@dataclass(frozen=True, slots=True)
class CreditsMax:
    """The most that a campaign may cost in credits of each kind; None for no limit."""

    sms: int | None = None
    mms: int | None = None

    def fault_of(self, price: Price) -> Refusal | None:
        """The refusal of a campaign that would cost more, with its price; None if it fits."""
        over = [
            f"{price.of(kind):,} {kind.value.upper()} credits, more than {most:,}"
            for kind, most in ((CreditKind.SMS, self.sms), (CreditKind.MMS, self.mms))
            if most is not None and price.of(kind) > most
        ]
        if not over:
            return None
        return Refusal(
            RefusalCode.CREDITS_MAX_EXCEEDED,
            f"the campaign would cost {' and '.join(over)}",
            "creditsMax",
            {"sms": price.sms, "mms": price.mms},
        )


NO_CREDITS_MAX = CreditsMax()
# The standard prices: one message and one number lookup each; the lookup costs SMS credits.
PRICES: dict[MessageKind, Price] = {
    MessageKind.SMS: Price(sms=2),
    MessageKind.MMS: Price(sms=1, mms=1),
}
