"""Textingline: batch, broadcast and message (000_28acbc3c0a0643f4.txt, 001_e4b73310653b3e59.txt).

What the two pages contradict each other on is decided in docs/decisions/0007-textingline.md.
"""

from collections.abc import Callable, Collection
from typing import Annotated, Any

from fastapi import APIRouter, Request, Security
from fastapi.responses import Response

from campaign.ids import MESSAGE_PREFIX
from campaign.model import Draft
from campaign.refusals import Refused
from dialects.dialect import Dialect
from dialects.http.answers import body_of, failures_of
from dialects.http.auth import BASIC, Permission, caller_of
from dialects.http.context import ApiContext
from dialects.http.vendor_routes import Access, Call, Stop, vendor_route
from dialects.textingline.errors import (
    BLOCKED,
    RATE_LIMIT,
    show_error,
    show_failure,
    show_raised,
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

PREFIX = "/api/v1/messaging"
ID_PREFIX = "brc_"
BATCH_LIMIT = "5/minute"
# The pages disagree: an older one allows five broadcasts, another ten messages.
BROADCAST_LIMIT = "1/minute"
MESSAGE_LIMIT = "60/minute"
ACCEPTED_STATUS = 201
BODY_BYTES_MAX = 32 * 1024 * 1024

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
_OF_ONE = {**_FAILURES, 403: "Not allowed: 33004 33022; the recipient opted out: 33010"}

_batches = Access("batch", lambda: BATCH_LIMIT)
_broadcasts = Access("broadcast", lambda: BROADCAST_LIMIT)
_messages = Access("message", lambda: MESSAGE_LIMIT)
router = APIRouter(
    prefix=PREFIX, tags=["Textingline"], route_class=vendor_route(show_raised, rate_headers=True)
)


@router.post(
    "/batch",
    operation_id="sendTextinglineBatch",
    status_code=ACCEPTED_STATUS,
    summary="Send personalised SMS or MMS to 10-5,000 recipients",
    responses=failures_of(TextinglineFailure, _FAILURES),
    openapi_extra=body_of(TextinglineBatch),
)
async def send_batch(
    call: Annotated[Call, Security(_batches, scopes=[Permission.SEND])],
) -> Accepted:
    """Validates the batch and holds its credits, then sends it in the background."""
    return await _send(call, read_batch, ID_PREFIX)


@router.post(
    "/broadcast",
    operation_id="sendTextinglineBroadcast",
    status_code=ACCEPTED_STATUS,
    summary="Send one SMS or MMS to 100-50,000 recipients",
    responses=failures_of(TextinglineFailure, _FAILURES),
    openapi_extra=body_of(TextinglineBroadcast),
)
async def send_broadcast(
    call: Annotated[Call, Security(_broadcasts, scopes=[Permission.SEND])],
) -> Accepted:
    """Validates the broadcast and holds its credits, then sends it in the background."""
    return await _send(call, read_broadcast, ID_PREFIX, ("sender", "text", "mediaUrl"))


@router.post(
    "/message",
    operation_id="sendTextinglineMessage",
    status_code=ACCEPTED_STATUS,
    summary="Send one message",
    responses=failures_of(TextinglineFailure, _OF_ONE),
    openapi_extra=body_of(TextinglineMessage),
)
async def send_message(
    call: Annotated[Call, Security(_messages, scopes=[Permission.SEND_SINGLE])],
) -> Accepted:
    """Accepts one message, whose id is also its campaign's."""
    return await _send(call, read_message, MESSAGE_PREFIX, ("sender", "text", "mediaUrl", "to"))


async def _send(
    call: Call,
    read: Callable[[Any, Principal], Draft],
    id_prefix: str,
    shared: Collection[str] = ("sender",),
) -> Accepted:
    """Admit a request; ``shared`` are the members that it has once for all its recipients."""
    try:
        draft = await call.read(BODY_BYTES_MAX, read)
        if id_prefix == MESSAGE_PREFIX and await call.is_opted_out(draft.recipients[0].to):
            raise Stop(show_failure(BLOCKED))
        view = await call.admit(draft, id_prefix)
    except Refused as refused:
        raise Stop(show_refusals(refused, shared)) from None
    # A key that another route used brings the answer of that route.
    if not is_single(view) and not is_broadcast(view):
        return TextinglineCampaign(**show(view, None))
    (first,) = await read_in_thread(call.context.store.campaigns.messages, view.id, limit=1)
    model = TextinglineAcceptedMessage if is_single(view) else TextinglineCampaign
    return model(**show(view, first))


async def _finish(context: ApiContext, request: Request, response: Response) -> Response:
    """Add the rate headers, which every response of this API has, to one that no route made."""
    window = await context.limiter.take(MESSAGE_LIMIT, "unrouted", caller_of(request))
    answer = response if window.allowed else show_failure(RATE_LIMIT)
    answer.headers.update(window.headers())
    return answer


DIALECT = Dialect(
    NAME,
    PREFIX,
    lambda context: router,
    show_error,
    finish=_finish,
    schemes=BASIC,
    tags={"Textingline": "Textingline's messaging API: batch, broadcast and single message"},
)
