"""Telesign: failures, with the codes and texts of the vendor's tables."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from fastapi.responses import JSONResponse

from campaign.failures import ServiceUnavailable, StoreUnavailable
from campaign.refusals import Refused
from dialects.http.answers import ModelResponse
from dialects.http.auth import CHALLENGE
from dialects.http.bodies import BadBody
from dialects.http.vendor_routes import Forbidden, TooManyRequests
from dialects.telesign.auth import Unproven
from dialects.telesign.responses import (
    BAD_REQUEST,
    PRODUCT_NOT_ENABLED,
    RATE_LIMIT,
    UNAVAILABLE,
    Failure,
    failure_of,
    resource,
)


def new_reference_id() -> str:
    """128 random bits as the vendor writes them; an admitted campaign gets it as its id."""
    return secrets.token_hex(16).upper()


def show_failures(
    failures: Sequence[Failure],
    signature_string: str | None = None,
    status: int | None = None,
    reference_id: str = "",
) -> JSONResponse:
    """Answer a failed request as its first failure says, or with another HTTP ``status``."""
    first = failures[0]
    reference_id = reference_id or new_reference_id()
    content = resource(reference_id, first.status, datetime.now(UTC), failures)
    if signature_string is not None:
        content.signature_string = signature_string
    http = status or first.http
    return ModelResponse(content, http, CHALLENGE if http == 401 else None)


def show_refused(refused: Refused, reference_id: str = "") -> JSONResponse:
    """Answer a refusal; what is stored of the campaign is found by ``reference_id``."""
    failures = dict.fromkeys(map(failure_of, refused.refusals))
    return show_failures(list(failures), reference_id=reference_id)


def show_raised(error: Exception) -> JSONResponse:
    """Answer what a route raised."""
    match error:
        case Unproven():
            return show_failures([error.failure], error.signature_string)
        case TooManyRequests():
            return show_failures([RATE_LIMIT])
        case Forbidden():
            return show_failures([PRODUCT_NOT_ENABLED])
        case BadBody():
            return show_error(error.status)
        case Refused():
            return show_refused(error)
        case ServiceUnavailable() | StoreUnavailable():
            return show_error(503)
    return show_error(500)


def show_error(status: int, message: str = "") -> JSONResponse:
    """Answer an HTTP status; the vendor has one text for all of them that are not the caller's."""
    return show_failures([UNAVAILABLE if status >= 500 else BAD_REQUEST], status=status)
