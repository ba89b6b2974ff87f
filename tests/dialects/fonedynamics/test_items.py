"""Fone Dynamics: what is wrong with one message is told in its item, and of that one alone."""

from typing import Any

import pytest

from campaign.alphanumeric import countries_without_names
from campaign.events import EndpointMethod, EventEndpoint
from campaign.instants import DAY, HOUR, SECOND, Instant
from campaign.model import DraftRecipient
from dialects.fonedynamics.message import Item, read_item
from tests.dialects.fonedynamics.calls import SENDER, Body, leased, message

NOW: Instant = 20_000 * DAY
OWNED = frozenset({SENDER, "GODWIT", "A 1"})


def read(entry: Any, now: Instant = NOW) -> Item:
    """Read one entry as the account of these tests."""
    return read_item(entry, OWNED, now, False, {})


def faults(entry: Any) -> list[tuple[str, str | None]]:
    """What is wrong with an entry: code and field, in the order of the page."""
    return [(fault.code, fault.field) for fault in read(entry).faults]


FAULTS: dict[str, tuple[Body, str, list[str]]] = {
    "no To": ({"To": None}, "MISSING_PARAMETER", ["To"]),
    "a blank To": ({"To": "  "}, "MISSING_PARAMETER", ["To"]),
    "To without +": ({"To": "61488023555"}, "INVALID_PHONENUMBER_FORMAT", ["To"]),
    "To in other digits": ({"To": "+٦١٤٨٨٠٢٣٥٥٥"}, "INVALID_PHONENUMBER_FORMAT", ["To"]),
    "To with a line end": ({"To": "+61488023555\n"}, "INVALID_PHONENUMBER_FORMAT", ["To"]),
    "To with spaces": ({"To": "+61 488 023 555"}, "INVALID_PHONENUMBER_FORMAT", ["To"]),
    "To that cannot exist": ({"To": "+1415555"}, "INVALID_PHONENUMBER_FORMAT", ["To"]),
    "To as a number": ({"To": 61488023555}, "INVALID_PARAMETER", ["To"]),
    "To as a list": ({"To": ["+61488023555"]}, "INVALID_PARAMETER", ["To"]),
    "no Text": ({"Text": None}, "MISSING_PARAMETER", ["Text"]),
    "an empty Text": ({"Text": ""}, "MISSING_PARAMETER", ["Text"]),
    "Text as a number": ({"Text": 1}, "INVALID_PARAMETER", ["Text"]),
    "Text of 1,601 characters": ({"Text": "x" * 1_601}, "INVALID_PARAMETER", ["Text"]),
    "Text with a bell": ({"Text": "bell \x07"}, "INVALID_PARAMETER", ["Text"]),
    "Text with a bidi override": ({"Text": "a\u202eb"}, "INVALID_PARAMETER", ["Text"]),
    "Text against the rules": ({"Text": "bit.ly/3xYz win now"}, "FORBIDDEN", ["Text"]),
    "a short code": ({"From": "72345"}, "INVALID_SENDER_ID", ["From"]),
    "From of 12 characters": ({"From": "GODWIT BIRDS"}, "INVALID_SENDER_ID", ["From"]),
    "From without a letter": ({"From": "12 34"}, "INVALID_SENDER_ID", ["From"]),
    "From with a sign": ({"From": "GODWIT!"}, "INVALID_SENDER_ID", ["From"]),
    "From with an umlaut": ({"From": "GÖDWIT"}, "INVALID_SENDER_ID", ["From"]),
    "somebody else's number": ({"From": "+61499009990"}, "INVALID_SENDER_ID", ["From"]),
    "somebody else's name": ({"From": "Planet"}, "INVALID_SENDER_ID", ["From"]),
    "From as a number": ({"From": 18005559876}, "INVALID_PARAMETER", ["From"]),
    "Schedule as a text": ({"Schedule": "1321009871"}, "INVALID_PARAMETER", ["Schedule"]),
    "Schedule as true": ({"Schedule": True}, "INVALID_PARAMETER", ["Schedule"]),
    "Schedule with a fraction": ({"Schedule": 1321009871.5}, "INVALID_PARAMETER", ["Schedule"]),
    "Schedule in 1970": ({"Schedule": 0}, "INVALID_SCHEDULE", ["Schedule"]),
    "Schedule before 1970": ({"Schedule": -(10**30)}, "INVALID_SCHEDULE", ["Schedule"]),
    "Schedule in the year 9999": ({"Schedule": 253402300799}, "INVALID_SCHEDULE", ["Schedule"]),
    "Schedule beyond all years": ({"Schedule": 10**4_000}, "INVALID_SCHEDULE", ["Schedule"]),
    "DeliveryReceipt as a text": (
        {"DeliveryReceipt": "true"},
        "INVALID_PARAMETER",
        ["DeliveryReceipt"],
    ),
    "an ExternalId of 201": ({"ExternalId": "x" * 201}, "INVALID_PARAMETER", ["ExternalId"]),
    "ExternalId as a number": ({"ExternalId": 1}, "INVALID_PARAMETER", ["ExternalId"]),
    "ForwardToSms without +": (
        {"ForwardToSms": "61499333222"},
        "INVALID_PHONENUMBER_FORMAT",
        ["ForwardToSms"],
    ),
    "ForwardFromSms of somebody else": (
        {"ForwardToSms": "+61499333222", "ForwardFromSms": "Planet"},
        "INVALID_SENDER_ID",
        ["ForwardFromSms"],
    ),
    "several faults": (
        {"WebhookMethod": "PUT", "Text": "", "To": "1", "From": "?"},
        "INVALID_SENDER_ID",
        ["From", "To", "Text", "WebhookMethod"],
    ),
}
URIS = [
    "callback.2.me",
    "ftp://callback.2.me/",
    "https://user@callback.2.me/",
    "https://127.0.0.1/",
    "https://localhost/",
    "https://callback.2.me/\r\nX: 1",
    "javascript:alert(1)",
    "https://callback.2.me/" + "x" * 2_050,
]
EMAILS = ["[email\xa0protected]", "a", "a@b", "a b@example.com", "a@example.com\nBcc: b@c.de"]
EMAILS += [
    "a@example.com,b@example.com",
    "<a@example.com>",
    "ä@example.com",
    # A header would read these as x@example.com, and as nothing at all.
    "=?utf-8?q?x?=@example.com",
    "=?utf-8?q??=@example.com",
    "a@" + "x" * 250 + ".de",
]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_with_its_code_and_field(fault: str) -> None:
    members, code, fields = FAULTS[fault]
    result = faults(message(**members))
    assert result[0][0] == code
    assert [field for _, field in result] == fields


@pytest.mark.parametrize("uri", URIS)
@pytest.mark.parametrize("name", ["DeliveryReceiptWebhookUri", "WebhookUri"])
def test_a_webhook_must_be_a_public_address(name: str, uri: str) -> None:
    assert faults(leased(**{name: uri})) == [("INVALID_PARAMETER", name)]


@pytest.mark.parametrize("email", EMAILS)
@pytest.mark.parametrize("name", ["ForwardToEmail", "ForwardFromEmail"])
def test_an_email_address_is_one_plain_address(name: str, email: str) -> None:
    assert faults(leased(**{name: email})) == [("INVALID_PARAMETER", name)]


@pytest.mark.parametrize("entry", [None, 1, "+61488023555", [], True, {"To": "1", "to": "2"}])
def test_an_entry_that_is_no_message_is_an_item_too(entry: object) -> None:
    assert faults(entry) == [("INVALID_PARAMETER", None)]


@pytest.mark.parametrize(
    ("ago", "due"),
    [
        (HOUR, None),
        (HOUR - SECOND, NOW),
        (59 * 60 * SECOND, NOW),
        (SECOND, NOW),
        (0, NOW),
        (-SECOND, NOW + SECOND),
        (-14 * DAY, NOW + 14 * DAY),
        (-14 * DAY - SECOND, None),
    ],
)
def test_a_schedule_is_kept_is_now_or_fails(ago: Instant, due: Instant | None) -> None:
    item = read(message(Schedule=(NOW - ago) // SECOND))
    if due is None:
        assert [(fault.code, fault.field) for fault in item.faults] == [
            ("INVALID_SCHEDULE", "Schedule")
        ]
    else:
        assert (item.faults, item.recipient.scheduled_at) == ([], due)


def test_names_and_methods_count_whatever_their_case() -> None:
    entry = {
        "from": "",
        "TO": "+61488023555",
        "tExt": "{{NAME}}, hello",
        "webhookuri": "https://callback.2.me/a?b=c",
        "WEBHOOKMETHOD": "Get",
        "deliveryReceiptWebhookUri": "https://callback.2.me/d",
        "DeliveryReceiptWebhookmethod": "Post",
        "externalid": "x",
        "unheard": {"of": 1},
    }
    item = read(entry)
    assert item.faults == []
    assert item.recipient == DraftRecipient(
        "+61488023555",
        text="{{NAME}}, hello",
        reference="x",
        endpoint=EventEndpoint("https://callback.2.me/d"),
    )
    assert item.options.webhook == EventEndpoint("https://callback.2.me/a?b=c", EndpointMethod.GET)
    assert item.options.leased


@pytest.mark.parametrize("blank", ["", "  ", None])
def test_blank_members_are_as_good_as_none(blank: str | None) -> None:
    entry = message(
        **dict.fromkeys(
            ["From", "ForwardToSms", "ForwardToEmail", "WebhookUri", "WebhookMethod"], blank
        ),
        Schedule=None,
        DeliveryReceipt=None,
    )
    item = read(entry)
    assert item.faults == [] and item.options.leased and item.options.receipts
    assert item.options.purpose() == read({"To": "+61488023555", "Text": "x"}).options.purpose()


@pytest.mark.parametrize(
    ("sender", "to", "is_leased"),
    [
        ("GODWIT", "+61488023555", False),
        ("A 1", "+447400123456", False),
        ("GODWIT", "+14155550100", True),
        ("GODWIT", "+16135550100", True),
        ("GODWIT", "+17875550100", True),
        ("GODWIT", "+18765550100", True),
        ("GODWIT", "+8613912345678", True),
        ("GODWIT", "+5511987654321", True),
        (SENDER, "+14155550100", False),
        ("", "+61488023555", True),
    ],
)
def test_a_number_is_leased_where_no_name_can_be_shown(
    sender: str, to: str, is_leased: bool
) -> None:
    item = read(message(From=sender, To=to, ForwardToSms="+61499333222"))
    assert (item.faults, item.options.leased) == ([], is_leased)
    assert (item.options.to_number is not None) is is_leased


def test_no_event_is_sent_where_no_receipt_is_wanted() -> None:
    uri = "https://callback.2.me/d"
    item = read(message(DeliveryReceipt=False, DeliveryReceiptWebhookUri=uri))
    assert (item.faults, item.recipient.endpoint, item.options.receipts) == ([], None, False)


def test_the_table_of_countries_without_names_can_be_changed() -> None:
    nameless = countries_without_names(["DE=no", "US=yes"])
    for to, is_leased in (("+4915123456789", True), ("+14155550100", False)):
        item = read_item(message(From="GODWIT", To=to), OWNED, NOW, False, {}, nameless)
        assert (item.faults, item.options.leased) == ([], is_leased), to
