"""A test takes over what one recipient would get, and nothing of when and under which key."""

import pytest

from campaign.credits import CreditKind, CreditsMax, Price
from campaign.model import Draft, DraftRecipient
from campaign.refusals import RefusalCode, Refused
from campaign.test_sends import test_of as make_test

RECIPIENTS = [
    DraftRecipient(to="+14155550100", text="first"),
    DraftRecipient(
        to="+14155550101", fields={"NAME": "Ann"}, key="k-1", scheduled_at=5, media_url="https://a"
    ),
]
DRAFT = Draft(
    account_id="acc_1",
    dialect="native",
    recipients=RECIPIENTS,
    text="Hi {{NAME}}",
    sender="SHOP",
    scheduled_at=7,
    spread_hours=3.0,
    key="order-7",
    exclude_opt_outs=False,
    sandbox=True,
)


def test_the_content_of_the_recipient_goes_to_every_number() -> None:
    test = make_test(DRAFT, 1, ["+14155550110", "+14155550111"])
    assert [one.to for one in test.recipients] == ["+14155550110", "+14155550111"]
    assert {one.media_url for one in test.recipients} == {"https://a"}
    assert all(one.fields == {"NAME": "Ann"} for one in test.recipients)
    assert (test.text, test.sender, test.sandbox, test.is_test) == (
        "Hi {{NAME}}",
        "SHOP",
        True,
        True,
    )


def test_it_leaves_at_once_without_keys_and_keeps_opt_outs() -> None:
    test = make_test(DRAFT, 1, ["+14155550110"])
    assert (test.scheduled_at, test.spread_hours, test.key) == (None, 0.0, None)
    assert test.exclude_opt_outs
    assert (test.recipients[0].key, test.recipients[0].scheduled_at) == (None, None)


@pytest.mark.parametrize("index", [-1, 2, 10**9])
def test_a_recipient_that_is_not_there_is_refused(index: int) -> None:
    with pytest.raises(Refused) as refused:
        make_test(DRAFT, index, ["+14155550110"])
    assert refused.value.refusals[0].place == "recipient"


@pytest.mark.parametrize(
    ("most", "price", "fits"),
    [
        (CreditsMax(), Price(10**9, 10**9), True),
        (CreditsMax(sms=10), Price(10, 5), True),
        (CreditsMax(sms=10), Price(11), False),
        (CreditsMax(sms=0), Price(2), False),
        (CreditsMax(mms=1), Price(100, 2), False),
    ],
)
def test_a_price_above_the_most_is_refused_and_named(
    most: CreditsMax, price: Price, fits: bool
) -> None:
    fault = most.fault_of(price)
    assert (fault is None) == fits
    if fault is not None:
        assert fault.code is RefusalCode.CREDITS_MAX_EXCEEDED
        assert fault.details == {kind.value: price.of(kind) for kind in CreditKind}
