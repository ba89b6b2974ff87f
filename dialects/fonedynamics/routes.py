"""Fone Dynamics: send batches and single messages, look messages up (003_9fb2bf36535a4962.txt).

What the vendor does not document is decided in docs/decisions/0014-fonedynamics.md.
"""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Response, Security

from campaign.ids import MESSAGE_PREFIX
from campaign.states import MessageStatus
from campaign.views import MessageView
from dialects.dialect import Dialect
from dialects.fonedynamics.errors import fault_failure, show_error, show_raised, whole_failure
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
from dialects.fonedynamics.requests import entries_of, parse, prepare
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
from dialects.http.answers import body_of, failures_of
from dialects.http.auth import BASIC, Permission
from dialects.http.bodies import read_body
from dialects.http.vendor_routes import Access, Call, Stop, vendor_route
from store.accounts.api_keys import Principal
from store.database.threads import read_in_thread
from store.store import Store

PREFIX = "/v2/"
# The vendor publishes no figure.
LIMIT = "300/minute"
# 1,000 messages with every member at its longest and every character escaped.
BODY_BYTES_MAX = 32 * 1024 * 1024
SID_LENGTH = 32
# Names the campaign of a request, so that the native API can control it.
CAMPAIGN_HEADER = "Godwit-Campaign"

_access = Access(NAME, lambda: LIMIT)
Sends = Annotated[Call, Security(_access, scopes=[Permission.SEND])]
Reads = Annotated[Call, Security(_access, scopes=[Permission.READ])]
Shown = FoneDynamicsStoredMessage | list[Fault]

router = APIRouter(
    prefix="/v2",
    tags=["Fone Dynamics"],
    route_class=vendor_route(show_raised),
    responses=failures_of(
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
    ),
)


@router.post(
    "/Properties/{PropertySid}/BatchMessages",
    operation_id="sendFoneDynamicsBatch",
    summary="Send or schedule up to 1,000 individual messages",
    openapi_extra=body_of(FoneDynamicsBatch),
)
async def send_batch(
    call: Sends, PropertySid: str, response: Response
) -> list[FoneDynamicsStoredMessage | FoneDynamicsError]:
    """200 with one item per message, in order: the message or its faults."""
    _check_property(PropertySid, call.principal)
    shown = await _send(call, entries_of(await _body(call)), response)
    return [item_error(one) if isinstance(one, list) else one for one in shown]


@router.post(
    "/Properties/{PropertySid}/Messages",
    operation_id="sendFoneDynamicsMessage",
    summary="Send or schedule one message",
    openapi_extra=body_of(FoneDynamicsMessage),
)
async def send_single(call: Sends, PropertySid: str, response: Response) -> FoneDynamicsAnswer:
    """200 with the message, else the failure of the request."""
    _check_property(PropertySid, call.principal)
    (shown,) = await _send(call, [await _body(call)], response)
    if isinstance(shown, list):
        raise Stop(fault_failure(shown))
    return FoneDynamicsAnswer(Message=shown)


@router.get(
    "/Messages/{MessageSid}", operation_id="getFoneDynamicsMessage", summary="Get a message"
)
async def get_message(call: Reads, MessageSid: str) -> FoneDynamicsAnswer:
    """The current state of a message; other accounts' messages are not found."""
    is_ours = MessageSid.startswith(MESSAGE_PREFIX)
    message_id = MessageSid if is_ours else message_id_of(MessageSid)
    if message_id is None:
        raise Stop(whole_failure(400, "FormatException", BAD_SID))
    shown = await read_in_thread(_find, call.context.store, call.principal, message_id)
    if shown is None:
        raise Stop(whole_failure(404, "MESSAGE_NOT_FOUND", "The message was not found"))
    return FoneDynamicsAnswer(Message=FoneDynamicsStoredMessage(**shown))


def _check_property(sid: str, principal: Principal) -> None:
    if len(sid) != SID_LENGTH or not sid.isascii() or not sid.isalnum():
        raise Stop(whole_failure(400, "FormatException", BAD_SID))
    if sid != principal.property_sid:
        raise Stop(whole_failure(404, "PROPERTY_NOT_FOUND", "The property was not found"))


async def _body(call: Call) -> Any:
    media_type = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Stop(whole_failure(415, "FormatException", "Send the body as application/json"))
    return await read_body(call.request, call.bytes_max(BODY_BYTES_MAX), parse)


async def _send(call: Call, entries: list[Any], response: Response) -> list[Shown]:
    """Send the valid entries as one campaign; returns the message or the faults of each, in order.

    Names the campaign in a header of the response. Without a valid entry no campaign is stored.
    """
    context, principal = call.context, call.principal
    now = await asyncio.to_thread(context.store.clock.now)
    batch = await asyncio.to_thread(
        prepare, context.store, principal, entries, now, context.settings
    )
    if not batch.has_valid:
        return [item.faults for item in batch.items]
    view = await call.admit(batch.draft)
    response.headers[CAMPAIGN_HEADER] = view.id
    rows = await read_in_thread(context.store.campaigns.messages, view.id, None, None, MESSAGES_MAX)
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


DIALECT = Dialect(
    NAME,
    PREFIX,
    lambda context: router,
    show_error,
    schemes=BASIC,
    tags={"Fone Dynamics": "Fone Dynamics' REST API: send, schedule and look up messages"},
)
