"""RFC 9457 problem documents for the native API."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.responses import JSONResponse

from campaign.refusals import Refusal, RefusalCode

STATUSES: dict[RefusalCode, int] = {
    RefusalCode.CREDITS_INSUFFICIENT: 402,
    RefusalCode.SENDER_NOT_OWNED: 403,
    RefusalCode.KEY_REUSED: 409,
    RefusalCode.QUOTA_REACHED: 429,
    RefusalCode.CONTENT_NOT_COMPLIANT: 422,
}

_MEANINGS = {
    400: "Something is wrong with the request; ``errors`` says what and where",
    401: "No valid credentials",
    402: "Not enough credits",
    403: "The key or the account may not do this",
    404: "There is no such thing",
    409: "Not possible as things stand",
    413: "The body is too large",
    415: "The body is not of the media type that is read here",
    422: "The content breaks the messaging rules",
    429: "The daily quota is reached",
    500: "Our fault",
    503: "Not available just now; try again after Retry-After",
}
SENDING = (400, 401, 402, 403, 404, 409, 413, 415, 422, 429)
LOOKING = (400, 401, 403, 404)
WRITING = (*LOOKING, 409, 413, 415)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The failures of a route as OpenAPI has them; 500 and 503 may come from any."""
    content: dict[str, Any] = {"application/problem+json": {}}
    return {
        status: {"description": _MEANINGS[status], "content": content}
        for status in (*statuses, 500, 503)
    }


def problem(
    status: int,
    code: str,
    title: str,
    errors: Sequence[Mapping[str, Any]] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Write a problem document; ``type`` is stable: ``urn:godwit:problem:<code>``."""
    content: dict[str, Any] = {
        "type": f"urn:godwit:problem:{code}",
        "title": title,
        "status": status,
    }
    if errors:
        content["errors"] = list(errors)
    return JSONResponse(content, status, dict(headers or {}), media_type="application/problem+json")


def refused(refusals: Sequence[Refusal]) -> JSONResponse:
    """Write every reason for a no, each with its place; the first one gives the status."""
    first = refusals[0]
    errors = [
        {"place": refusal.place, "code": refusal.code.value, "detail": refusal.message}
        | ({"details": refusal.details} if refusal.details else {})
        for refusal in refusals
    ]
    status = STATUSES.get(first.code, 400)
    return problem(status, first.code.value, first.message, errors)
