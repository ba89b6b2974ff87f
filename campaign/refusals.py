"""Refusals of requests, in canonical codes that each dialect translates."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

# Faults that an answer lists at most, however many recipients the request has.
SHOWN_MAX = 20


class RefusalCode(StrEnum):
    """Why a request is refused. Dialects map these to their vendor's codes."""

    MALFORMED = "malformed_request"
    FIELD_MISSING = "field_missing"
    FIELD_INVALID = "field_invalid"
    KEY_INVALID = "idempotency_key_invalid"
    KEY_REUSED = "idempotency_key_reused"
    TOO_FEW_RECIPIENTS = "too_few_recipients"
    TOO_MANY_RECIPIENTS = "too_many_recipients"
    NUMBER_INVALID = "number_invalid"
    LIST_UNKNOWN = "mailing_list_unknown"
    LIST_EMPTY = "mailing_list_empty"
    DUPLICATE_RECIPIENTS = "duplicate_recipients"
    CONTENT_MISSING = "content_missing"
    CONTENT_TOO_LONG = "content_too_long"
    CHARACTERS_INVALID = "characters_invalid"
    MIXED_KINDS = "mixed_kinds"
    FIELDS_MISSING = "template_fields_missing"
    MEDIA_INVALID = "media_invalid"
    MEDIA_UNSAFE = "media_unsafe"
    MEDIA_UNREACHABLE = "media_unreachable"
    MEDIA_TOO_LARGE = "media_too_large"
    MEDIA_TYPE = "media_type_unsupported"
    SCHEDULE_INVALID = "schedule_invalid"
    LINKS_UNAVAILABLE = "short_links_unavailable"
    SPREAD_INVALID = "spread_invalid"
    SENDER_INVALID = "sender_invalid"
    SENDER_NOT_OWNED = "sender_not_owned"
    CONTENT_NOT_COMPLIANT = "content_not_compliant"
    QUOTA_REACHED = "daily_quota_reached"
    CREDITS_INSUFFICIENT = "credits_insufficient"
    CREDITS_MAX_EXCEEDED = "credits_max_exceeded"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason why a request is refused.

    ``place`` is the canonical path of the fault in the request (``recipients[3].text``), or empty
    for the whole request. ``message`` and ``details`` never contain a phone number or a message
    text, because refusals are recorded by Temporal; only an answer to the owner of a mailing list
    or of a file has the number or the value in question.
    """

    code: RefusalCode
    message: str
    place: str = ""
    details: dict[str, Any] = field(default_factory=dict)


class Refused(Exception):
    """A request cannot become a campaign; ``refusals`` has every fault that was found."""

    def __init__(self, *refusals: Refusal) -> None:
        if not refusals:
            raise ValueError("Refused needs at least one refusal")
        super().__init__(refusals[0].code.value)
        self.refusals = refusals


def key_reused() -> Refused:
    """Make the refusal of a request key that belongs to a different request."""
    what = "the key was used for a different request"
    return Refused(Refusal(RefusalCode.KEY_REUSED, what, "Idempotency-Key"))
