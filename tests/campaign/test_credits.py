"""What messages cost, unless an installation sets other prices."""

from campaign.credits import PRICES, MessageKind, Price


def test_an_sms_costs_a_message_and_a_lookup() -> None:
    assert PRICES[MessageKind.SMS] == Price(sms=2, mms=0)


def test_an_mms_costs_its_message_in_the_other_ledger_and_a_lookup_in_sms_credits() -> None:
    assert PRICES[MessageKind.MMS] == Price(sms=1, mms=1)


def test_every_kind_of_message_has_a_price() -> None:
    assert set(PRICES) == set(MessageKind)


def test_a_thousand_messages_cost_a_thousand_prices() -> None:
    assert PRICES[MessageKind.SMS] * 1_000 == Price(sms=2_000)
    assert PRICES[MessageKind.MMS] * 1_000 == Price(sms=1_000, mms=1_000)


def test_a_mixed_campaign_is_paid_from_both_ledgers() -> None:
    assert PRICES[MessageKind.SMS] * 10 + PRICES[MessageKind.MMS] * 3 == Price(sms=23, mms=3)
