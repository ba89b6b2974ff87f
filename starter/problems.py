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
