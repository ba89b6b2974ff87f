"""Textingline: failures, with the vendor's codes and members."""

import re
from collections.abc import Collection
from typing import Any

from fastapi.responses import JSONResponse

from campaign.failures import ServiceUnavailable, StoreUnavailable
from campaign.refusals import RefusalCode, Refused
from dialects.http.answers import ModelResponse
from dialects.http.auth import CHALLENGE, Unauthenticated
from dialects.http.bodies import BadBody
from dialects.http.vendor_routes import Forbidden, TooManyRequests
from dialects.textingline.responses import TextinglineFailure

MORE_INFO = "https://docs.smsfactory.com/docs/error-codes"
# The HTTP status of each code; 400 if it is not here. 402 is our choice: not documented.
STATUSES = {
    33000: 500,
    33001: 401,
    33002: 429,
    33004: 403,
    33010: 403,
    33012: 429,
    33022: 403,
    33023: 402,
}
Failure = tuple[int, str]
UNEXPECTED: Failure = (33000, "An unexpected error occurred")
AUTHENTICATION: Failure = (33001, "Authentication failed")
RATE_LIMIT: Failure = (33002, "Rate limit exceeded")
BLOCKED: Failure = (33010, "Recipient number is blocked")
NOT_ENABLED: Failure = (33022, "API not enabled for this account")
_NO_MEDIA: Failure = (33017, "The media could not be downloaded")
_MIXED = "SMS and MMS recipients cannot be mixed in one batch on this account"
# Our refusals as theirs.
CODES: dict[RefusalCode, Failure] = {
    RefusalCode.MALFORMED: (33005, "The request body is malformed"),
    RefusalCode.FIELD_MISSING: (33005, "A required field is missing"),
    RefusalCode.FIELD_INVALID: (33005, "A field is invalid"),
    RefusalCode.KEY_INVALID: (33005, "The idempotency key is invalid"),
    RefusalCode.KEY_REUSED: (33005, "The idempotency key was used with another payload"),
    RefusalCode.NUMBER_INVALID: (33003, "Phone number is not valid E.164"),
    RefusalCode.SENDER_INVALID: (33003, "The sender is not valid E.164 or a short code"),
    RefusalCode.SENDER_NOT_OWNED: (33004, "The sender number is not assigned to this account"),
    RefusalCode.QUOTA_REACHED: (33012, "Daily messaging quota reached"),
    RefusalCode.MEDIA_INVALID: _NO_MEDIA,
    RefusalCode.MEDIA_UNREACHABLE: _NO_MEDIA,
    RefusalCode.MEDIA_TOO_LARGE: (33014, "The media is larger than 1 MB"),
    RefusalCode.MEDIA_TYPE: (33015, "The media type is not supported"),
    RefusalCode.MEDIA_UNSAFE: (33018, "The media URL failed the security check"),
    RefusalCode.CHARACTERS_INVALID: (33016, "The message body contains invalid characters"),
    RefusalCode.CONTENT_NOT_COMPLIANT: (
        33019,
        "The message body violates messaging compliance rules",
    ),
    RefusalCode.CREDITS_INSUFFICIENT: (33023, "Insufficient credits"),
    RefusalCode.DUPLICATE_RECIPIENTS: (
        33024,
        "recipients must not contain duplicate phone numbers",
    ),
    RefusalCode.CONTENT_MISSING: (33024, "Each recipient must have a body or a mediaUrl"),
    RefusalCode.CONTENT_TOO_LONG: (33005, "The message body is longer than 640 characters"),
    RefusalCode.TOO_FEW_RECIPIENTS: (33024, "recipients must have at least {min:,} entries"),
    RefusalCode.TOO_MANY_RECIPIENTS: (33024, "recipients must have at most {max:,} entries"),
    RefusalCode.MIXED_KINDS: (33024, _MIXED),
}
# Canonical member names, and their names in this API.
_MEMBERS = {"text": "body", "sender": "from"}
_OF_RECIPIENT = re.compile(r"recipients\[\d+\]\.(\w+)")


def show_failure(
    failure: Failure, details: dict[str, Any] | None = None, status: int | None = None
) -> JSONResponse:
    """Write an error body of this API, with the HTTP status of its code or another one."""
    code, message = failure
    status = status or STATUSES.get(code, 400)
    shown: dict[str, Any] = {"details": details} if details else {}
    shown |= {"code": code, "message": message, "status": status, "moreInfo": MORE_INFO}
    headers = CHALLENGE if status == 401 else None
    return ModelResponse(TextinglineFailure(**shown), status, headers)


def show_raised(error: Exception) -> JSONResponse:
    """Answer what a route raised."""
    match error:
        case Unauthenticated():
            return show_failure(AUTHENTICATION)
        case TooManyRequests():
            return show_failure(RATE_LIMIT)
        case Forbidden():
            return show_failure(NOT_ENABLED)
        case BadBody():
            return show_error(error.status, error.reason)
        case Refused():
            return show_refusals(error)
        case ServiceUnavailable() | StoreUnavailable():
            return show_failure(UNEXPECTED, status=503)
    return show_failure(UNEXPECTED)


def show_refusals(refused: Refused, shared: Collection[str] = ("sender",)) -> JSONResponse:
    """Write a refusal; the first reason gives the code, ``details`` lists all with places.

    ``shared`` names the canonical members that the request has once for all its recipients.
    """
    fields: dict[str, dict[str, Any]] = {}
    for refusal in refused.refusals:
        path = _path(refusal.place, shared)
        if path:
            fields.setdefault(path, {"path": path, "message": refusal.message, **refusal.details})
    first = refused.refusals[0]
    code, message = CODES.get(first.code, CODES[RefusalCode.FIELD_INVALID])
    details = {"fields": list(fields.values())}
    return show_failure((code, message.format(**first.details)), details)


def show_error(status: int, message: str) -> JSONResponse:
    """Answer what no route of this API answered."""
    return show_failure((33000 if status >= 500 else 33005, message), status=status)


def _path(place: str, shared: Collection[str]) -> str:
    before, dot, member = place.rpartition(".")
    theirs = _MEMBERS.get(member, member)
    found = _OF_RECIPIENT.fullmatch(place)
    return theirs if found and member in shared else f"{before}{dot}{theirs}"
