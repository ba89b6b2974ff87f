"""Addresses of media."""

import pytest

from campaign.model import DraftRecipient
from campaign.refusals import SHOWN_MAX, RefusalCode
from campaign.rules.media import LENGTH_MAX, check, is_web_address
from tests.campaign.making import draft, number, recipients, result, unchecked


@pytest.mark.parametrize(
    "url",
    [
        "https://media.example/cat.gif",
        "http://media.example:8080/a.png?size=2#top",
        "HTTPS://MEDIA.EXAMPLE/A.PNG",
        "https://192.0.2.7/a.png",
        "https://[2001:db8::1]/a.png",
        "https://bücher.example/ä.png",
        "https://media.example",
        "https://media.example?" + "a" * 1_000,
        "https://" + "a." * 100 + "example/" + "a" * 1_000,
    ],
)
def test_an_absolute_web_address_is_one(url: str) -> None:
    assert is_web_address(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "media.example/cat.gif",
        "/cat.gif",
        "//media.example/cat.gif",
        "ftp://media.example/cat.gif",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "https://",
        "https:///cat.gif",
        "https://user:secret@media.example/cat.gif",
        "https://media.example@evil.example/cat.gif",
        "https://media.example:port/cat.gif",
        "https://media.example:99999/cat.gif",
        "https://[2001:db8::1/cat.gif",
        "https://media.example/a cat.gif",
        "https://media.example/\r\nHost: evil.example",
        "https://media.example\\@evil.example/",
        " https://media.example/cat.gif",
        "https://media.example/" + "a" * LENGTH_MAX,
        "https://" + "a." * 150 + "example/",
        "https://" + "\u0301\u0316" * 900 + ".example/",
    ],
)
def test_anything_else_is_no_web_address(url: str) -> None:
    assert not is_web_address(url)


def test_a_faulty_address_is_refused_where_it_stands() -> None:
    people = [
        DraftRecipient(number(0), media_url="https://media.example/cat.gif"),
        DraftRecipient(number(1)),
        DraftRecipient(number(2), media_url="cat.gif"),
    ]
    assert result(check(unchecked(draft(people)))) == [
        (RefusalCode.MEDIA_INVALID, "recipients[2].mediaUrl")
    ]


def test_a_readable_number_of_faults_is_told() -> None:
    assert len(list(check(unchecked(draft(recipients(100, media_url="cat.gif")))))) == SHOWN_MAX
