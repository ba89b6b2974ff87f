"""Telesign: the request as a pydantic model, read into a draft (seed 002_0fa33d6af2780972.txt)."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, PlainValidator

from campaign.model import Draft, DraftRecipient, Duplicates, Policy
from campaign.phone import OfflineLookup, SenderKind, canonical_number, sender_kind
from campaign.refusals import RefusalCode, Refused
from campaign.text import is_blank
from dialects.http.api_model import example
from dialects.http.faults import Words, fault, read_model
from dialects.http.payloads import keyed
from dialects.telesign.use_cases import PURPOSES
from store.accounts.api_keys import Principal

NAME = "telesign"
RECIPIENTS_MAX = 1_000
TEXT_LENGTH_MAX = 1_600
SESSION_ID_LENGTH_MAX = 64
# So much of an invalid recipient is stored, so that people can see what it was.
FAULTY_LENGTH_MAX = 40
FAULT = RefusalCode.NUMBER_INVALID.value

_WORDS: Words = {
    "missing": (RefusalCode.FIELD_MISSING, "is required"),
}
_lookup = OfflineLookup()


def _template(text: str) -> str:
    # An empty template counts as missing.
    if is_blank(text):
        raise fault(RefusalCode.FIELD_MISSING, "is required")
    return text


def _ucid(code: str) -> str:
    if code and code not in PURPOSES:
        raise fault(RefusalCode.FIELD_INVALID, "Unknown use case code")
    return code


def _session_id(value: str) -> str:
    if len(value) > SESSION_ID_LENGTH_MAX or not value.isprintable():
        what = f"A session id has more than {SESSION_ID_LENGTH_MAX} characters, or controls"
        raise fault(RefusalCode.FIELD_INVALID, what)
    return value


def _sender(value: str) -> str:
    """A sender in canonical form: 5 or 6 digits are a short code, more are a number."""
    if not value or sender_kind(value) in (SenderKind.SHORT_CODE, SenderKind.ALPHANUMERIC):
        return value
    number = canonical_number(value)
    if number is None:
        raise fault(RefusalCode.SENDER_INVALID, "Not a number, short code or name")
    return number


def _recipients(value: str) -> list[DraftRecipient]:
    entries = [entry for part in value.split(",") if (entry := part.strip())]
    if not entries:
        # Empty recipients have their own error code.
        raise fault(RefusalCode.TOO_FEW_RECIPIENTS, "no recipients")
    if len(entries) > RECIPIENTS_MAX:
        what = f"more than {RECIPIENTS_MAX} recipients"
        raise fault(RefusalCode.TOO_MANY_RECIPIENTS, what)
    return [_recipient(entry) for entry in entries]


def _recipient(entry: str) -> DraftRecipient:
    """One recipient; an invalid number is not a fault: it becomes a failed message."""
    written, _, session_id = entry.partition(":")
    reference = _session_id(session_id) or None
    number = canonical_number(written)
    possible = number is not None and _lookup.look_up(number).possible
    return DraftRecipient(
        to=number or _shown(written), reference=reference, fault=None if possible else FAULT
    )


def _shown(written: str) -> str:
    kept = written[:FAULTY_LENGTH_MAX]
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in kept)


class TelesignBulk(BaseModel):
    """One SMS to many recipients."""

    model_config = example(
        {
            "recipients": "14155550100:order-1,14155550101:order-2",
            "template": "Your parcel is here",
            "ucid": "SHIP",
            "session_id": "spring",
        }
    )

    template: Annotated[str, AfterValidator(_template)] = Field(
        json_schema_extra={"maxLength": TEXT_LENGTH_MAX}
    )
    ucid: Annotated[str, AfterValidator(_ucid)] = Field(
        "", json_schema_extra={"enum": ["", *sorted(PURPOSES)]}
    )
    session_id: Annotated[str, AfterValidator(_session_id)] = Field(
        "", json_schema_extra={"maxLength": SESSION_ID_LENGTH_MAX}
    )
    sender_id: Annotated[str, AfterValidator(_sender)] = Field(
        "", description="a number, short code or name"
    )
    recipients: Annotated[
        list[DraftRecipient], PlainValidator(_recipients, json_schema_input_type=str)
    ] = Field(description="digits or digits:sessionid, separated by commas, up to 1,000")


def read(fields: Mapping[str, str], principal: Principal) -> Draft:
    """Read the fields of a request; raises Refused with every fault."""
    bulk, faults = read_model(TelesignBulk, fields, _WORDS)
    if bulk is None:
        # Missing recipients come first, faulty ones last.
        faults.sort(key=lambda one: one.message != "is required" or one.place != "recipients")
        raise Refused(*faults)
    draft = Draft(
        account_id=principal.account_id,
        dialect=NAME,
        recipients=bulk.recipients,
        policy=Policy(
            recipients_max=RECIPIENTS_MAX,
            text_length_max=TEXT_LENGTH_MAX,
            duplicates=Duplicates.SKIP_EQUAL,
            literal=True,
        ),
        name=bulk.session_id or None,
        sender=bulk.sender_id or None,
        text=bulk.template,
        purpose=PURPOSES.get(bulk.ucid),
    )
    return keyed(draft, principal, fields)
