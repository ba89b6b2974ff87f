"""Mobivate: all its routes (seed 004_fbbb4dde654ffae7.txt).

The vendor's older pages alone describe the routes of ``_archive``: their failures are ``{"code",
"message"}``, and an invalid key is 401.
"""

import asyncio
import uuid
from typing import Annotated

from fastapi import APIRouter, Security

from campaign.instants import INSTANT_MAX
from campaign.phone import canonical_number
from campaign.refusals import Refused
from dialects.dialect import Dialect
from dialects.http.answers import body_of, failures_of, query_of
from dialects.http.auth import BEARER, Permission
from dialects.http.vendor_routes import Access, Call, Stop, vendor_route
from dialects.mobivate.errors import (
    NOT_FOUND,
    OPTED_OUT,
    show_archived,
    show_archived_failure,
    show_error,
    show_failure,
    show_raised,
    show_refusals,
)
from dialects.mobivate.events import digits, show_history, show_logged
from dialects.mobivate.models import MobivateBatch, MobivateMessage
from dialects.mobivate.queries import (
    OFFSET_MAX,
    MobivateHistoryQuery,
    MobivateLogQuery,
    MobivateMobile,
    MobivateOptOutPageQuery,
    MobivateOptOutQuery,
    read_mobile,
    read_query,
    senders_of,
)
from dialects.mobivate.requests import NAME, read_batch, read_single
from dialects.mobivate.responses import (
    MobivateAccepted,
    MobivateArchivedFailure,
    MobivateFailure,
    MobivateHistoryMessage,
    MobivateHistoryPage,
    MobivateLogged,
    MobivateOptOut,
    MobivateOptOutPage,
    show,
    show_opt_out,
    show_opt_out_record,
)
from store.accounts.opt_outs import OptOutView
from store.clock import wall_clock
from store.database.threads import read_in_thread

PREFIXES = ("/send/", "/addressbook/", "/message")
# The vendor publishes no figure.
LIMIT = "300/minute"
BODY_BYTES_MAX = 16 * 1024 * 1024
MOBILE_BYTES_MAX = 4 * 1024
OPT_OUTS_MAX = 1_000

_LOOKING = {
    400: "ValidationError",
    403: "AuthenticationError",
    429: "RateLimitError",
    500: "InternalError",
    503: "ServiceUnavailableError; retry after Retry-After",
}
_SENDING = _LOOKING | {
    402: "OutOfCreditError",
    403: "AuthenticationError, or an originator of another account",
    413: "ValidationError: the body is too large",
    415: "ValidationError: the body is not application/json",
}
_ARCHIVED = {
    400: "The request is invalid",
    401: "No valid key, or one without the permission",
    404: "The message or opt-out does not exist",
    429: "Too many requests; retry after Retry-After",
    500: "Internal error",
    503: "Temporarily unavailable; retry after Retry-After",
}

# The vendor documents Bearer only. Credentials in the query would reach logs.
_access = Access(NAME, lambda: LIMIT, BEARER)
Sends = Annotated[Call, Security(_access, scopes=[Permission.SEND])]
SendsOne = Annotated[Call, Security(_access, scopes=[Permission.SEND_SINGLE])]
Reads = Annotated[Call, Security(_access, scopes=[Permission.READ])]
Controls = Annotated[Call, Security(_access, scopes=[Permission.CONTROL])]

router = APIRouter(tags=["Mobivate"], route_class=vendor_route(show_raised))
_archive = APIRouter(
    tags=["Mobivate"],
    route_class=vendor_route(show_archived),
    responses=failures_of(MobivateArchivedFailure, _ARCHIVED),
)


@router.post(
    "/send/batch",
    operation_id="sendMobivateBatch",
    responses=failures_of(MobivateFailure, _SENDING),
    summary="Send a campaign to up to 1,000 numbers and mailing lists",
    openapi_extra=body_of(MobivateBatch),
)
async def send_batch(call: Sends) -> MobivateAccepted:
    """Validates the campaign and holds its credits, then sends it in the background."""
    draft = await call.read(BODY_BYTES_MAX, read_batch)
    return show(await call.admit(draft, campaign_id=str(uuid.uuid4())), "BatchSMS")


@router.post(
    "/send/single",
    operation_id="sendMobivateMessage",
    responses=failures_of(MobivateFailure, _SENDING),
    summary="Send one message",
    openapi_extra=body_of(MobivateMessage),
)
async def send_single(call: SendsOne) -> MobivateAccepted:
    """Accepts one message; 403 if its recipient has opted out."""
    try:
        draft = await call.read(BODY_BYTES_MAX, read_single)
        if draft.exclude_opt_outs and await call.is_opted_out(draft.recipients[0].to):
            raise Stop(show_failure(OPTED_OUT))
        return show(await call.admit(draft, campaign_id=str(uuid.uuid4())), "SingleSMS")
    except Refused as refused:
        raise Stop(show_refusals(refused, single=True)) from None


@router.get(
    "/messages/history",
    operation_id="listMobivateHistory",
    responses=failures_of(MobivateFailure, _LOOKING),
    summary="List the messages of a time",
    openapi_extra=query_of(MobivateHistoryQuery),
)
async def list_history(call: Reads) -> MobivateHistoryPage:
    """Oldest first; ``toDate`` is exclusive, and without dates it is the whole history."""
    query = read_query(call.request, MobivateHistoryQuery)
    page = await read_in_thread(
        call.context.store.message_log.history,
        call.principal.account_id,
        query.fromDate or 0,
        query.toDate or INSTANT_MAX,
        senders_of(query.originator),
        query.limit,
        query.offset,
    )
    return MobivateHistoryPage(
        type="messages",
        results=[MobivateHistoryMessage(**show_history(one)) for one in page.messages],
        scanned=page.scanned,
        matches=page.matches,
        offset=query.offset,
        limit=query.limit,
    )


@router.get(
    "/addressbook/optouts",
    operation_id="listMobivateOptOutRecords",
    responses=failures_of(MobivateFailure, _LOOKING),
    summary="List the opt-outs",
    openapi_extra=query_of(MobivateOptOutPageQuery),
)
async def list_opt_out_records(call: Reads) -> MobivateOptOutPage:
    """By number, ascending."""
    query, account = read_query(call.request, MobivateOptOutPageQuery), call.principal.account_id
    opt_outs = call.context.store.opt_outs
    found, count = await read_in_thread(opt_outs.page, account, query.limit, query.offset)
    return MobivateOptOutPage(
        type="optouts",
        results=[show_opt_out_record(one, account) for one in found],
        scanned=count,
        matches=count,
        offset=query.offset,
        limit=query.limit,
    )


@_archive.get(
    "/addressbook/optout",
    operation_id="listMobivateOptOuts",
    summary="List the numbers that opted out",
    openapi_extra=query_of(MobivateOptOutQuery),
)
async def list_opt_outs(call: Reads) -> list[MobivateOptOut]:
    """At most 1,000 numbers, ascending; ``?after=<mobile>`` gives the next ones."""
    after = canonical_number(read_query(call.request, MobivateOptOutQuery).after)
    opt_outs, account = call.context.store.opt_outs, call.principal.account_id
    found = await read_in_thread(opt_outs.list, account, OPT_OUTS_MAX, after)
    return [show_opt_out(one, id=digits(one.number)) for one in found]


@_archive.post(
    "/addressbook/optout",
    operation_id="addMobivateOptOut",
    summary="Opt out a number",
    openapi_extra=body_of(MobivateMobile),
)
async def add_opt_out(call: Controls) -> MobivateOptOut:
    """Messages to it that are not yet claimed are skipped. A second call changes nothing."""
    number, now = await call.read(MOBILE_BYTES_MAX, read_mobile), wall_clock()
    opt_outs, account = call.context.store.opt_outs, call.principal.account_id
    await asyncio.to_thread(opt_outs.add, account, number, "api", now)
    added = await read_in_thread(opt_outs.get, account, number)
    return show_opt_out(added or OptOutView(number, "api", now))


@_archive.delete(
    "/addressbook/optout",
    operation_id="deleteMobivateOptOut",
    summary="Remove an opt-out",
    openapi_extra=body_of(MobivateMobile),
)
async def delete_opt_out(call: Controls) -> MobivateOptOut:
    """Answers with the deleted opt-out; 404 if the number had not opted out."""
    number = await call.read(MOBILE_BYTES_MAX, read_mobile)
    opt_outs, account = call.context.store.opt_outs, call.principal.account_id
    gone = await read_in_thread(opt_outs.get, account, number)
    removed = await asyncio.to_thread(opt_outs.remove, account, number)
    if gone is None or not removed:
        raise Stop(show_archived_failure(NOT_FOUND))
    return show_opt_out(gone)


@_archive.get(
    "/message",
    operation_id="listMobivateMessages",
    summary="List the messages between two dates",
    openapi_extra=query_of(MobivateLogQuery),
)
async def list_messages(call: Reads) -> list[MobivateLogged]:
    """A page of the log, oldest first. Replies are not in it, so ``MO`` is always empty."""
    query = read_query(call.request, MobivateLogQuery)
    offset = (query.page - 1) * query.pageSize
    if query.direction == "MO" or offset > OFFSET_MAX:
        return []
    found = await read_in_thread(
        call.context.store.message_log.page,
        call.principal.account_id,
        query.startDate,
        query.endDate,
        query.pageSize,
        offset,
    )
    return [MobivateLogged(**show_logged(one)) for one in found]


@_archive.get(
    "/message/{id}", operation_id="getMobivateMessage", summary="Get a message of the log"
)
async def get_message(call: Reads, id: str) -> MobivateLogged:
    """404 if it does not exist or belongs to another account."""
    log, account = call.context.store.message_log, call.principal.account_id
    found = await read_in_thread(log.get, account, id[:100])
    if found is None:
        raise Stop(show_archived_failure(NOT_FOUND))
    return MobivateLogged(**show_logged(found))


router.routes.extend(_archive.routes)
DIALECT = Dialect(
    NAME,
    PREFIXES,
    lambda context: router,
    show_error,
    schemes=BEARER,
    tags={"Mobivate": "Mobivate's bulk SMS API: send, message log and opt-outs"},
)
