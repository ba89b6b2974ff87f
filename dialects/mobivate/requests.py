"""Mobivate: reading requests into drafts (seed 004_fbbb4dde654ffae7.txt).

What the vendor's pages contradict each other on is decided in docs/decisions/0017-mobivate.md.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from campaign.events import EventEndpoint
from campaign.instants import Instant, read_instant
from campaign.model import (
    FIELDS_MAX,
    NO_FIELDS,
    Draft,
    DraftRecipient,
    Duplicates,
    Policy,
)
from campaign.names import one_line
from campaign.phone import canonical_number, is_e164, is_one_digit_too_long, sender_kind
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode, Refused
from campaign.text import clean
from campaign.web_addresses import ascii_address
from dialects.http.payloads import payload_hash, payload_key
from store.accounts.api_keys import Principal
from webhooks.addresses import BadUrl, read_url

NAME = "mobivate"
ENTRIES_MAX = 1_000
TEXT_LENGTH_MAX = 1_600
NAME_LENGTH_MAX = 200
REFERENCE_LENGTH_MAX = 200
LIST_MARK = {"type": "mailinglist"}

_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_DIGITS = re.compile(r"\+?[0-9]+")
_EXCLUDE_OPT_OUTS = ("excludeOptOuts", "excludeOptouts")


class _Reader:
    """Reads the members of one request and collects their faults with their places."""

    def __init__(self, body: Any) -> None:
        if not isinstance(body, dict):
            raise Refused(Refusal(RefusalCode.MALFORMED, "the body must be a JSON object"))
        self.body: Mapping[str, Any] = body
        self.faults: list[Refusal] = []

    def fault(self, code: RefusalCode, message: str, place: str) -> None:
        """Add a fault, up to ``SHOWN_MAX``."""
        if len(self.faults) < SHOWN_MAX:
            self.faults.append(Refusal(code, message, place))

    def invalid(self, message: str, place: str) -> None:
        """Add the fault of a member that has a wrong type or value."""
        self.fault(RefusalCode.FIELD_INVALID, message, place)

    def text(self, member: str, length_max: int) -> str | None:
        """An optional string of the request itself."""
        return self.string(self.body, member, "", length_max)

    def content(self, owner: Mapping[str, Any], prefix: str) -> str | None:
        """The optional text of a message, cleaned before its length is checked."""
        value = owner.get("text")
        if isinstance(value, str):
            owner = {"text": clean(value)}
        return self.string(owner, "text", prefix, TEXT_LENGTH_MAX)

    def string(
        self, owner: Mapping[str, Any], member: str, prefix: str, length_max: int
    ) -> str | None:
        """An optional string of the request or of a recipient."""
        value = owner.get(member)
        if value is None or (isinstance(value, str) and len(value) <= length_max):
            return value
        self.invalid(f"must be a string of at most {length_max} characters", prefix + member)
        return None

    def switch(self, member: str, default: bool) -> bool:
        """An optional boolean of the request."""
        value = self.body.get(member, default)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self.invalid("must be true or false", member)
        return default

    def originator(self, owner: Mapping[str, Any], prefix: str) -> str | None:
        """An optional sender: a name of up to eleven characters, or digits."""
        value = self.string(owner, "originator", prefix, 50)
        if value is None:
            return None
        sender = _sender(value.strip())
        if sender is None:
            what = "must be up to 11 letters, digits and spaces, or 5 to 15 digits"
            self.fault(RefusalCode.SENDER_INVALID, what, f"{prefix}originator")
        return sender

    def instant(self, member: str) -> Instant | None:
        """An optional ISO 8601 instant; without a zone it is UTC."""
        value = self.body.get(member)
        if value is None:
            return None
        try:
            if isinstance(value, str):
                return read_instant(value)
        except ValueError:
            pass
        self.fault(RefusalCode.SCHEDULE_INVALID, "not an ISO 8601 date and time", member)
        return None

    def web_address(self, member: str) -> str | None:
        """An optional http or https address, written in ASCII."""
        value = self.body.get(member)
        if value is None:
            return None
        written = ascii_address(value) if isinstance(value, str) else None
        try:
            if written is not None:
                # Strictly, as it is read before each call; whether it is public is checked then.
                read_url(written, inside_too=True)
                return written
        except BadUrl:
            pass
        self.invalid("must be an http or https address that can be called", member)
        return None

    def spread(self) -> float:
        """The hours to spread over; how many are too many is a rule's business."""
        value = self.body.get("spreadHours")
        if value is None:
            return 0.0
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9:
            return float(value)
        self.fault(RefusalCode.SPREAD_INVALID, "must be a number of hours", "spreadHours")
        return 0.0

    def exclude_opt_outs(self) -> bool:
        """Both spellings of the vendor's pages; exclusion wins where they differ."""
        given = [name for name in _EXCLUDE_OPT_OUTS if self.body.get(name) is not None]
        values = [self.switch(name, True) for name in given]
        return any(values) or not values


def read_batch(body: Any, principal: Principal) -> Draft:
    """Read a batch; raises Refused with every fault of form (a readable number)."""
    reader = _Reader(body)
    # The older pages call them messages.
    member = "recipients" if reader.body.get("recipients") is not None else "messages"
    entries = reader.body.get(member)
    if not isinstance(entries, list):
        code = RefusalCode.FIELD_MISSING if entries is None else RefusalCode.FIELD_INVALID
        reader.fault(code, "must be an array", "recipients")
        entries = []
    elif not entries:
        reader.fault(RefusalCode.TOO_FEW_RECIPIENTS, "must have an entry", "recipients")
    elif len(entries) > ENTRIES_MAX:
        what = f"must have at most {ENTRIES_MAX} entries"
        reader.fault(RefusalCode.TOO_MANY_RECIPIENTS, what, "recipients")
        entries = []
    recipients = [_recipient(reader, entry, index) for index, entry in enumerate(entries)]
    _check_references(reader, recipients)
    return _draft(reader, principal, recipients)


def read_single(body: Any, principal: Principal) -> Draft:
    """Read a single message, which is a batch of one; raises Refused."""
    reader = _Reader(body)
    # The older pages call the text a body.
    if reader.body.get("text") is None:
        reader.body = {**reader.body, "text": reader.body.get("body")}
    own = {name: reader.body.get(name) for name in ("recipient", "reference", "meta")}
    recipient = _recipient(reader, own, None)
    if recipient.mailing_list is not None:
        reader.fault(RefusalCode.NUMBER_INVALID, "must be one number", "recipient")
    return _draft(reader, principal, [recipient])


def _draft(reader: _Reader, principal: Principal, recipients: list[DraftRecipient]) -> Draft:
    text, sender = reader.content(reader.body, ""), reader.originator(reader.body, "")
    _check_filled(reader, recipients)
    callback = reader.web_address("callbackURL")
    hashed = payload_hash(reader.body)
    draft = Draft(
        account_id=principal.account_id,
        sandbox=principal.sandbox,
        dialect=NAME,
        recipients=recipients,
        policy=Policy(
            text_length_max=TEXT_LENGTH_MAX,
            duplicates=Duplicates.SKIP
            if reader.switch("excludeDuplicates", True)
            else Duplicates.ALLOW,
            blanks=True,
            unplanned=True,
        ),
        # The vendor limits the length alone, so that other characters are folded.
        name=one_line(reader.text("name", NAME_LENGTH_MAX) or "") or None,
        sender=sender,
        text=text,
        scheduled_at=reader.instant("scheduleDateTime"),
        spread_hours=reader.spread(),
        key=payload_key(principal, hashed),
        strict_key=principal.strict_keys,
        payload_hash=hashed,
        exclude_opt_outs=reader.exclude_opt_outs(),
        shorten_urls=reader.switch("shortenUrls", False),
        endpoint=EventEndpoint(callback) if callback else None,
    )
    if reader.faults:
        raise Refused(*reader.faults)
    return draft


def _recipient(reader: _Reader, entry: Any, index: int | None) -> DraftRecipient:
    prefix = "" if index is None else f"recipients[{index}]."
    if isinstance(entry, str):
        entry = {"recipient": entry}  # As the vendor's most used client writes it.
    if not isinstance(entry, dict):
        reader.invalid("must be an object or a number", prefix.rstrip("."))
        return DraftRecipient("")
    wanted, place = entry.get("recipient"), f"{prefix}recipient"
    fields = _fields(reader, entry.get("meta"), f"{prefix}meta")
    number = mailing_list = None
    if wanted is None:
        reader.fault(RefusalCode.FIELD_MISSING, "is required", place)
    elif isinstance(wanted, str) and _UUID.fullmatch(wanted.strip()):
        mailing_list = wanted.strip().lower()
        fields = {name: value for name, value in fields.items() if name not in LIST_MARK}
    elif LIST_MARK.items() <= fields.items():
        reader.fault(RefusalCode.LIST_UNKNOWN, "must be the UUID of a mailing list", place)
    else:
        number = canonical_number(wanted) if isinstance(wanted, str) else None
        if number is None and isinstance(wanted, str) and is_one_digit_too_long(wanted):
            number = f"+{wanted.removeprefix('+')}"
        if number is None:
            what = "must be a phone number in international format"
            reader.fault(RefusalCode.NUMBER_INVALID, what, place)
    single = index is None
    return DraftRecipient(
        to=number or "",
        mailing_list=mailing_list,
        text=None if single else reader.content(entry, prefix),
        sender=None if single else reader.originator(entry, prefix),
        reference=reader.string(entry, "reference", prefix, REFERENCE_LENGTH_MAX),
        fields=fields,
    )


def _fields(reader: _Reader, meta: Any, place: str) -> Mapping[str, str]:
    if meta is None:
        return NO_FIELDS
    if not isinstance(meta, dict):
        reader.invalid("must be an object", place)
        return NO_FIELDS
    if len(meta) > FIELDS_MAX:
        reader.invalid(f"must have at most {FIELDS_MAX} members", place)
        return NO_FIELDS
    fields = {}
    for name, value in meta.items():
        if isinstance(value, str):
            fields[name] = value
        elif isinstance(value, bool | int | float):
            fields[name] = json.dumps(value)
        elif value is not None:
            reader.invalid("values must be strings, numbers or booleans", place)
            break
    return fields


def _check_references(reader: _Reader, recipients: list[DraftRecipient]) -> None:
    seen: set[str] = set()
    for index, recipient in enumerate(recipients):
        if recipient.reference is not None and recipient.reference in seen:
            what = "must differ from the references of other recipients"
            reader.invalid(what, f"recipients[{index}].reference")
        seen.add(recipient.reference or "")


def _check_filled(reader: _Reader, recipients: list[DraftRecipient]) -> None:
    """Text and originator must be given once for all, or by every recipient."""
    if reader.faults:
        return
    for member, values in (
        ("text", [recipient.text for recipient in recipients]),
        ("originator", [recipient.sender for recipient in recipients]),
    ):
        if reader.body.get(member) is None and None in values:
            what = "is required unless every recipient has one"
            reader.fault(RefusalCode.FIELD_MISSING, what, member)


def _sender(value: str) -> str | None:
    if _DIGITS.fullmatch(value):
        if sender_kind(value) is not None:
            return value
        number = value if value.startswith("+") else f"+{value}"
        return number if is_e164(number) else None
    return value if sender_kind(value) is not None else None
