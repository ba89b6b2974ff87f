"""What messages cost."""

from hypothesis import given
from hypothesis import strategies as st

from campaign.credits import PRICES, CreditKind, MessageKind, Price, price_of

amounts = st.integers(0, 50_000)


def test_an_sms_costs_a_message_and_a_lookup() -> None:
    assert PRICES[MessageKind.SMS] == Price(sms=2, mms=0)


def test_an_mms_costs_its_message_in_the_other_ledger_and_a_lookup_in_sms_credits() -> None:
    assert PRICES[MessageKind.MMS] == Price(sms=1, mms=1)


def test_every_kind_of_message_has_a_price() -> None:
    assert set(PRICES) == set(MessageKind)


def test_a_mixed_campaign_is_paid_from_both_ledgers() -> None:
    price = price_of(sms_messages=10, mms_messages=3)
    assert (price.of(CreditKind.SMS), price.of(CreditKind.MMS)) == (23, 3)


@given(amounts, amounts, amounts, amounts)
def test_two_parts_of_a_campaign_cost_what_the_whole_does(a: int, b: int, c: int, d: int) -> None:
    assert price_of(a, b) + price_of(c, d) == price_of(a + c, b + d)


def test_a_thousand_messages_cost_a_thousand_prices() -> None:
    assert PRICES[MessageKind.SMS] * 1_000 == Price(sms=2_000)
    assert PRICES[MessageKind.MMS] * 1_000 == Price(sms=1_000, mms=1_000)


def test_nothing_costs_nothing() -> None:
    assert price_of(0, 0) == Price() == Price(0, 0)
