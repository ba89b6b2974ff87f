"""Fone Dynamics: reading and validating one message, with all its faults.

The fields and their rules are those of 003_9fb2bf36535a4962.txt. The admission rules are applied to
each message as a campaign of one.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from campaign.alphanumeric import countries_without_names
from campaign.composing import compose
from campaign.events import EndpointMethod, EventEndpoint
from campaign.instants import DAY, SECOND, Instant
from campaign.model import Draft, DraftRecipient, Duplicates, Evidence, Policy
from campaign.phone import OfflineLookup, SenderKind, sender_kind
from campaign.refusals import RefusalCode, Refused
from campaign.replies import ReplyOptions
from campaign.rules import JUDGEMENT
from dialects.fonedynamics.models import (
    FIELDS,
    MESSAGES_MAX,
    TEXT_LENGTH_MAX,
    WORDS,
    Allowed,
    FoneDynamicsMessage,
)
from dialects.fonedynamics.responses import Fault, fault_of
from dialects.http.faults import faults_of

NAME = "fonedynamics"
SCHEDULE_AHEAD_MAX = 14 * DAY
POLICY = Policy(
    recipients_max=MESSAGES_MAX,
    text_length_max=TEXT_LENGTH_MAX,
    duplicates=Duplicates.ALLOW,
    literal=True,
    schedule_ahead_max=SCHEDULE_AHEAD_MAX,
)
_KEPT = ("Text", "Schedule", "DeliveryReceipt")
# Stands in for a faulty field while the rules check the others.
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


def read_item(
    entry: Any,
    owned: Collection[str],
    now: Instant,
    inside_too: bool,
    checked: Checked,
    nameless: Collection[str] = countries_without_names(),
) -> Item:
    """Read one entry of a request; ``owned`` are the senders that the account may use.

    In the countries ``nameless`` a leased number replaces an alphanumeric sender. Field names are
    case-insensitive, as at the vendor.
    """
    members = members_of(entry) if isinstance(entry, dict) else None
    if members is None:
        what = "must be a JSON object" if not isinstance(entry, dict) else "repeats a member"
        fault = fault_of(RefusalCode.FIELD_INVALID, None, f"The message {what}")
        return Item(DraftRecipient(""), faults=[fault])
    read, faults = _read(members, Allowed(owned, inside_too))
    for name in ("To", "Text"):
        if getattr(read, name) is None and all(fault.field != name for fault in faults):
            faults.append(_parameter_fault(RefusalCode.FIELD_MISSING, name, "is missing"))
    sender, receipts = read.From, read.DeliveryReceipt is not False
    options = ReplyOptions(
        receipts=receipts,
        to_number=read.ForwardToSms,
        from_sender=read.ForwardFromSms if read.ForwardToSms else None,
        to_email=read.ForwardToEmail,
        from_email=read.ForwardFromEmail if read.ForwardToEmail else None,
        webhook=_endpoint(read.WebhookUri, read.WebhookMethod),
    )
    endpoint = _endpoint(read.DeliveryReceiptWebhookUri, read.DeliveryReceiptWebhookMethod)
    recipient = DraftRecipient(
        to=read.To or str(members.get("to") or "")[:32],
        text=read.Text,
        sender=sender,
        scheduled_at=None if read.Schedule is None else read.Schedule * SECOND,
        reference=read.ExternalId,
        endpoint=endpoint if receipts else None,
    )
    faults += _decide(recipient, read.To is not None, owned, now, checked)
    faults.sort(key=lambda fault: FIELDS.index(fault.field) if fault.field else -1)
    if recipient.scheduled_at is not None:
        # A time within the past hour means now; it must still be valid when it is composed.
        recipient = replace(recipient, scheduled_at=max(recipient.scheduled_at, now))
    leased = sender is None or (
        sender_kind(sender) is SenderKind.ALPHANUMERIC
        and LOOKUP.look_up(recipient.to).country in nameless
    )
    if not leased:
        # Replies to other senders are handled as the account has configured.
        options = ReplyOptions(receipts=options.receipts)
    return Item(recipient, replace(options, leased=leased), faults)


def _read(members: Mapping[str, Any], allowed: Allowed) -> tuple[FoneDynamicsMessage, list[Fault]]:
    """The members without a fault, and the faults of the others; most blanks mean absent."""
    given = {
        name: value
        for name in FIELDS
        if (value := members.get(name.lower())) is not None
        and (name in _KEPT or not isinstance(value, str) or value.strip())
    }
    try:
        return FoneDynamicsMessage.model_validate(given, context=allowed), []
    except ValidationError as error:
        wrong = faults_of(error, WORDS)
        for one in wrong:
            del given[one.place]
        sound = FoneDynamicsMessage.model_validate(given, context=allowed)
        return sound, [_parameter_fault(one.code, one.place, one.message) for one in wrong]


def _parameter_fault(reason: str, name: str, message: str) -> Fault:
    return fault_of(reason, name, f"{name} parameter {message}")


def _endpoint(uri: str | None, method: str | None) -> EventEndpoint | None:
    return EventEndpoint(uri, EndpointMethod(method or "POST")) if uri else None


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
