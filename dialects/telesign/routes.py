"""Telesign: the bulk SMS API (seed 002_0fa33d6af2780972.txt).

What the vendor does not document, or contradicts itself on, is decided in
docs/decisions/0016-telesign.md.
"""

import asyncio
import secrets
from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from campaign.refusals import Refused
from dialects.dialect import Dialect
from dialects.http.answers import ModelResponse, body_of, failures_of
from dialects.http.auth import BASIC, Permission, caller_of
from dialects.http.bodies import BadBody, parse_form, read_bytes
from dialects.http.context import ApiContext
from dialects.http.queries import check_query
from dialects.http.rate_limits import Window
from dialects.http.replays import note_replay
from dialects.telesign.auth import SIGNED, Caller, Unproven, proved
from dialects.telesign.errors import show_failures
from dialects.telesign.requests import NAME, TelesignBulk, read
from dialects.telesign.responses import (
    BAD_REQUEST,
    PRODUCT_NOT_ENABLED,
    RATE_LIMIT,
    UNAVAILABLE,
    Failure,
    TelesignResource,
    failure_of,
    show,
)

PREFIX = "/v1/verify"
PATH = "/v1/verify/bulk_sms"
MEDIA_TYPE = "application/x-www-form-urlencoded"
# The vendor publishes no figure: limits are set per account.
BULK_LIMIT = "60/minute"
# 1,000 recipients with session ids of 64 characters, all of them percent-encoded.
BODY_BYTES_MAX = 1024 * 1024


def routes(context: ApiContext) -> APIRouter:
    """The routes of this API."""
    router = APIRouter(tags=["Telesign"])

    @router.post(
        PATH,
        operation_id="sendTelesignBulk",
        response_model=TelesignResource,
        summary="Send one SMS to up to 1,000 recipients",
        responses=failures_of(
            TelesignResource,
            {
                400: "The request is invalid: -10001 -10002 -10003 -40006; too few credits: -40008",
                401: "Not authorized: -20002 -30000 to -30015",
                413: "The body is too large: -40006",
                415: "The body is compressed: -40006",
                429: "Rate limit -40007; daily quota -40008",
                500: "Unexpected: -90001",
                503: "Temporarily unavailable: -90001",
            },
        ),
        openapi_extra=body_of(TelesignBulk, MEDIA_TYPE),
    )
    async def send_bulk(request: Request) -> JSONResponse:
        """Validates the request and holds its credits, then sends it in the background."""
        reference_id = _new_reference_id()
        try:
            return await _send(request, context, reference_id)
        except BadBody as bad:
            return _stopped(BAD_REQUEST, bad.status, reference_id)
        except Refused as refused:
            failures = dict.fromkeys(map(failure_of, refused.refusals))
            return show_failures(list(failures), reference_id)
        except Unproven as unproven:
            window = await context.limiter.take(BULK_LIMIT, "bulk_sms", caller_of(request))
            if not window.allowed:
                return _limited(window, reference_id)
            return show_failures([unproven.failure], reference_id, unproven.signature_string)

    return router


async def _send(request: Request, context: ApiContext, reference_id: str) -> JSONResponse:
    # The body is read first, because the signature covers it.
    body = await read_bytes(request, min(BODY_BYTES_MAX, context.settings.body_bytes_max))
    now = await asyncio.to_thread(context.store.clock.now)
    async with proved(request, body, PATH, context.store, now) as caller:
        return await _admit(request, body, context, reference_id, caller)


async def _admit(
    request: Request, body: bytes, context: ApiContext, reference_id: str, caller: Caller
) -> JSONResponse:
    principal = caller.principal
    window = await context.limiter.take(BULK_LIMIT, "bulk_sms", principal.key_id)
    if not window.allowed:
        return _limited(window, reference_id)
    if not principal.may(Permission.SEND):
        return show_failures([PRODUCT_NOT_ENABLED], reference_id)
    check_query(request)
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.lower().replace(" ", "").replace('"', "")
    if media_type.strip().lower() != MEDIA_TYPE or charset not in ("", "charset=utf-8"):
        return show_failures([BAD_REQUEST], reference_id)
    try:
        draft = await asyncio.to_thread(lambda: read(parse_form(body), principal))
    except BadBody as bad:
        return _stopped(BAD_REQUEST, bad.status, reference_id)
    draft = replace(draft, key=draft.key or caller.key)
    admission = await context.service.admit(draft, campaign_id=reference_id)
    note_replay(request, admission.replayed)
    return ModelResponse(show(admission.campaign))


def _limited(window: Window, reference_id: str) -> JSONResponse:
    # The vendor has no X-RateLimit headers; Retry-After is ours.
    response = show_failures([RATE_LIMIT], reference_id)
    response.headers["Retry-After"] = window.headers()["Retry-After"]
    return response


def _stopped(failure: Failure, http: int, reference_id: str) -> JSONResponse:
    response = show_failures([failure], reference_id)
    response.status_code = http
    return response


def _new_reference_id() -> str:
    """128 random bits as the vendor writes them; an admitted campaign gets it as its id."""
    return secrets.token_hex(16).upper()


def show_error(status: int, message: str) -> JSONResponse:
    """Answer what no route of this API answered."""
    return _stopped(UNAVAILABLE if status >= 500 else BAD_REQUEST, status, _new_reference_id())


DIALECT = Dialect(
    NAME,
    PREFIX,
    routes,
    show_error,
    schemes={**BASIC, **SIGNED},
    tags={"Telesign": "Telesign's bulk SMS API"},
)
