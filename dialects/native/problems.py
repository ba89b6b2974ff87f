"""RFC 9457 problem documents for the native API."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.responses import JSONResponse

from campaign.refusals import Refusal, RefusalCode
from dialects.http.answers import schema_of
from dialects.native.problem_models import MEDIA_TYPE, TYPE_PREFIX, About, Problem, examples_of

STATUSES: dict[RefusalCode, int] = {
    RefusalCode.CREDITS_INSUFFICIENT: 402,
    RefusalCode.CREDITS_MAX_EXCEEDED: 402,
    RefusalCode.SENDER_NOT_OWNED: 403,
    RefusalCode.KEY_REUSED: 409,
    RefusalCode.QUOTA_REACHED: 429,
    RefusalCode.CONTENT_NOT_COMPLIANT: 422,
}

_MEANINGS = {
    400: "The request is invalid; ``errors`` names each fault and its place",
    401: "No valid credentials",
    402: "Not enough credits, or the price is above ``creditsMax``",
    403: "The key or the account is not allowed to do this",
    404: "The resource does not exist, or belongs to another account",
    409: "The current state does not allow this",
    410: "The messages of the campaign have been removed",
    413: "The body is too large",
    415: "The media type of the body is not supported",
    422: "The content violates the messaging rules",
    429: "Too many requests, or the daily quota is reached",
    500: "Internal error",
    503: "Temporarily unavailable; retry after Retry-After",
}
SENDING = (400, 401, 402, 403, 404, 409, 413, 415, 422, 429)
LOOKING = (400, 401, 403, 404)
WRITING = (*LOOKING, 409, 413, 415)


def documented(*statuses: int, about: Sequence[About] = ()) -> dict[int | str, dict[str, Any]]:
    """Describe the failures of a route for OpenAPI; 500 and 503 are added to each.

    ``about`` names groups of examples (dialects/native/problem_models.py).
    """
    return {
        status: {
            "description": _MEANINGS[status],
            "content": {
                MEDIA_TYPE: {
                    "schema": schema_of(Problem),
                    "examples": examples_of(status, about),
                }
            },
        }
        for status in (*statuses, 500, 503)
    }


def problem(
    status: int,
    code: str,
    title: str,
    errors: Sequence[Mapping[str, Any]] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Answer with a problem document, whose ``type`` is ``urn:godwit:problem:<code>``."""
    content: dict[str, Any] = {
        "type": TYPE_PREFIX + code,
        "title": title,
        "status": status,
    }
    if errors:
        content["errors"] = list(errors)
    return JSONResponse(content, status, dict(headers or {}), media_type=MEDIA_TYPE)


def refused(refusals: Sequence[Refusal]) -> JSONResponse:
    """Answer with every refusal and its place; the first one decides the HTTP status."""
    first = refusals[0]
    errors = [
        {"place": refusal.place, "code": refusal.code.value, "detail": refusal.message}
        | ({"details": refusal.details} if refusal.details else {})
        for refusal in refusals
    ]
    status = STATUSES.get(first.code, 400)
    return problem(status, first.code.value, first.message, errors)
