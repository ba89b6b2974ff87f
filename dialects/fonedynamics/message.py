"""Fone Dynamics: reading and validating one message, with all its faults.

The fields and their rules are those of 003_9fb2bf36535a4962.txt. The admission rules are applied to
each message as a campaign of one.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from campaign.composing import compose
from campaign.events import EndpointMethod, EventEndpoint
from campaign.instants import DAY, SECOND, Instant
from campaign.mail import is_mailable
from campaign.model import Draft, DraftRecipient, Duplicates, Evidence, Policy
from campaign.phone import OfflineLookup, SenderKind, full_number, sender_kind
from campaign.refusals import RefusalCode, Refused
from campaign.replies import ReplyOptions
from campaign.rules import JUDGEMENT
from campaign.text import clean
from campaign.web_addresses import ascii_address
from dialects.fonedynamics.responses import Fault, fault_of
from webhooks.addresses import BadUrl, is_private, is_public, read_url

NAME = "fonedynamics"
MESSAGES_MAX = 1_000
TEXT_LENGTH_MAX = 1_600
EXTERNAL_ID_MAX = 200
SCHEDULE_AHEAD_MAX = 14 * DAY
# Operators here take no alphanumeric sender; a leased number replaces it.
NO_ALPHANUMERIC = frozenset({"US", "CA"})
POLICY = Policy(
    recipients_max=MESSAGES_MAX,
    text_length_max=TEXT_LENGTH_MAX,
    duplicates=Duplicates.ALLOW,
    literal=True,
    schedule_ahead_max=SCHEDULE_AHEAD_MAX,
)
FIELDS = (
    "From To Text Schedule "
    "DeliveryReceipt DeliveryReceiptWebhookUri DeliveryReceiptWebhookMethod "
    "ForwardToSms ForwardFromSms ForwardToEmail ForwardFromEmail "
    "WebhookUri WebhookMethod ExternalId"
).split()

# Stands in for a faulty field while the rules check the others.
_SPACE = re.compile(r"\s")
_SOUND = DraftRecipient("+61488023555", text="-", sender="Godwit")
_PLACES = {"to": "To", "text": "Text", "sender": "From", "scheduleDateTime": "Schedule"}
LOOKUP = OfflineLookup()

# The faults of each text checked so far: many requests send one text to all.
Checked = dict[str, list[Fault]]


@dataclass(slots=True)
class Item:
    """One message of a request, ready to be sent unless it has faults."""

    recipient: DraftRecipient
    options: ReplyOptions = field(default_factory=ReplyOptions)
    faults: list[Fault] = field(default_factory=list)


def members_of(entry: Mapping[str, Any]) -> dict[str, Any] | None:
    """The members of an object by lower-case name; None if one is repeated."""
    members = {name.lower(): value for name, value in entry.items()}
    return members if len(members) == len(entry) else None


class _Reader:
    """Reads the fields of one message and collects their faults."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        self.members = members
        self.faults: list[Fault] = []

    def fault(self, reason: str, name: str, message: str) -> None:
        """Add a fault of a field."""
        self.faults.append(fault_of(reason, name, f"{name} parameter {message}"))

    def text(self, name: str, keep_blanks: bool = False) -> str | None:
        """A string; None if it is absent, null, blank, or of another type, which is a fault."""
        value = self.members.get(name.lower())
        if value is None:
            return None
        if not isinstance(value, str):
            self.fault(RefusalCode.FIELD_INVALID, name, "must be a string")
            return None
        return value if keep_blanks or value.strip() else None

    def checked(self, name: str, is_valid: Callable[[str], bool], what: str) -> str | None:
        """A string that ``is_valid`` accepts; otherwise a fault with the text ``what``."""
        value = self.text(name)
        if value is not None and not is_valid(value):
            self.fault(RefusalCode.FIELD_INVALID, name, what)
            return None
        return value

    def number(self, name: str) -> str | None:
        """A number in E.164 format; invisible characters are dropped."""
        value = self.text(name)
        if value is None:
            return None
        number = None if _SPACE.search(value) else full_number(value)
        if number is None:
            self.fault(RefusalCode.NUMBER_INVALID, name, "is not in E.164 format")
        return number

    def yes(self, name: str, default: bool) -> bool:
        """A boolean."""
        value = self.members.get(name.lower())
        if not isinstance(value, bool | None):
            self.fault(RefusalCode.FIELD_INVALID, name, "must be true or false")
        return value if isinstance(value, bool) else default

    def hook(self, name: str, inside_too: bool) -> EventEndpoint | None:
        """A webhook: a URI and a method, which the vendor's own clients write as ``Post``."""
        written = self.text(f"{name}Uri")
        uri = None if written is None else ascii_address(written)
        if written is not None and (uri is None or not _is_url(uri, inside_too)):
            what = "is not an http or https URI"
            self.fault(RefusalCode.FIELD_INVALID, f"{name}Uri", what)
            uri = None
        method = self.checked(
            f"{name}Method",
            lambda value: value.upper() in set(EndpointMethod),
            "must be POST or GET",
        )
        return EventEndpoint(uri, EndpointMethod((method or "POST").upper())) if uri else None


def read_item(
    entry: Any,
    owned: Collection[str],
    now: Instant,
    inside_too: bool,
    checked: Checked,
) -> Item:
    """Read one entry of a request; ``owned`` are the senders that the account may use.

    Field names are case-insensitive, as at the vendor.
    """
    members = members_of(entry) if isinstance(entry, dict) else None
    if members is None:
        what = "must be a JSON object" if not isinstance(entry, dict) else "repeats a member"
        fault = fault_of(RefusalCode.FIELD_INVALID, None, f"The message {what}")
        return Item(DraftRecipient(""), faults=[fault])
    reader = _Reader(members)
    sender = reader.text("From")
    if sender is not None and sender_kind(sender) not in (
        SenderKind.LONG_CODE,
        SenderKind.ALPHANUMERIC,
    ):
        reader.faults.append(fault_of(RefusalCode.SENDER_INVALID))
        sender = None
    to = reader.number("To")
    text = reader.text("Text", keep_blanks=True)
    text = text and clean(text)
    for name, value in (("To", to), ("Text", text)):
        if value is None and not any(fault.field == name for fault in reader.faults):
            reader.fault(RefusalCode.FIELD_MISSING, name, "is missing")
    scheduled_at = _schedule(reader)
    options, endpoint = _options(reader, owned, inside_too)
    recipient = DraftRecipient(
        to=to or str(members.get("to") or "")[:32],
        text=text,
        sender=sender,
        scheduled_at=scheduled_at,
        reference=reader.checked(
            "ExternalId",
            lambda value: len(value) <= EXTERNAL_ID_MAX,
            f"is longer than {EXTERNAL_ID_MAX} characters",
        ),
        endpoint=endpoint if options.receipts else None,
    )
    faults = reader.faults + _decide(recipient, to is not None, owned, now, checked)
    faults.sort(key=lambda fault: FIELDS.index(fault.field) if fault.field else -1)
    if recipient.scheduled_at is not None:
        # A time within the past hour means now; it must still be valid when it is composed.
        recipient = replace(recipient, scheduled_at=max(recipient.scheduled_at, now))
    leased = sender is None or (
        sender_kind(sender) is SenderKind.ALPHANUMERIC
        and LOOKUP.look_up(recipient.to).country in NO_ALPHANUMERIC
    )
    if not leased:
        # Replies to other senders are handled as the account has configured.
        options = ReplyOptions(receipts=options.receipts)
    return Item(recipient, replace(options, leased=leased), faults)


def _schedule(reader: _Reader) -> Instant | None:
    value = reader.members.get("schedule")
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        reader.fault(RefusalCode.FIELD_INVALID, "Schedule", "must be an integer")
        return None
    return value * SECOND


def _options(
    reader: _Reader, owned: Collection[str], inside_too: bool
) -> tuple[ReplyOptions, EventEndpoint | None]:
    receipts = reader.yes("DeliveryReceipt", True)
    endpoint = reader.hook("DeliveryReceiptWebhook", inside_too)
    to_number = reader.number("ForwardToSms")
    from_sender = reader.text("ForwardFromSms")
    if from_sender is not None and from_sender not in owned:
        reader.fault(
            RefusalCode.SENDER_NOT_OWNED, "ForwardFromSms", "is not assigned to this account"
        )
    to_email = reader.checked("ForwardToEmail", is_mailable, "is not an email address")
    from_email = reader.checked("ForwardFromEmail", is_mailable, "is not an email address")
    return ReplyOptions(
        receipts=receipts,
        to_number=to_number,
        from_sender=from_sender if to_number else None,
        to_email=to_email,
        from_email=from_email if to_email else None,
        webhook=reader.hook("Webhook", inside_too),
    ), endpoint


def _decide(
    recipient: DraftRecipient,
    has_number: bool,
    owned: Collection[str],
    now: Instant,
    checked: Checked,
) -> list[Fault]:
    """Check one message against every rule, with valid members in place of faulty ones."""
    probe = DraftRecipient(
        to=recipient.to if has_number else _SOUND.to,
        text=recipient.text if recipient.text is not None else _SOUND.text,
        sender=recipient.sender or _SOUND.sender,
        scheduled_at=recipient.scheduled_at,
    )
    one = Draft(account_id="", dialect=NAME, recipients=[probe], policy=POLICY)
    faults: list[Fault] = []
    try:
        compose(one, now, None, LOOKUP, str)
    except Refused as refused:
        faults += [_fault(each.code, each.place) for each in refused.refusals]
    if recipient.sender is not None and recipient.sender not in owned:
        faults.append(fault_of(RefusalCode.SENDER_NOT_OWNED))
    text = probe.text or ""
    if len(text) > TEXT_LENGTH_MAX:
        return faults
    if text not in checked:
        evidence = Evidence({text: 0}, {}, frozenset(), 1, None, 0)
        found = (each for check in JUDGEMENT for each in check(evidence))
        checked[text] = [_fault(each.code, each.place) for each in found]
    return faults + checked[text]


def _fault(code: RefusalCode, place: str) -> Fault:
    return fault_of(code, _PLACES.get(place.rpartition(".")[2]))


def _is_url(value: str, inside_too: bool) -> bool:
    try:
        literal = read_url(value, inside_too).literal
    except BadUrl:
        return False
    return literal is None or is_public(literal) or (inside_too and is_private(literal))
