"""Fone Dynamics: the failures of whole requests (003_9fb2bf36535a4962.txt)."""

from typing import Any

from fastapi.responses import JSONResponse

from campaign.refusals import Refusal, Refused
from dialects.fonedynamics.responses import Fault, fault_of, item_error, status_of


def whole_failure(
    status: int, code: str, message: str, fields: list[dict[str, str]] | None = None
) -> JSONResponse:
    """Write the failure of a whole request."""
    result: dict[str, Any] = {"ErrorCode": code, "Message": message}
    if fields:
        result["Errors"] = fields
    return JSONResponse({"ResponseStatus": result}, status)


def fault_failure(faults: list[Fault]) -> JSONResponse:
    """Write the faults of a single message as the failure of its request."""
    error = item_error(faults)
    return whole_failure(
        status_of(faults[0]), error["ErrorCode"], error["Message"], error["Errors"]
    )


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
