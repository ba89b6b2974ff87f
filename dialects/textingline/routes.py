"""Textingline: batch, broadcast and message (000_28acbc3c0a0643f4.txt, 001_e4b73310653b3e59.txt).

What the two pages contradict each other on is decided in docs/decisions/0007-textingline.md.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from campaign.failures import ServiceUnavailable, StoreUnavailable
from campaign.ids import MESSAGE_PREFIX
from campaign.model import Draft
from campaign.refusals import Refused
from campaign.views import CampaignView
from dialects.dialect import Dialect
from dialects.http.answers import ModelResponse, body_of, failures_of
from dialects.http.auth import BASIC, Permission, Unauthenticated, authenticate, caller_of
from dialects.http.bodies import BadBody, read_json_as
from dialects.http.context import ApiContext
from dialects.http.queries import check_query
from dialects.http.rate_limits import Window
from dialects.http.replays import note_replay
from dialects.textingline.errors import (
    AUTHENTICATION,
    BLOCKED,
    NOT_ENABLED,
    RATE_LIMIT,
    UNEXPECTED,
    show_error,
    show_failure,
    show_refusals,
)
from dialects.textingline.models import (
    TextinglineBatch,
    TextinglineBroadcast,
    TextinglineMessage,
)
from dialects.textingline.requests import read_batch, read_broadcast, read_message
from dialects.textingline.responses import (
    NAME,
    TextinglineAcceptedMessage,
    TextinglineCampaign,
    TextinglineFailure,
    is_broadcast,
    is_single,
    show,
)
from store.accounts.api_keys import Principal
from store.database.threads import read_in_thread
from telemetry.logs import get_logger

PREFIX = "/api/v1/messaging"
ID_PREFIX = "brc_"
BATCH_LIMIT = "5/minute"
# The pages disagree: an older one allows five broadcasts, another ten messages.
BROADCAST_LIMIT = "1/minute"
MESSAGE_LIMIT = "60/minute"
ACCEPTED_STATUS = 201
BODY_BYTES_MAX = 32 * 1024 * 1024
RETRY_SECONDS = 5

Accepted = TextinglineCampaign | TextinglineAcceptedMessage
_FAILURES = {
    400: "The request is invalid: 33003 33005 33016 33017 33019 33024",
    401: "Authentication failed: 33001",
    402: "Insufficient credits: 33023",
    403: "Sender not assigned: 33004; the key lacks the permission: 33022",
    413: "The body is too large: 33005",
    415: "The body is not application/json: 33005",
    429: "Rate limit: 33002; daily quota: 33012",
    500: "Unexpected: 33000",
    503: "Temporarily unavailable: 33000",
}

log = get_logger("godwit.textingline")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One of the three routes: its limit, permission, id prefix and reader.

    ``shared`` names the canonical members that a request has once for all its recipients.
    """

    name: str
    limit: str
    permission: Permission
    id_prefix: str
    read: Callable[[Any, Principal], Draft]
    shared: Collection[str] = ("sender",)


BATCH = Endpoint("batch", BATCH_LIMIT, Permission.SEND, ID_PREFIX, read_batch)
BROADCAST = Endpoint(
    "broadcast",
    BROADCAST_LIMIT,
    Permission.SEND,
    ID_PREFIX,
    read_broadcast,
    shared=("sender", "text", "mediaUrl"),
)
MESSAGE = Endpoint(
    "message",
    MESSAGE_LIMIT,
    Permission.SEND_SINGLE,
    MESSAGE_PREFIX,
    read_message,
    ("sender", "text", "mediaUrl", "to"),
)


def routes(context: ApiContext) -> APIRouter:
    """The routes of this API."""
    router = APIRouter(prefix=PREFIX, tags=["Textingline"])

    @router.post(
        "/batch",
        operation_id="sendTextinglineBatch",
        response_model=Accepted,
        status_code=ACCEPTED_STATUS,
        summary="Send personalised SMS or MMS to 10-5,000 recipients",
        responses=failures_of(TextinglineFailure, _FAILURES),
        openapi_extra=body_of(TextinglineBatch),
    )
    async def send_batch(request: Request) -> JSONResponse:
        """Validates the batch and holds its credits, then sends it in the background."""
        return await _answer(request, context, BATCH)

    @router.post(
        "/broadcast",
        operation_id="sendTextinglineBroadcast",
        response_model=Accepted,
        status_code=ACCEPTED_STATUS,
        summary="Send one SMS or MMS to 100-50,000 recipients",
        responses=failures_of(TextinglineFailure, _FAILURES),
        openapi_extra=body_of(TextinglineBroadcast),
    )
    async def send_broadcast(request: Request) -> JSONResponse:
        """Validates the broadcast and holds its credits, then sends it in the background."""
        return await _answer(request, context, BROADCAST)

    @router.post(
        "/message",
        operation_id="sendTextinglineMessage",
        response_model=Accepted,
        status_code=ACCEPTED_STATUS,
        summary="Send one message",
        responses=failures_of(
            TextinglineFailure,
            {
                **_FAILURES,
                403: "Not allowed: 33004 33022; the recipient opted out: 33010",
            },
        ),
        openapi_extra=body_of(TextinglineMessage),
    )
    async def send_message(request: Request) -> JSONResponse:
        """Accepts one message, whose id is also its campaign's."""
        return await _answer(request, context, MESSAGE)

    return router


async def _answer(request: Request, context: ApiContext, endpoint: Endpoint) -> JSONResponse:
    window, response = await _limited(request, context, endpoint)
    response.headers.update(window.headers())
    return response


async def _limited(
    request: Request, context: ApiContext, endpoint: Endpoint
) -> tuple[Window, JSONResponse]:
    try:
        principal = await authenticate(request, context.store, bearer_too=False)
    except Unauthenticated:
        window = await context.limiter.take(endpoint.limit, endpoint.name, caller_of(request))
        failure = AUTHENTICATION if window.allowed else RATE_LIMIT
        refusal = show_failure(failure)
        if window.allowed:
            refusal.headers["WWW-Authenticate"] = 'Basic realm="godwit"'
        return window, refusal
    window = await context.limiter.take(endpoint.limit, endpoint.name, principal.key_id)
    if not window.allowed:
        return window, show_failure(RATE_LIMIT)
    if not principal.may(endpoint.permission):
        return window, show_failure(NOT_ENABLED)
    try:
        return window, await _send(request, context, endpoint, principal)
    except (ServiceUnavailable, StoreUnavailable):
        code, _, message = UNEXPECTED
        unavailable = show_failure((code, 503, message))
        unavailable.headers["Retry-After"] = str(RETRY_SECONDS)
        return window, unavailable
    except Exception:
        log.exception("a request failed", route=endpoint.name)
        return window, show_failure(UNEXPECTED)


async def _send(
    request: Request, context: ApiContext, endpoint: Endpoint, principal: Principal
) -> JSONResponse:
    try:
        check_query(request)
        bytes_max = min(BODY_BYTES_MAX, context.settings.body_bytes_max)
        draft = await read_json_as(request, bytes_max, lambda body: endpoint.read(body, principal))
        if endpoint is MESSAGE and await _opted_out(context, draft):
            return show_failure(BLOCKED)
        admission = await context.service.admit(draft, endpoint.id_prefix)
        note_replay(request, admission.replayed)
    except BadBody as bad:
        return show_failure((33005, bad.status, bad.reason))
    except Refused as refused:
        return show_refusals(refused, endpoint.shared)
    view = admission.campaign
    # A key that another route used brings the answer of that route.
    model = TextinglineAcceptedMessage if is_single(view) else TextinglineCampaign
    return ModelResponse(model.model_validate(await _shown(context, view)), ACCEPTED_STATUS)


async def _opted_out(context: ApiContext, draft: Draft) -> bool:
    to = draft.recipients[0].to
    return await read_in_thread(context.store.opt_outs.contains, draft.account_id, to)


async def _shown(context: ApiContext, view: CampaignView) -> dict[str, Any]:
    if not is_single(view) and not is_broadcast(view):
        return show(view, None)
    (first,) = await read_in_thread(context.store.campaigns.messages, view.id, limit=1)
    return show(view, first)


async def _finish(context: ApiContext, request: Request, response: Response) -> Response:
    """Add the rate headers, which every response of this API has, to one that no route made."""
    window = await context.limiter.take(MESSAGE_LIMIT, "unrouted", caller_of(request))
    answer = response if window.allowed else show_failure(RATE_LIMIT)
    answer.headers.update(window.headers())
    return answer


DIALECT = Dialect(
    NAME,
    PREFIX,
    routes,
    show_error,
    finish=_finish,
    schemes=BASIC,
    tags={"Textingline": "Textingline's messaging API: batch, broadcast and single message"},
)
