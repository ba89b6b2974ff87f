"""Fone Dynamics: the failures of whole requests (003_9fb2bf36535a4962.txt)."""

from fastapi.responses import JSONResponse

from campaign.failures import ServiceUnavailable, StoreUnavailable
from campaign.refusals import Refused
from dialects.fonedynamics.models import (
    FoneDynamicsError,
    FoneDynamicsFailure,
    FoneDynamicsField,
)
from dialects.fonedynamics.responses import Fault, fault_of, item_error, status_of
from dialects.http.answers import ModelResponse
from dialects.http.auth import CHALLENGE, Unauthenticated
from dialects.http.bodies import BadBody
from dialects.http.queries import BadQuery
from dialects.http.vendor_routes import Forbidden, TooManyRequests


def whole_failure(status: int, code: str, message: str, field: str = "") -> JSONResponse:
    """Write the failure of a whole request; ``field`` is the one that is wrong, if it is one."""
    error = FoneDynamicsError(ErrorCode=code, Message=message)
    if field:
        error.Errors = [FoneDynamicsField(FieldName=field)]
    headers = CHALLENGE if status == 401 else None
    return ModelResponse(FoneDynamicsFailure(ResponseStatus=error), status, headers)


def fault_failure(faults: list[Fault]) -> JSONResponse:
    """Write the faults of a single message as the failure of its request."""
    error = item_error(faults)
    if not error.Errors:
        error = FoneDynamicsError(ErrorCode=error.ErrorCode, Message=error.Message)
    return ModelResponse(FoneDynamicsFailure(ResponseStatus=error), status_of(faults[0]))


def show_raised(error: Exception) -> JSONResponse:
    """Answer what a route raised."""
    match error:
        case TooManyRequests():
            return whole_failure(429, "TOO_MANY_REQUESTS", "Too many requests")
        case Unauthenticated():
            return whole_failure(401, "UNAUTHORIZED", "Credentials are missing or invalid")
        case Forbidden():
            return whole_failure(403, "FORBIDDEN", "This key lacks the permission")
        case BadQuery():
            first = error.refusals[0]
            return whole_failure(400, "INVALID_PARAMETER", first.message, first.place)
        case BadBody():
            return whole_failure(error.status, "FormatException", error.reason)
        case Refused():
            # Of a whole campaign, for example for lack of credits.
            return fault_failure([fault_of(error.refusals[0].code)])
        case ServiceUnavailable() | StoreUnavailable():
            return show_error(503, "Temporarily unavailable")
    return show_error(500, "An unexpected error occurred")


def show_error(status: int, message: str) -> JSONResponse:
    """Answer what no route of this API answered."""
    codes = {
        400: "INVALID_PARAMETER",
        404: "NOT_FOUND",
        405: "METHOD_NOT_ALLOWED",
        503: "SERVICE_UNAVAILABLE",
    }
    return whole_failure(status, codes.get(status, "INTERNAL_ERROR"), message)
