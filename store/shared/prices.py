"""The price of a message as SQL: its own one, or the standard one of its kind.

A message keeps the price at which it was held, so that another price file changes no books.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from campaign.credits import PRICES, CreditKind, MessageKind, Price


def price_sql(kind: CreditKind, message: str = "message") -> str:
    """The credits of one kind that a row of the table ``message`` costs."""
    standard = " ".join(f"WHEN '{each}' THEN {PRICES[each].of(kind)}" for each in MessageKind)
    return f"COALESCE({message}.credits_{kind}, CASE {message}.kind {standard} END)"


# What a statement selects or returns for ``price_of``.
PRICE_COLUMNS = ", ".join(f"{price_sql(kind)} AS credits_{kind}" for kind in CreditKind)
PRICE_SUMS = ", ".join(
    f"COALESCE(SUM({price_sql(kind)}), 0) AS credits_{kind}" for kind in CreditKind
)


def price_of(row: Row[Any]) -> Price:
    """The price in a row with ``PRICE_COLUMNS`` or ``PRICE_SUMS``."""
    return Price(int(row.credits_sms), int(row.credits_mms))


def price_values(price: Price | None) -> Mapping[str, int | None]:
    """The columns of a message's own price; both are empty for the standard one."""
    if price is None:
        return {"credits_sms": None, "credits_mms": None}
    return {"credits_sms": price.sms, "credits_mms": price.mms}


def own_price(row: Row[Any]) -> Price | None:
    """The own price in a whole row of ``message``, None where it has none."""
    return None if row.credits_sms is None else Price(row.credits_sms, row.credits_mms)
