"""Fone Dynamics: its message JSON, its errors and its sids (003_9fb2bf36535a4962.txt)."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from campaign.ids import ID_BYTES, MESSAGE_PREFIX, make_id, read_id
from campaign.inbound import INBOUND_PREFIX, InboundMessage
from campaign.instants import SECOND, Instant
from campaign.leases import NoLease
from campaign.refusals import RefusalCode
from campaign.replies import ReplyOptions
from campaign.states import GIVEN_UP, MessageStatus
from campaign.text import segment
from campaign.views import MessageView
from dialects.fonedynamics.models import FoneDynamicsError, FoneDynamicsField
from store.accounts.api_keys import Principal

BAD_SID = "Invalid length for a Base-64 char array or string."

_SID_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SID_LENGTH = 31
# A message id times an odd number: similar ids get different sids, and a mistyped sid is detected,
# because only one in 2**32 is valid.
_SID_RANGE = 1 << 160
_SID_FACTOR = 0x9E3779B97F4A7C15F39CC0605CEDC8341082276B
_SID_BACK = pow(_SID_FACTOR, -1, _SID_RANGE)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of one message: the vendor's code, sentence and field, and our reason.

    ``reason`` is stored with the failed message; ``fault_of`` makes the fault from it again.
    """

    code: str
    message: str
    reason: str
    field: str | None = None


class _Known(NamedTuple):
    """The vendor's code, sentence and field, and the HTTP status of a single message."""

    code: str
    sentence: str
    field: str | None = None
    status: int = 400


# INVALID_PHONENUMBER_FORMAT, its sentence and FORBIDDEN are the vendor's.
_FAULTS: dict[str, _Known] = {
    RefusalCode.FIELD_MISSING: _Known("MISSING_PARAMETER", "A required parameter is missing"),
    RefusalCode.FIELD_INVALID: _Known("INVALID_PARAMETER", "A parameter is not valid"),
    RefusalCode.NUMBER_INVALID: _Known(
        "INVALID_PHONENUMBER_FORMAT", "To parameter is not in E.164 format", "To"
    ),
    RefusalCode.SENDER_INVALID: _Known(
        "INVALID_SENDER_ID",
        "From parameter is neither in E.164 format nor an alphanumeric sender ID",
        "From",
    ),
    RefusalCode.SENDER_NOT_OWNED: _Known(
        "INVALID_SENDER_ID", "From parameter is not assigned to this account", "From", 403
    ),
    RefusalCode.SCHEDULE_INVALID: _Known(
        "INVALID_SCHEDULE",
        "Schedule parameter is an hour or more in the past or more than 14 days ahead",
        "Schedule",
    ),
    RefusalCode.CONTENT_MISSING: _Known(
        "MISSING_PARAMETER", "Text parameter must not be empty", "Text"
    ),
    RefusalCode.CONTENT_TOO_LONG: _Known(
        "INVALID_PARAMETER", "Text parameter is longer than 1600 characters", "Text"
    ),
    RefusalCode.CHARACTERS_INVALID: _Known(
        "INVALID_PARAMETER", "Text parameter has a character that is not allowed", "Text"
    ),
    RefusalCode.CONTENT_NOT_COMPLIANT: _Known(
        "FORBIDDEN", "Text parameter violates the messaging rules", "Text", 403
    ),
    NoLease.LIMIT: _Known(
        "LEASE_LIMIT_REACHED", "There are 5 leases to this recipient already", "From", 403
    ),
    NoLease.NONE_FREE: _Known(
        "LEASE_UNAVAILABLE", "No number is free to be leased to this recipient", "From", 403
    ),
    "opted_out": _Known("RECIPIENT_OPTED_OUT", "The recipient has opted out", "To", 403),
    RefusalCode.CREDITS_INSUFFICIENT: _Known(
        "INSUFFICIENT_CREDIT", "The account has not enough credit for these messages", status=403
    ),
    RefusalCode.QUOTA_REACHED: _Known(
        "QUOTA_REACHED", "The daily quota of the account is reached", status=403
    ),
}
_STATUSES = {
    MessageStatus.SENT: "Submitted",
    MessageStatus.DELIVERED: "Delivered",
    MessageStatus.UNDELIVERED: "Failed",
    **dict.fromkeys(GIVEN_UP, "Failed"),
}


def fault_of(reason: str, field: str | None = None, message: str | None = None) -> Fault:
    """The fault for one of our reasons; an unknown reason becomes a code in capitals."""
    known = _FAULTS.get(reason) or _Known(reason.upper(), "The message cannot be sent")
    return Fault(known.code, message or known.sentence, reason, field or known.field)


def status_of(fault: Fault) -> int:
    """The HTTP status of the fault of a single message."""
    known = _FAULTS.get(fault.reason)
    return 400 if known is None else known.status


def item_error(faults: list[Fault]) -> FoneDynamicsError:
    """Write the item of a message that was not accepted and so has no MessageSid."""
    fields = dict.fromkeys(fault.field for fault in faults if fault.field is not None)
    return FoneDynamicsError(
        ErrorCode=faults[0].code,
        Message=faults[0].message,
        Errors=[FoneDynamicsField(FieldName=name) for name in fields],
    )


def show_message(
    view: MessageView,
    created_at: Instant,
    options: ReplyOptions,
    account_sid: str,
    property_sid: str,
) -> dict[str, Any]:
    """Write the current state of a sent message, without the times that it has not reached."""
    status = _STATUSES.get(view.status, "Processing")
    if view.status is MessageStatus.DELIVERED and not options.receipts:
        status = "Submitted"
    shown: dict[str, Any] = {
        "MessageSid": sid_of(view.id),
        "AccountSid": account_sid,
        "PropertySid": property_sid,
        "From": view.sender,
        "To": view.to,
        "Text": view.text,
        "DeliveryReceipt": options.receipts,
        "NumSegments": view.segments if view.sent_at is not None else 0,
        "Status": status,
        "Direction": "Transmit",
        "Created": created_at // SECOND,
        "ErrorCode": _error_code(view) if status == "Failed" else "",
        "ExternalId": view.reference or "",
    }
    if view.scheduled_at is not None:
        shown["Scheduled"] = view.scheduled_at // SECOND
    if view.sent_at is not None:
        shown["Submitted"] = view.sent_at // SECOND
    if status == "Delivered" and view.final_at is not None:
        shown["Delivered"] = view.final_at // SECOND
    return shown


def show_accepted(
    view: MessageView, created_at: Instant, options: ReplyOptions, principal: Principal
) -> dict[str, Any]:
    """Write a message as its request is answered: in state Processing.

    So a replayed idempotency key has the same answer, whatever happened since.
    """
    shown = show_message(view, created_at, options, principal.key_id, principal.property_sid)
    shown |= {"NumSegments": 0, "Status": "Processing", "ErrorCode": ""}
    shown.pop("Submitted", None)
    shown.pop("Delivered", None)
    return shown


def show_received(
    reply: InboundMessage, answered: MessageView | None, account_sid: str, property_sid: str
) -> dict[str, Any]:
    """Write an inbound text as a received message, with the sid of the message that it answers.

    The addresses of its media follow the text.
    """
    shown = {
        "MessageSid": sid_of(reply.id),
        "AccountSid": account_sid,
        "PropertySid": property_sid,
        "From": reply.writer,
        "To": reply.number,
        "Text": reply.text,
        "DeliveryReceipt": False,
        "NumSegments": segment(reply.text).count,
        "Status": "Received",
        "Direction": "Receive",
        "Created": reply.received_at // SECOND,
        "ErrorCode": "",
        "ExternalId": (answered and answered.reference) or "",
        "Received": reply.received_at // SECOND,
    }
    if answered is not None:
        shown["ResponseToMessageSid"] = sid_of(answered.id)
    return shown


def _error_code(view: MessageView) -> str:
    reason = view.reason or view.error or view.status.value
    return fault_of(reason).code


def sid_of(id: str) -> str:
    """Write the id of a message or reply in the vendor's form: M and 31 of A-Z and 0-9."""
    random = read_id(id[: len(MESSAGE_PREFIX)], id)
    assert random is not None, "not an id of ours"
    value = int.from_bytes(random, "big") * _SID_FACTOR % _SID_RANGE
    digits = []
    for _ in range(_SID_LENGTH):
        value, digit = divmod(value, 36)
        digits.append(_SID_DIGITS[digit])
    return "M" + "".join(reversed(digits))


def message_id_of(sid: str) -> str | None:
    """The message id of a sid, None if it is no sid of ours.

    The sid of a reply gives an id that ``reply_id_of`` turns into the reply's.
    """
    digits = sid[1:]
    if sid[:1] != "M" or len(digits) != _SID_LENGTH or set(digits) - set(_SID_DIGITS):
        return None
    value = int(digits, 36)
    if value >= _SID_RANGE:
        return None
    value = value * _SID_BACK % _SID_RANGE
    return make_id(MESSAGE_PREFIX, value.to_bytes(ID_BYTES, "big")) if value >> 128 == 0 else None


def reply_id_of(message_id: str) -> str:
    """The id of a reply, from what ``message_id_of`` made of its sid."""
    return INBOUND_PREFIX + message_id.removeprefix(MESSAGE_PREFIX)
