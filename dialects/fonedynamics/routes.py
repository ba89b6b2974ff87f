"""Fone Dynamics: send batches and single messages, look messages up (003_9fb2bf36535a4962.txt).

What the vendor does not document is decided in docs/decisions/0014-fonedynamics.md.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from campaign.failures import ServiceUnavailable, StoreUnavailable
from campaign.ids import MESSAGE_PREFIX
from campaign.refusals import Refused
from campaign.states import MessageStatus
from campaign.views import CampaignView, MessageView
from dialects.dialect import Dialect
from dialects.fonedynamics.errors import fault_failure, refusal_failure, show_error, whole_failure
from dialects.fonedynamics.message import NAME, Item
from dialects.fonedynamics.models import (
    MESSAGES_MAX,
    FoneDynamicsAnswer,
    FoneDynamicsBatch,
    FoneDynamicsError,
    FoneDynamicsFailure,
    FoneDynamicsMessage,
    FoneDynamicsStoredMessage,
)
from dialects.fonedynamics.requests import Batch, Whole, entries_of, parse, prepare
from dialects.fonedynamics.responses import (
    BAD_SID,
    Fault,
    fault_of,
    item_error,
    message_id_of,
    reply_id_of,
    show_accepted,
    show_message,
    show_received,
)
from dialects.http.answers import ModelResponse, body_of, failures_of
from dialects.http.auth import BASIC, Permission, Unauthenticated, authenticate, caller_of
from dialects.http.bodies import BadBody, read_body
from dialects.http.context import ApiContext
from dialects.http.queries import query_faults
from dialects.http.replays import note_replay
from store.accounts.api_keys import Principal
from store.database.threads import read_in_thread
from store.store import Store
from telemetry.logs import get_logger

PREFIX = "/v2/"
# The vendor publishes no figure.
LIMIT = "300/minute"
# 1,000 messages with every member at its longest and every character escaped.
BODY_BYTES_MAX = 32 * 1024 * 1024
RETRY_SECONDS = "5"
SID_LENGTH = 32
CHALLENGE = 'Basic realm="godwit"'
# Names the campaign of a request, so that the native API can control it.
CAMPAIGN_HEADER = "Godwit-Campaign"

_RESPONSES = failures_of(
    FoneDynamicsFailure,
    {
        400: "The request is invalid; ResponseStatus says why",
        401: "No valid Basic credentials",
        403: "The key or the account is not allowed to do this",
        404: "The property or message does not exist",
        413: "The body is too large",
        415: "The body is not application/json",
        429: "Too many requests; retry after Retry-After",
        500: "Internal error",
        503: "Temporarily unavailable; retry after Retry-After",
    },
)

log = get_logger("godwit.fonedynamics")

Work = Callable[[Principal], Awaitable[JSONResponse]]


def routes(context: ApiContext) -> APIRouter:
    """The routes of this API."""
    router = APIRouter(prefix="/v2", tags=["Fone Dynamics"])

    @router.post(
        "/Properties/{PropertySid}/BatchMessages",
        operation_id="sendFoneDynamicsBatch",
        response_model=list[FoneDynamicsStoredMessage | FoneDynamicsError],
        summary="Send or schedule up to 1,000 individual messages",
        responses=_RESPONSES,
        openapi_extra=body_of(FoneDynamicsBatch),
    )
    async def send_batch(request: Request, PropertySid: str) -> JSONResponse:
        """200 with one item per message, in order: the message or its faults."""

        async def work(principal: Principal) -> JSONResponse:
            _check_property(PropertySid, principal)
            entries = entries_of(await _body(request, context))
            shown, campaign = await _send(request, context, principal, entries)
            items = [item_error(one) if isinstance(one, list) else one for one in shown]
            return ModelResponse(items, headers=_naming(campaign))

        return await _answer(request, context, Permission.SEND, work)

    @router.post(
        "/Properties/{PropertySid}/Messages",
        operation_id="sendFoneDynamicsMessage",
        response_model=FoneDynamicsAnswer,
        summary="Send or schedule one message",
        responses=_RESPONSES,
        openapi_extra=body_of(FoneDynamicsMessage),
    )
    async def send_single(request: Request, PropertySid: str) -> JSONResponse:
        """200 with the message, else the failure of the request."""

        async def work(principal: Principal) -> JSONResponse:
            _check_property(PropertySid, principal)
            entries = [await _body(request, context)]
            (shown,), campaign = await _send(request, context, principal, entries)
            if isinstance(shown, list):
                return fault_failure(shown)
            return ModelResponse(FoneDynamicsAnswer(Message=shown), headers=_naming(campaign))

        return await _answer(request, context, Permission.SEND, work)

    @router.get(
        "/Messages/{MessageSid}",
        operation_id="getFoneDynamicsMessage",
        response_model=FoneDynamicsAnswer,
        summary="Get a message",
        responses=_RESPONSES,
    )
    async def get_message(request: Request, MessageSid: str) -> JSONResponse:
        """The current state of a message; other accounts' messages are not found."""

        async def work(principal: Principal) -> JSONResponse:
            return await _look_up(context, principal, MessageSid)

        return await _answer(request, context, Permission.READ, work)

    return router


async def _answer(
    request: Request, context: ApiContext, permission: Permission, work: Work
) -> JSONResponse:
    """Authenticate, apply the request limit, check the permission, work, and render failures.

    The vendor's Java client sends credentials only after a 401 with a challenge.
    """
    try:
        try:
            principal = await authenticate(request, context.store, bearer_too=False)
        except Unauthenticated:
            principal = None
        caller = principal.key_id if principal else caller_of(request)
        window = await context.limiter.take(LIMIT, NAME, caller)
        if not window.allowed:
            limited = whole_failure(429, "TOO_MANY_REQUESTS", "Too many requests")
            limited.headers["Retry-After"] = window.headers()["Retry-After"]
            return limited
        if principal is None:
            failure = whole_failure(401, "UNAUTHORIZED", "Credentials are missing or invalid")
            failure.headers["WWW-Authenticate"] = CHALLENGE
            return failure
        if not principal.may(permission):
            return whole_failure(403, "FORBIDDEN", "This key lacks the permission")
        if faults := query_faults(request):
            raise Whole("INVALID_PARAMETER", faults[0].message, faults[0].place)
        return await work(principal)
    except Whole as whole:
        return whole_failure(whole.status, whole.code, whole.message, whole.field)
    except BadBody as bad:
        return whole_failure(bad.status, "FormatException", bad.reason)
    except Refused as refused:
        return refusal_failure(refused)
    except (ServiceUnavailable, StoreUnavailable):
        unavailable = show_error(503, "Temporarily unavailable")
        unavailable.headers["Retry-After"] = RETRY_SECONDS
        return unavailable
    except Exception:
        log.exception("a request failed")
        return show_error(500, "An unexpected error occurred")


def _check_property(sid: str, principal: Principal) -> None:
    if len(sid) != SID_LENGTH or not sid.isascii() or not sid.isalnum():
        raise Whole("FormatException", BAD_SID)
    if sid != principal.property_sid:
        raise Whole("PROPERTY_NOT_FOUND", "The property was not found", status=404)


async def _body(request: Request, context: ApiContext) -> Any:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Whole("FormatException", "Send the body as application/json", status=415)
    bytes_max = min(BODY_BYTES_MAX, context.settings.body_bytes_max)
    return await read_body(request, bytes_max, parse)


async def _send(
    request: Request, context: ApiContext, principal: Principal, entries: list[Any]
) -> tuple[list[FoneDynamicsStoredMessage | list[Fault]], CampaignView | None]:
    """Send the valid entries as one campaign; returns the message or the faults of each, in order.

    Without a valid entry no campaign is stored.
    """
    now = await asyncio.to_thread(context.store.clock.now)
    batch = await asyncio.to_thread(
        prepare, context.store, principal, entries, now, context.settings
    )
    if not batch.has_valid:
        return [item.faults for item in batch.items], None
    admission = await context.service.admit(batch.draft)
    note_replay(request, admission.replayed)
    view = admission.campaign
    rows = await read_in_thread(context.store.campaigns.messages, view.id, None, None, MESSAGES_MAX)
    return _shown(batch, rows, view, principal), view


def _shown(
    batch: Batch, rows: Any, view: CampaignView, principal: Principal
) -> list[FoneDynamicsStoredMessage | list[Fault]]:
    return [
        _faults_of(row, item)
        or FoneDynamicsStoredMessage(**show_accepted(row, view.created_at, item.options, principal))
        for row, item in zip(rows, batch.items, strict=True)
    ]


def _faults_of(row: MessageView, item: Item) -> list[Fault]:
    """The faults of a message that the store has not accepted; empty if it has."""
    born_failed = row.status is MessageStatus.FAILED and row.attempts == 0
    if born_failed or (row.status is MessageStatus.SKIPPED and row.reason == "opted_out"):
        return item.faults or [fault_of(row.reason or row.status.value)]
    return []


async def _look_up(context: ApiContext, principal: Principal, sid: str) -> JSONResponse:
    message_id = sid if sid.startswith(MESSAGE_PREFIX) else message_id_of(sid)
    if message_id is None:
        raise Whole("FormatException", BAD_SID)
    shown = await read_in_thread(_find, context.store, principal, message_id)
    if shown is None:
        raise Whole("MESSAGE_NOT_FOUND", "The message was not found", status=404)
    return ModelResponse(FoneDynamicsAnswer.model_validate({"Message": shown}))


def _find(store: Store, principal: Principal, message_id: str) -> dict[str, Any] | None:
    """Find a message that the account sent, or a reply to one."""
    account, sids = principal.account_id, (principal.key_id, principal.property_sid)
    asked = store.replies.message(account, message_id)
    if asked is not None:
        return show_message(asked.message, asked.created_at, asked.options, *sids)
    reply = store.replies.reply(account, reply_id_of(message_id))
    if reply is None:
        return None
    answered = store.replies.message(account, reply.message_id or "")
    return show_received(reply, answered.message if answered else None, *sids)


def _naming(campaign: CampaignView | None) -> dict[str, str]:
    return {} if campaign is None else {CAMPAIGN_HEADER: campaign.id}


DIALECT = Dialect(
    NAME,
    PREFIX,
    routes,
    show_error,
    schemes=BASIC,
    tags={"Fone Dynamics": "Fone Dynamics' REST API: send, schedule and look up messages"},
)
