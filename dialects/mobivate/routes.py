"""Mobivate: ``POST /send/batch`` and ``/send/single`` (seed 004_fbbb4dde654ffae7.txt).

Opt-outs and the message log are in log_routes.py, their present forms in history_routes.py.
"""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from campaign.failures import ServiceUnavailable, StoreUnavailable
from campaign.model import Draft
from campaign.refusals import Refused
from dialects.dialect import Dialect
from dialects.http.answers import ModelResponse, body_of, failures_of
from dialects.http.auth import BEARER, Permission, Unauthenticated, authenticate, caller_of
from dialects.http.bodies import BadBody, read_json_as
from dialects.http.context import ApiContext
from dialects.http.queries import check_query
from dialects.http.replays import note_replay
from dialects.mobivate import history_routes
from dialects.mobivate.errors import (
    AUTHENTICATION,
    INTERNAL,
    OPTED_OUT,
    RATE_LIMIT,
    UNAVAILABLE,
    VALIDATION,
    Failure,
    show_archived,
    show_error,
    show_failure,
    show_refusals,
)
from dialects.mobivate.log_routes import add_routes
from dialects.mobivate.models import MobivateBatch, MobivateMessage
from dialects.mobivate.requests import NAME, read_batch, read_single
from dialects.mobivate.responses import MobivateAccepted, MobivateFailure, show
from store.accounts.api_keys import Principal
from store.database.threads import read_in_thread
from telemetry.logs import get_logger

PREFIXES = ("/send/", "/addressbook/", "/message")
# The vendor publishes no figure.
LIMIT = "300/minute"
BODY_BYTES_MAX = 16 * 1024 * 1024
RETRY_SECONDS = "5"

_RESPONSES = failures_of(
    MobivateFailure,
    {
        400: "ValidationError",
        402: "OutOfCreditError",
        403: "AuthenticationError, or an originator of another account",
        413: "ValidationError: the body is too large",
        415: "ValidationError: the body is not application/json",
        429: "RateLimitError",
        500: "InternalError",
        503: "ServiceUnavailableError; retry after Retry-After",
    },
)

log = get_logger("godwit.mobivate")

Work = Callable[[Principal], Awaitable[JSONResponse]]
Read = Callable[[Any, Principal], Draft]


def routes(context: ApiContext) -> APIRouter:
    """The routes of this API."""
    router = APIRouter(tags=["Mobivate"])

    @router.post(
        "/send/batch",
        operation_id="sendMobivateBatch",
        response_model=MobivateAccepted,
        summary="Send a campaign to up to 1,000 numbers and mailing lists",
        responses=_RESPONSES,
        openapi_extra=body_of(MobivateBatch),
    )
    async def send_batch(request: Request) -> JSONResponse:
        """Validates the campaign and holds its credits, then sends it in the background."""

        async def work(principal: Principal) -> JSONResponse:
            return await _send(
                request, context, await _draft(request, context, principal, read_batch)
            )

        return await _answer(request, context, Permission.SEND, show_failure, work)

    @router.post(
        "/send/single",
        operation_id="sendMobivateMessage",
        response_model=MobivateAccepted,
        summary="Send one message",
        responses=_RESPONSES,
        openapi_extra=body_of(MobivateMessage),
    )
    async def send_single(request: Request) -> JSONResponse:
        """Accepts one message; 403 if its recipient has opted out."""

        async def work(principal: Principal) -> JSONResponse:
            try:
                draft = await _draft(request, context, principal, read_single)
                if draft.exclude_opt_outs and await read_in_thread(
                    context.store.opt_outs.contains,
                    principal.account_id,
                    draft.recipients[0].to,
                ):
                    return show_failure(OPTED_OUT)
                return await _send(request, context, draft, "SingleSMS")
            except Refused as refused:
                return show_refusals(refused, single=True)

        return await _answer(request, context, Permission.SEND_SINGLE, show_failure, work)

    async def archived(request: Request, permission: Permission, work: Work) -> JSONResponse:
        return await _answer(request, context, permission, show_archived, work)

    async def present(request: Request, permission: Permission, work: Work) -> JSONResponse:
        return await _answer(request, context, permission, show_failure, work)

    add_routes(router, context, archived)
    history_routes.add_routes(router, context, present)
    return router


async def _answer(
    request: Request,
    context: ApiContext,
    permission: Permission,
    fail: Callable[[Failure], JSONResponse],
    work: Work,
) -> JSONResponse:
    """Authenticate, apply the request limit, check the permission, work, and render failures."""
    try:
        principal = await _principal(request, context)
        caller = principal.key_id if principal else caller_of(request)
        window = await context.limiter.take(LIMIT, NAME, caller)
        if not window.allowed:
            limited = fail(RATE_LIMIT)
            limited.headers["Retry-After"] = window.headers()["Retry-After"]
            return limited
        if principal is None or not principal.may(permission):
            return fail(AUTHENTICATION)
        check_query(request)
        return await work(principal)
    except BadBody as bad:
        if fail is show_archived:
            return show_archived(VALIDATION, bad.reason)
        return show_failure(VALIDATION, bad.reason, bad.status)
    except Refused as refused:
        if fail is show_archived:
            return show_archived(VALIDATION, refused.refusals[0].message)
        return show_refusals(refused)
    except (ServiceUnavailable, StoreUnavailable):
        unavailable = fail(UNAVAILABLE)
        unavailable.headers["Retry-After"] = RETRY_SECONDS
        return unavailable
    except Exception:
        log.exception("a request failed")
        return fail(INTERNAL)


async def _principal(request: Request, context: ApiContext) -> Principal | None:
    # The vendor documents Bearer only. Credentials in the query would reach logs.
    if request.headers.get("authorization", "")[:7].lower() != "bearer ":
        return None
    try:
        return await authenticate(request, context.store)
    except Unauthenticated:
        return None


async def _draft(request: Request, context: ApiContext, principal: Principal, read: Read) -> Draft:
    bytes_max = min(BODY_BYTES_MAX, context.settings.body_bytes_max)
    return await read_json_as(request, bytes_max, lambda body: read(body, principal))


async def _send(
    request: Request, context: ApiContext, draft: Draft, type_: str = "BatchSMS"
) -> JSONResponse:
    admission = await context.service.admit(draft, campaign_id=str(uuid.uuid4()))
    note_replay(request, admission.replayed)
    return ModelResponse(MobivateAccepted.model_validate(show(admission.campaign, type_)))


DIALECT = Dialect(
    NAME,
    PREFIXES,
    routes,
    show_error,
    schemes=BEARER,
    tags={"Mobivate": "Mobivate's bulk SMS API: send, message log and opt-outs"},
)
