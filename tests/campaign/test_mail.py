"""An address is judged as a mail's header reads it."""

import pytest

from campaign.mail import is_mailable


@pytest.mark.parametrize("address", ["a@b.com", "first.last+tag@b.example", "o'neil@b-c.example"])
def test_an_address_that_means_itself_is_mailable(address: str) -> None:
    assert is_mailable(address)


@pytest.mark.parametrize(
    "address",
    [
        "=?utf-8?q?x?=@b.com",
        "=?utf-8?q??=@b.com",
        "=?utf-8?b?eA==?=@b.com",
        "a..b@c.com",
        ".a@c.com",
        "a@b.com, c@d.com",
        "x <a@b.com>",
        "a@b.com\r\nBcc: c@d.com",
        "a@b",
        "",
    ],
)
def test_an_address_that_is_none_or_would_lead_elsewhere_is_not(address: str) -> None:
    assert not is_mailable(address)
