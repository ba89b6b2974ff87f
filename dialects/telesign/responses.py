"""Telesign: its codes, and the object that it answers every request with.

Codes and descriptions are those of the vendor's tables for this endpoint; for authentication, those
of the other endpoints below ``/v1/verify``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from campaign.instants import moment_of
from campaign.refusals import Refusal, RefusalCode
from campaign.views import CampaignView
from dialects.http.api_model import AnswerModel, example

SUB_RESOURCE = "bulk_sms"
ACCEPTED = 293
NOT_ATTEMPTED = 500
NOT_AUTHORIZED = 501
DESCRIPTIONS = {
    ACCEPTED: "Bulk request accepted",
    NOT_ATTEMPTED: "Transaction not attempted",
    NOT_AUTHORIZED: "Not authorized",
}


class TelesignStatus(AnswerModel):
    """The outcome of a request; 293 is accepted."""

    code: int
    description: str
    updated_on: str


class TelesignError(AnswerModel):
    """What is wrong with a request, with one of the vendor's codes."""

    code: int
    description: str


class TelesignResource(AnswerModel):
    """The answer to every request; ``signature_string`` is what should have been signed."""

    model_config = example(
        {
            "reference_id": "0A1B2C3D4E5F60718293A4B5C6D7E8F9",
            "sub_resource": SUB_RESOURCE,
            "status": {
                "code": ACCEPTED,
                "description": DESCRIPTIONS[ACCEPTED],
                "updated_on": "2026-11-21T09:00:00.000000Z",
            },
            "errors": [],
        }
    )

    reference_id: str
    sub_resource: str
    status: TelesignStatus
    errors: list[TelesignError]
    signature_string: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """One of the vendor's errors: HTTP status, code, text, and the status shown with it."""

    http: int
    code: int
    description: str
    status: int = NOT_ATTEMPTED


def unauthorized(code: int, description: str, status: int = NOT_AUTHORIZED) -> Failure:
    """One of the vendor's errors of authentication and authorization."""
    return Failure(401, code, description, status)


RECIPIENTS_EMPTY = Failure(400, -10002, "Empty recipients list")
RECIPIENTS_TOO_MANY = Failure(400, -10003, "Max number of recipients exceeded")
BAD_REQUEST = Failure(400, -40006, "Bad Request")
RATE_LIMIT = Failure(429, -40007, "Rate Limit Exceeded")
OUT_OF_CREDITS = Failure(400, -40008, "Verify SMS exceeded transaction hard cap. Request denied.")
HARD_CAP = Failure(429, -40008, "Verify SMS exceeded transaction hard cap. Request denied.")
UNAVAILABLE = Failure(500, -90001, "System Unavailable, please try again later.")

PRODUCT_NOT_ENABLED = unauthorized(-20002, "This product is not enabled for this Customer ID.")

# The vendor has no code for missing credits; the cap is the nearest. Its clients repeat a 429 until
# it is taken, which only the quota of a day will be.
_FAILURES: dict[RefusalCode, Failure] = {
    RefusalCode.MALFORMED: BAD_REQUEST,
    RefusalCode.TOO_FEW_RECIPIENTS: RECIPIENTS_EMPTY,
    RefusalCode.TOO_MANY_RECIPIENTS: RECIPIENTS_TOO_MANY,
    RefusalCode.QUOTA_REACHED: HARD_CAP,
    RefusalCode.CREDITS_INSUFFICIENT: OUT_OF_CREDITS,
}
_MISSING = (RefusalCode.FIELD_MISSING, RefusalCode.CONTENT_MISSING)
# The last member of a place, and the parameter that it was read from.
_PARAMETERS = {"text": "template", "sender": "sender_id", "to": "recipients"}


def failure_of(refusal: Refusal) -> Failure:
    """The vendor's error for one of our refusals."""
    if refusal.code in _FAILURES:
        return _FAILURES[refusal.code]
    member = refusal.place.rpartition(".")[2]
    parameter = _PARAMETERS.get(member, member).capitalize()
    reason = "Missing parameter" if refusal.code in _MISSING else refusal.message
    return Failure(400, -10001, f"Invalid Request: {reason} Parameter: {parameter}")


def show(view: CampaignView) -> TelesignResource:
    """Answer an accepted request; the answer to a replayed key is the same."""
    return resource(view.id, ACCEPTED, moment_of(view.created_at), ())


def stamp(at: datetime) -> str:
    """A time as this API writes it: RFC 3339 in UTC, with microseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def resource(
    reference_id: str, status: int, at: datetime, failures: Sequence[Failure]
) -> TelesignResource:
    """Write the object of an answer, accepted or not."""
    return TelesignResource(
        reference_id=reference_id,
        sub_resource=SUB_RESOURCE,
        status=TelesignStatus(code=status, description=DESCRIPTIONS[status], updated_on=stamp(at)),
        errors=[TelesignError(code=one.code, description=one.description) for one in failures],
    )
