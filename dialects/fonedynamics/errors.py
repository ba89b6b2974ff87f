"""Fone Dynamics: the failures of whole requests (003_9fb2bf36535a4962.txt)."""

from fastapi.responses import JSONResponse

from campaign.refusals import Refusal, Refused
from dialects.fonedynamics.models import (
    FoneDynamicsError,
    FoneDynamicsFailure,
    FoneDynamicsField,
)
from dialects.fonedynamics.responses import Fault, fault_of, item_error, status_of
from dialects.http.answers import ModelResponse


def whole_failure(status: int, code: str, message: str, field: str = "") -> JSONResponse:
    """Write the failure of a whole request; ``field`` is the one that is wrong, if it is one."""
    error = FoneDynamicsError(ErrorCode=code, Message=message)
    if field:
        error.Errors = [FoneDynamicsField(FieldName=field)]
    return ModelResponse(FoneDynamicsFailure(ResponseStatus=error), status)


def fault_failure(faults: list[Fault]) -> JSONResponse:
    """Write the faults of a single message as the failure of its request."""
    error = item_error(faults)
    if not error.Errors:
        error = FoneDynamicsError(ErrorCode=error.ErrorCode, Message=error.Message)
    return ModelResponse(FoneDynamicsFailure(ResponseStatus=error), status_of(faults[0]))


def refusal_failure(refused: Refused) -> JSONResponse:
    """Write the refusal of a whole campaign, for example for lack of credits."""
    refusal: Refusal = refused.refusals[0]
    return fault_failure([fault_of(refusal.code)])


def show_error(status: int, message: str) -> JSONResponse:
    """Answer what no route of this API answered."""
    codes = {
        400: "INVALID_PARAMETER",
        404: "NOT_FOUND",
        405: "METHOD_NOT_ALLOWED",
        503: "SERVICE_UNAVAILABLE",
    }
    return whole_failure(status, codes.get(status, "INTERNAL_ERROR"), message)
