"""Mobivate: failures, in the two shapes that the vendor's pages have."""

from dataclasses import dataclass
from typing import Any

from fastapi.responses import JSONResponse

from campaign.failures import ServiceUnavailable, StoreUnavailable
from campaign.refusals import RefusalCode, Refused
from dialects.http.answers import ModelResponse
from dialects.http.auth import Unauthenticated
from dialects.http.bodies import BadBody
from dialects.http.vendor_routes import Forbidden, TooManyRequests
from dialects.mobivate.responses import (
    MobivateArchivedFailure,
    MobivateError,
    MobivateFailure,
    MobivateFault,
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure: its name and status on the send routes, its status and text on the others."""

    name: str
    status: int
    archived_status: int
    archived_message: str


AUTHENTICATION = Failure("AuthenticationError", 403, 401, "Unauthorized")
VALIDATION = Failure("ValidationError", 400, 400, "Bad request")
OUT_OF_CREDIT = Failure("OutOfCreditError", 402, 402, "Out of credit")
OPTED_OUT = Failure("OptedOutError", 403, 403, "Opted out")
RATE_LIMIT = Failure("RateLimitError", 429, 429, "Rate limit exceeded")
NOT_FOUND = Failure("NotFoundError", 404, 404, "Not found")
INTERNAL = Failure("InternalError", 500, 500, "Internal error")
UNAVAILABLE = Failure("ServiceUnavailableError", 503, 503, "Service unavailable")
# Refusals that are not a ValidationError.
FAILURES: dict[RefusalCode, Failure] = {
    RefusalCode.CREDITS_INSUFFICIENT: OUT_OF_CREDIT,
    RefusalCode.QUOTA_REACHED: RATE_LIMIT,
}
# The last member of a place, and its name in this API.
_MEMBERS = {
    ".to": ".recipient",
    ".mailingList": ".recipient",
    ".sender": ".originator",
    ".fields": ".meta",
}
_SINGLE = "recipients[0]."


def show_failure(
    failure: Failure, message: str | None = None, status: int | None = None, **more: Any
) -> JSONResponse:
    """Write a failure of a send route; only what the caller can correct has a message."""
    code = status or failure.status
    error: dict[str, Any] = {"name": failure.name, "statusCode": code}
    if message is not None:
        error["message"] = message
    return ModelResponse(MobivateFailure(success=False, error=MobivateError(**error, **more)), code)


def show_refusals(refused: Refused, single: bool = False) -> JSONResponse:
    """Write a refusal: the first reason gives name and message, ``details`` lists all."""
    details = []
    for refusal in refused.refusals:
        path = refusal.place
        for ours, theirs in _MEMBERS.items():
            if path.endswith(ours):
                path = path.removesuffix(ours) + theirs
        if single:
            path = path.removeprefix(_SINGLE)
        details.append(MobivateFault(path=path, message=refusal.message))
    first = details[0]
    message = f"{first.path}: {first.message}" if first.path else first.message
    failure = FAILURES.get(refused.refusals[0].code, VALIDATION)
    return show_failure(failure, message, details=details)


def show_raised(error: Exception) -> JSONResponse:
    """Answer what a route raised."""
    match error:
        case BadBody():
            return show_failure(VALIDATION, error.reason, error.status)
        case Refused():
            return show_refusals(error)
    return show_failure(_failure_of(error))


def show_archived(error: Exception) -> JSONResponse:
    """Answer what a route raised that only the older pages describe."""
    match error:
        case BadBody():
            return show_archived_failure(VALIDATION, error.reason)
        case Refused():
            return show_archived_failure(VALIDATION, error.refusals[0].message)
    return show_archived_failure(_failure_of(error))


def show_archived_failure(failure: Failure, message: str | None = None) -> JSONResponse:
    """Write a failure of a route that only the older pages describe."""
    shown = MobivateArchivedFailure(
        code=failure.archived_status, message=message or failure.archived_message
    )
    return ModelResponse(shown, failure.archived_status)


def _failure_of(error: Exception) -> Failure:
    match error:
        case Unauthenticated() | Forbidden():
            return AUTHENTICATION
        case TooManyRequests():
            return RATE_LIMIT
        case ServiceUnavailable() | StoreUnavailable():
            return UNAVAILABLE
    return INTERNAL


def show_error(status: int, message: str) -> JSONResponse:
    """Answer what no route of this API answered."""
    named = {one.status: one for one in (NOT_FOUND, INTERNAL, UNAVAILABLE)}
    if status == 405:
        return show_failure(Failure("MethodNotAllowedError", 405, 405, message), message)
    failure = named.get(status, INTERNAL if status >= 500 else VALIDATION)
    return show_failure(failure, message, status)
