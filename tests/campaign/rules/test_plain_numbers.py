"""Order numbers, codes and amounts are only numbers, whatever they are."""

import pytest

from campaign.rules import phishing, shaft

TEMPLATES = (
    "Order {n} has shipped",
    "Your order #{n} is ready for pick-up",
    "Your code is {n}. It expires in 10 minutes",
    "Table {n} wins a free dessert",
    "You saved ${n} with us this year",
    "Flight BA{n} now leaves from gate 12",
    "Hi {n}, your parcel {n} is here",
    "Meter reading {n} received, thank you",
)
# Every number that any list knows as a word of its own, and its neighbours.
NUMBERS = [*range(2_000), 4_200, 5_000, 8_814, 9_000, 14_880, 18_000, 42_069, 88_888, 123_456]


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_number_breaks_no_rule(template: str) -> None:
    for number in NUMBERS:
        text = template.format(n=number)
        assert shaft.classify(text) is None, text
        assert phishing.classify(text) is None, text
