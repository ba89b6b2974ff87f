"""Inbound texts as they are kept and forwarded."""

from dataclasses import replace

import pytest

from campaign.handoffs import Inbound
from campaign.inbound import InboundMessage, forwarded_text, inbound_id

URLS = ("https://media.example/1.jpg", "https://media.example/2.jpg")
MESSAGE = InboundMessage("rpl_1", "acc_1", "+14155550123", "+18005559876", "Yes", 1_000)
TEXT = Inbound("+14155550123", "+18005559876", "Yes", 1_000)


@pytest.mark.parametrize(
    ("body", "urls", "text"),
    [
        ("Yes", (), "+14155550123: Yes"),
        ("Yes", URLS[:1], "+14155550123: Yes https://media.example/1.jpg"),
        ("", URLS, "+14155550123: https://media.example/1.jpg https://media.example/2.jpg"),
        ("a\x07b", (), "+14155550123: a?b"),
    ],
)
def test_a_forwarded_text_names_its_writer_and_its_pictures(
    body: str, urls: tuple[str, ...], text: str
) -> None:
    assert forwarded_text(replace(MESSAGE, body=body, media_urls=urls), 1_600) == text


def test_a_forwarded_text_that_is_cut_says_so() -> None:
    long = replace(MESSAGE, body="x" * 5_000)
    assert forwarded_text(long, 1_600) == f"+14155550123: {'x' * 1_583}..."
    whole = replace(MESSAGE, body="x" * 1_586)
    assert forwarded_text(whole, 1_600) == f"+14155550123: {'x' * 1_586}"
    pictured = forwarded_text(replace(long, media_urls=URLS[:1]), 1_600)
    assert len(pictured) == 1_600 and pictured.endswith("x... https://media.example/1.jpg")
    many = replace(long, media_urls=(f"https://media.example/{'y' * 2_000}", *URLS))
    assert forwarded_text(many, 1_600).endswith(f"x... {URLS[0]} {URLS[1]}")
    assert len(forwarded_text(many, 1_600)) == 1_600


@pytest.mark.parametrize(("body", "blank"), [("", True), (" \u200b\n", True), ("a", False)])
def test_a_text_of_nothing_visible_is_blank_unless_it_has_pictures(body: str, blank: bool) -> None:
    message = replace(MESSAGE, body=body)
    assert message.is_blank == blank
    assert not replace(message, media_urls=URLS).is_blank


def test_the_id_of_the_carrier_decides_and_else_content_and_time() -> None:
    def id_of(text: Inbound, account_id: str = "a", carrier: str = "twilio") -> str:
        return inbound_id(account_id, carrier, text, text.sender, text.to)

    named = replace(TEXT, carrier_id="SM1")
    assert id_of(named) == id_of(replace(named, body="No", at=2_000))
    assert len({id_of(named), id_of(named, "b"), id_of(named, carrier="vonage"), id_of(TEXT)}) == 4
    assert id_of(TEXT) == id_of(replace(TEXT)) != id_of(replace(TEXT, at=1_001))
    assert id_of(TEXT) != id_of(replace(TEXT, body="No"))
    assert id_of(TEXT) != id_of(replace(TEXT, media_urls=URLS))
