"""Mobivate: the requests to send, as pydantic models (seed 004_fbbb4dde654ffae7.txt)."""

import json
import re
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    Field,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from campaign.instants import Instant, read_instant
from campaign.model import FIELDS_MAX
from campaign.phone import canonical_number, is_e164, is_one_digit_too_long, sender_kind
from campaign.refusals import RefusalCode
from campaign.text import clean
from campaign.web_addresses import ascii_address
from dialects.http.api_model import VendorRequest, example
from dialects.http.faults import fault, text_as
from webhooks.addresses import read_url

ENTRIES_MAX = 1_000
TEXT_LENGTH_MAX = 1_600
NAME_LENGTH_MAX = 200
ORIGINATOR_LENGTH_MAX = 50
REFERENCE_LENGTH_MAX = 200
LIST_MARK = {"type": "mailinglist"}

_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_DIGITS = re.compile(r"\+?[0-9]+")
_EXAMPLE: dict[str, Any] = {
    "recipients": [
        {
            "recipient": "447911123401",
            "reference": "aaa",
            "meta": {"NAME": "John", "CITY": "London"},
        },
        {"recipient": "447911123403", "originator": "Larkfield", "text": "Hello Michael."},
        {
            "recipient": "3392287d-7a79-4789-9ef8-7dc174836688",
            "meta": {"type": "mailinglist"},
        },
    ],
    "text": "Hello {{NAME}}, how is the weather in {{CITY}}?",
    "originator": "Larkfield",
    "name": "My Campaign",
    "shortenUrls": True,
    "excludeDuplicates": True,
    "excludeOptOuts": True,
    "spreadHours": 0,
}


def _originator(written: str) -> str:
    """A sender: a name of up to eleven characters, or digits, to which a plus is added."""
    sender = written.strip()
    if sender_kind(sender) is None:
        sender = f"+{sender.removeprefix('+')}" if _DIGITS.fullmatch(sender) else ""
        if not is_e164(sender):
            what = "must be up to 11 letters, digits and spaces, or 5 to 15 digits"
            raise fault(RefusalCode.SENDER_INVALID, what)
    return sender


def _web_address(written: str) -> str:
    # Strictly, as it is read before each call; whether it is public is checked then.
    address = ascii_address(written) or ""
    read_url(address, inside_too=True)
    return address


def _limited(text: str) -> str:
    text = clean(text)
    if len(text) > TEXT_LENGTH_MAX:
        raise ValueError("too long")
    return text


def _fields(meta: Any) -> dict[str, str]:
    """The values of tags as text; a null is no value."""
    if not isinstance(meta, dict):
        raise fault(RefusalCode.FIELD_INVALID, "must be an object")
    if len(meta) > FIELDS_MAX:
        raise fault(RefusalCode.FIELD_INVALID, f"must have at most {FIELDS_MAX} members")
    fields = {}
    for name, value in meta.items():
        if isinstance(value, str):
            fields[name] = value
        elif isinstance(value, bool | int | float):
            fields[name] = json.dumps(value)
        elif value is not None:
            what = "values must be strings, numbers or booleans"
            raise fault(RefusalCode.FIELD_INVALID, what)
    return fields


Text = Annotated[
    str,
    AfterValidator(_limited),
    Field(description="text with {{NAME}} tags", json_schema_extra={"maxLength": TEXT_LENGTH_MAX}),
]
Originator = Annotated[
    str,
    Field(
        max_length=ORIGINATOR_LENGTH_MAX,
        description="a name of up to 11 characters, or digits",
    ),
    AfterValidator(_originator),
]
Reference = Annotated[str, Field(max_length=REFERENCE_LENGTH_MAX)]
Meta = Annotated[
    dict[str, str],
    PlainValidator(_fields, json_schema_input_type=dict[str, str | bool | int | float | None]),
    Field(description="values for {{NAME}} tags", json_schema_extra={"maxProperties": FIELDS_MAX}),
]


class _Addressed(VendorRequest):
    meta: Meta | None = None
    recipient: str = Field(description="digits with country code, or a list's UUID")

    @field_validator("recipient", mode="before")
    @classmethod
    def _canonical(cls, written: Any, info: ValidationInfo) -> Any:
        """The number in E.164, or the list's UUID in lower case."""
        is_text = isinstance(written, str)
        if is_text and _UUID.fullmatch(written.strip()):
            return written.strip().lower()
        meta = info.data.get("meta")
        if written is not None and meta and LIST_MARK.items() <= meta.items():
            raise fault(RefusalCode.LIST_UNKNOWN, "must be the UUID of a mailing list")
        number = canonical_number(written) if is_text else written
        if number is None and is_text and is_one_digit_too_long(written):
            number = f"+{written.removeprefix('+')}"
        if number is None and is_text:
            raise ValueError("no number")
        return number


class MobivateRecipient(_Addressed):
    """A number or a mailing list, with values that override the campaign's."""

    text: Text | None = None
    originator: Originator | None = None
    reference: Reference | None = None


class MobivateSend(VendorRequest):
    """What a batch and a single message have in common."""

    text: Text | None = None
    originator: Originator | None = None
    callback_url: Annotated[str, text_as(_web_address)] | None = Field(
        None, alias="callbackURL", description="an http or https address for receipts"
    )
    exclude_duplicates: bool | None = True
    name: str | None = Field(None, max_length=NAME_LENGTH_MAX)
    schedule_date_time: Annotated[Instant, text_as(read_instant)] | None = Field(
        None, description="ISO 8601, UTC without a zone"
    )
    spread_hours: (
        Annotated[float, Field(gt=-1e9, lt=1e9), WithJsonSchema({"type": "number", "minimum": 0})]
        | None
    ) = None
    exclude_opt_outs: bool | None = Field(None, description="true unless it is given")
    exclude_optouts: bool | None = Field(None, description="the older spelling of excludeOptOuts")
    shorten_urls: bool | None = False


class MobivateBatch(MobivateSend):
    """A campaign. Its text and originator hold for every recipient that has no other."""

    model_config = example(_EXAMPLE)

    recipients: list[MobivateRecipient] = Field(min_length=1, max_length=ENTRIES_MAX)


class _Referenced(_Addressed):
    reference: Reference | None = None


class MobivateMessage(MobivateSend, _Referenced):
    """One message to one number."""

    model_config = example(
        {"recipient": "447911123401", "originator": "Larkfield", "text": "Hello Michael."},
        required=["recipient", "text", "originator"],
    )

    @field_validator("recipient", mode="after")
    @classmethod
    def _one_number(cls, recipient: str) -> str:
        if not recipient.startswith("+"):
            raise fault(RefusalCode.NUMBER_INVALID, "must be one number")
        return recipient

    @model_validator(mode="before")
    @classmethod
    def _of_body(cls, body: Any) -> Any:
        # The older pages call the text a body.
        if isinstance(body, dict) and body.get("text") is None:
            return {**body, "text": body.get("body")}
        return body
