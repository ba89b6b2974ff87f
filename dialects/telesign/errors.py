"""Telesign: failures, with the codes and texts of the vendor's tables."""

from collections.abc import Sequence
from datetime import UTC, datetime

from fastapi.responses import JSONResponse

from dialects.http.answers import ModelResponse
from dialects.telesign.responses import Failure, resource


def show_failures(
    failures: Sequence[Failure], reference_id: str, signature_string: str | None = None
) -> JSONResponse:
    """Answer a failed request; the first failure decides status and HTTP status."""
    first = failures[0]
    content = resource(reference_id, first.status, datetime.now(UTC), failures)
    if signature_string is not None:
        content.signature_string = signature_string
    headers = {"WWW-Authenticate": 'Basic realm="godwit"'} if first.http == 401 else {}
    return ModelResponse(content, first.http, headers)
