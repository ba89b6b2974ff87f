"""One reader of numbers in every dialect; what a vendor refuses in addition stays refused."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from campaign.refusals import Refused
from dialects.fonedynamics.message import read_item
from dialects.mobivate.requests import read_batch as read_mobivate
from dialects.native.requests import read as read_native
from dialects.textingline.requests import read_batch as read_textingline
from dialects.textingline.requests import read_message as read_textingline_message
from tests.dialects.mobivate.calls import PRINCIPAL

NUMBER = "+447911123457"


def native(written: str) -> str | None:
    return _first(lambda: read_native({"text": "x", "recipients": [{"to": written}]}, PRINCIPAL))


def mobivate(written: str) -> str | None:
    body = {"originator": "GODWIT", "text": "x", "recipients": [{"recipient": written}]}
    return _first(lambda: read_mobivate(body, PRINCIPAL))


def mobivate_string(written: str) -> str | None:
    body = {"originator": "GODWIT", "text": "x", "recipients": [written]}
    return _first(lambda: read_mobivate(body, PRINCIPAL))


def textingline(written: str) -> str | None:
    body = {"from": "+18005559876", "recipients": [{"to": written, "body": "x"}]}
    return _first(lambda: read_textingline(body, PRINCIPAL))


def textingline_message(written: str) -> str | None:
    body = {"from": "+18005559876", "to": written, "body": "x"}
    return _first(lambda: read_textingline_message(body, PRINCIPAL))


def fonedynamics(written: str) -> str | None:
    item = read_item({"To": written, "Text": "x", "From": "GODWIT"}, ("GODWIT",), 0, True, {})
    return None if item.faults else item.recipient.to


def _first(read: Callable[[], object]) -> str | None:
    try:
        draft = read()
    except Refused as refused:
        (refusal,) = refused.refusals
        assert refusal.place in ("recipients[0].to", "recipients[0].recipient", "to")
        return None
    to: str = draft.recipients[0].to  # type: ignore[attr-defined]
    return to


FREE = {"native": native, "mobivate": mobivate, "mobivate, a string": mobivate_string}
STRICT = {
    "textingline": textingline,
    "textingline, one message": textingline_message,
    "fonedynamics": fonedynamics,
}
INVISIBLE = [
    "\u202a+447911123457\u202c",
    "\u2068+447911123457\u2069",
    "+44\u200b7911123457",
    "+447911123457\ufeff",
    "+447911123457.0",
    "+4407911123457",
]
WRITTEN = [
    "447911123457",
    "00447911123457",
    "+44 (0)7911 123-457",
    "+44\u00a07911\u2011123457",
    "tel:+447911123457",
    "'+447911123457",
    "447911123457.00",
    "\uff0b447911123457",
]
NONE = [
    "",
    "-2147483648/-1",
    "/447911123457",
    "-447911123457",
    "447911123457.5",
    "4.47911E+11",
    "+9991234567890",
    "+447911",
    "+4479111234567890",
    "+15551234",
    "+447911123457,+447911123458",
]


@pytest.mark.parametrize("read", [*FREE.values(), *STRICT.values()], ids=[*FREE, *STRICT])
@pytest.mark.parametrize("written", INVISIBLE)
def test_invisible_characters_and_inland_digits_go_in_every_dialect(
    read: Callable[[str], str | None], written: str
) -> None:
    assert read(written) == NUMBER


@pytest.mark.parametrize("read", FREE.values(), ids=FREE)
@pytest.mark.parametrize("written", WRITTEN)
def test_a_number_is_read_as_people_write_it_where_the_vendor_allows_it(
    read: Callable[[str], str | None], written: str
) -> None:
    assert read(written) == NUMBER


@pytest.mark.parametrize("read", STRICT.values(), ids=STRICT)
@pytest.mark.parametrize("written", ["447911123457", "00447911123457", "+447911123457\n", "07911"])
def test_a_vendor_that_requires_the_plus_still_does(
    read: Callable[[str], str | None], written: str
) -> None:
    assert read(written) is None


@pytest.mark.parametrize("read", [*FREE.values(), *STRICT.values()], ids=[*FREE, *STRICT])
@pytest.mark.parametrize("written", NONE)
def test_what_is_no_number_is_refused_with_its_place_in_every_dialect(
    read: Callable[[str], str | None], written: str
) -> None:
    assert read(written) is None


def test_a_string_is_a_recipient_like_any_other() -> None:
    """The body of Mobivate's most installed client."""
    body = {"originator": "GODWIT", "recipients": ["447700900123", "447700900124"], "text": "x"}
    draft = read_mobivate(body, PRINCIPAL)
    assert [one.to for one in draft.recipients] == ["+447700900123", "+447700900124"]
    objects = [{"recipient": one} for one in body["recipients"]]
    same = read_mobivate({**body, "recipients": objects}, PRINCIPAL)
    assert replace(same, key=draft.key, payload_hash=draft.payload_hash) == draft
    listed = "3392287d-7a79-4789-9ef8-7dc174836688"
    draft = read_mobivate({**body, "recipients": [listed]}, PRINCIPAL)
    assert draft.recipients[0].mailing_list == listed
