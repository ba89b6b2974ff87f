"""Telesign: the bulk SMS API (seed 002_0fa33d6af2780972.txt).

What the vendor does not document, or contradicts itself on, is decided in
docs/decisions/0016-telesign.md.
"""

import asyncio
from dataclasses import replace

from fastapi import APIRouter, Request

from campaign.refusals import Refused
from dialects.dialect import Dialect
from dialects.http.answers import body_of, failures_of
from dialects.http.auth import BASIC, Permission, caller_of
from dialects.http.bodies import BadBody, parse_form, read_bytes
from dialects.http.context import context_of
from dialects.http.vendor_routes import Access, Stop, vendor_route
from dialects.telesign.auth import SIGNED, Unproven, proved
from dialects.telesign.errors import new_reference_id, show_error, show_raised, show_refused
from dialects.telesign.requests import NAME, TelesignBulk
from dialects.telesign.requests import read as read
from dialects.telesign.responses import TelesignResource, show

PREFIX = "/v1/verify"
PATH = "/v1/verify/bulk_sms"
MEDIA_TYPE = "application/x-www-form-urlencoded"
# The vendor publishes no figure: limits are set per account.
BULK_LIMIT = "60/minute"
# 1,000 recipients with session ids of 64 characters, all of them percent-encoded.
BODY_BYTES_MAX = 1024 * 1024

_access = Access("bulk_sms", lambda: BULK_LIMIT)
router = APIRouter(tags=["Telesign"], route_class=vendor_route(show_raised))


@router.post(
    PATH,
    operation_id="sendTelesignBulk",
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
async def send_bulk(request: Request) -> TelesignResource:
    """Validates the request and holds its credits, then sends it in the background."""
    context = context_of(request)
    # The body is read first, because the signature covers it.
    body = await read_bytes(request, min(BODY_BYTES_MAX, context.settings.body_bytes_max))
    now = await asyncio.to_thread(context.store.clock.now)
    reference_id = new_reference_id()
    try:
        async with proved(request, body, PATH, context.store, now) as caller:
            call = await _access.admit(request, caller.principal, Permission.SEND)
            _check_media_type(request)
            draft = await asyncio.to_thread(lambda: read(parse_form(body), call.principal))
            draft = replace(draft, key=draft.key or caller.key)
            return show(await call.admit(draft, campaign_id=reference_id))
    except Refused as refused:
        raise Stop(show_refused(refused, reference_id)) from refused
    except Unproven:
        await _access.count(request, caller_of(request))
        raise


def _check_media_type(request: Request) -> None:
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.lower().replace(" ", "").replace('"', "")
    if media_type.strip().lower() != MEDIA_TYPE or charset not in ("", "charset=utf-8"):
        raise BadBody("no form in UTF-8")


DIALECT = Dialect(
    NAME,
    PREFIX,
    lambda context: router,
    show_error,
    schemes={**BASIC, **SIGNED},
    tags={"Telesign": "Telesign's bulk SMS API"},
)
