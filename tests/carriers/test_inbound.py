"""Inbound texts of every carrier: their ids, their pictures, and what the carrier read in them."""

from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from campaign.handoffs import CarrierCall
from carriers import carrier_module
from carriers.callbacks import MEDIA_MAX, media_of, now
from tests.carriers.described import changed, result
from tests.carriers.descriptions import (
    ALL,
    kannel_inbound,
    postback_call,
    sinch_call,
    telnyx_call,
    twilio_call,
    vonage_call,
)

WRITER, OURS = "+14155551234", "+18005559876"
URL = "https://media.example/1.jpg"
Said = dict[str, object]


def twilio(said: Said) -> CarrierCall:
    """An incoming message of Twilio."""
    fields = {"From": WRITER, "To": OURS, "MessageSid": "SM7"}
    return twilio_call(result("twilio", "inbound"), {**fields, **said})  # type: ignore[dict-item]


def telnyx(said: Said) -> CarrierCall:
    """A received event of Telnyx."""
    payload = {"from": {"phone_number": WRITER}, "to": [{"phone_number": OURS}], "id": "t-7"}
    event = {"event_type": "message.received", "payload": {**payload, **said}}
    return telnyx_call(result("telnyx", "inbound"), {"data": event})


def vonage(said: Said) -> CarrierCall:
    """An inbound webhook of Vonage."""
    fields = {"channel": "mms", "from": WRITER[1:], "to": OURS[1:], "message_uuid": "v-7"}
    return vonage_call(result("vonage", "inbound"), {**fields, **said})


def sinch(said: Said) -> CarrierCall:
    """An inbound message of Sinch."""
    fields = {"type": "mo_media", "from": WRITER[1:], "to": OURS[1:], "id": "s-7"}
    return sinch_call(result("sinch", "inbound"), {**fields, **said})


def postback(said: Said) -> CarrierCall:
    """An inbound text of a gateway."""
    fields = {"from": WRITER, "to": OURS, "at": "2026-11-21T10:00:00Z", "id": "p-7"}
    return postback_call(result("postback", "inbound"), {**fields, **said})


PICTURES: list[tuple[Callable[[Said], CarrierCall], str, Said, str]] = [
    (twilio, "SM7", {"Body": "", "NumMedia": "1", "MediaUrl0": URL}, ""),
    (twilio, "SM7", {"NumMedia": "1", "MediaUrl0": URL}, ""),
    (twilio, "SM7", {"Body": "STOP", "NumMedia": "1", "MediaUrl0": URL}, "STOP"),
    (telnyx, "t-7", {"text": None, "media": [{"url": URL, "content_type": "image/jpeg"}]}, ""),
    (telnyx, "t-7", {"media": [{"url": URL}, {}, 7, {"url": "file:///etc/passwd"}]}, ""),
    (telnyx, "t-7", {"text": "STOP", "media": [{"url": URL}]}, "STOP"),
    (vonage, "v-7", {"message_type": "image", "image": {"url": URL}}, ""),
    (vonage, "v-7", {"message_type": "image", "image": {"url": URL, "caption": "STOP"}}, "STOP"),
    (vonage, "v-7", {"message_type": "vcard", "vcard": {"url": URL}}, ""),
    (sinch, "s-7", {"body": {"media": [{"url": URL, "status": "Uploaded"}]}}, ""),
    (sinch, "s-7", {"body": {"message": "STOP", "media": [{"url": URL}]}}, "STOP"),
    (postback, "p-7", {"text": "", "mediaUrls": [URL]}, ""),
    (postback, "p-7", {"text": "STOP", "mediaUrls": [URL]}, "STOP"),
]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings that the calls are signed for."""
    for described in ALL:
        described.set_up(monkeypatch)


@pytest.mark.parametrize(("make", "id", "said", "body"), PICTURES)
def test_a_picture_comes_with_its_address_and_its_caption_is_the_text(
    make: Callable[[Said], CarrierCall],
    id: str,
    said: Said,
    body: str,
) -> None:
    (text,) = carrier_module(make.__name__).read_inbound(make(said))
    assert (text.sender, text.to, text.carrier_id) == (WRITER, OURS, id)
    assert (text.media_urls, text.body, text.keyword) == ((URL,), body, None)


@pytest.mark.parametrize(
    ("verdict", "keyword"),
    [("STOP", "stop"), ("START", "start"), ("help", "help"), ("", None), ("OTHER", None)],
)
def test_what_twilio_read_in_a_text_is_its_keyword(verdict: str, keyword: str | None) -> None:
    call = twilio({"Body": "BAJA", "OptOutType": verdict})
    (text,) = carrier_module("twilio").read_inbound(call)
    assert (text.body, text.keyword) == ("BAJA", keyword)


def test_every_recipient_of_a_group_message_of_telnyx_may_be_ours() -> None:
    numbers = ["+14155550177", OURS, "+14155550178"]
    call = telnyx({"text": "Hi", "to": [{"phone_number": number} for number in numbers]})
    (text,) = carrier_module("telnyx").read_inbound(call)
    assert (text.to, *text.also_to) == tuple(numbers)


def test_an_inbound_text_of_kannel_has_the_id_and_time_that_its_url_asks_for() -> None:
    call = kannel_inbound(WRITER, OURS, "Hi")
    (without,) = carrier_module("kannel").read_inbound(call)
    assert without.carrier_id is None and abs(without.at - now()) < 60_000
    named = changed(call, url=f"{call.url}&{urlencode({'id': 'k-7', 'at': '1795865816'})}")
    (text,) = carrier_module("kannel").read_inbound(named)
    assert (text.carrier_id, text.at) == ("k-7", 1_795_865_816_000)
    for odd in ("", "-1", "soon", "9" * 30):
        (text,) = carrier_module("kannel").read_inbound(
            changed(call, url=f"{call.url}&{urlencode({'at': odd})}")
        )
        assert abs(text.at - now()) < 60_000


@pytest.mark.parametrize("name", [described.name for described in ALL])
def test_a_text_brought_again_has_the_same_id(name: str) -> None:
    (described,) = [one for one in ALL if one.name == name]
    first, again, other = (
        described.module.read_inbound(described.inbound(WRITER, OURS, body))[0].carrier_id
        for body in ("Yes", "Yes", "No")
    )
    assert first == again and (first is None or first != other)
    assert first is not None or name in ("pretend", "kannel", "postback")


def test_only_web_addresses_of_a_bounded_count_are_media() -> None:
    odd = ["ftp://a.example", "https://a.example/a b", "https://a.example/ä", "x" * 3_000, None]
    assert media_of([*odd, *[URL] * 50]) == (URL,) * MEDIA_MAX
    assert media_of({"url": URL}) == media_of(URL) == media_of(None) == ()
