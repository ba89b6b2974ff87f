"""Addresses of media."""

import pytest

from campaign.model import DraftRecipient
from campaign.refusals import SHOWN_MAX, RefusalCode
from campaign.rules.media import check, fault_of
from campaign.web_addresses import LENGTH_MAX, ascii_address, is_web_address
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


def test_a_name_sends_no_media() -> None:
    people = [
        DraftRecipient(number(0), media_url="https://media.example/cat.gif"),
        DraftRecipient(number(1)),
        DraftRecipient(number(2), media_url="https://media.example/cat.gif", sender="72345"),
    ]
    assert result(check(unchecked(draft(people, sender="GODWIT")))) == [
        (RefusalCode.SENDER_INVALID, "recipients[0].sender")
    ]


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("https://media.example/ü.png", "https://media.example/%C3%BC.png"),
        ("https://exämple.example/a.png", "https://xn--exmple-cua.example/a.png"),
        ("https://ex.example:8443/a?b=é#ü", "https://ex.example:8443/a?b=%C3%A9#%C3%BC"),
        ("https://b.example/cbü%20x", "https://b.example/cb%C3%BC%20x"),
        ("HTTPS://B.example/A", "HTTPS://B.example/A"),
        ("https://b.example/a%zz.png", None),
        ("https://b.example/ü%2", None),
        ("https://b..example/a", None),
        ("https://\u200d.example/a", None),
        ("https://b.example/" + "ü" * 400, None),
    ],
)
def test_an_address_is_written_in_ascii_or_is_none(url: str, written: str | None) -> None:
    assert ascii_address(url) == written


@pytest.mark.parametrize("content_type", ["image/jpg", "audio/mp3", "IMAGE/PJPEG; q=1"])
def test_other_names_of_a_type_are_taken(content_type: str) -> None:
    assert fault_of(200, content_type, 10) is None


def test_a_readable_number_of_faults_is_told() -> None:
    assert len(list(check(unchecked(draft(recipients(100, media_url="cat.gif")))))) == SHOWN_MAX
