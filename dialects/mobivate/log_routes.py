"""Mobivate: opt-outs and the message log, which only the vendor's older pages describe.

As on those pages, failures are ``{"code", "message"}``, and an invalid key is 401.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, ValidationError

from campaign.phone import canonical_number
from dialects.http.answers import ModelResponse, body_of, failures_of, query_of
from dialects.http.auth import Permission
from dialects.http.bodies import BadBody, read_json
from dialects.http.context import ApiContext
from dialects.http.faults import text_as
from dialects.mobivate.errors import NOT_FOUND, show_archived
from dialects.mobivate.events import digits, show_logged
from dialects.mobivate.queries import (
    OFFSET_MAX,
    MobivateLogQuery,
    MobivateOptOutQuery,
    read_query,
)
from dialects.mobivate.responses import (
    MobivateArchivedFailure,
    MobivateLogged,
    MobivateOptOut,
)
from store.accounts.api_keys import Principal
from store.accounts.opt_outs import OptOutView
from store.clock import wall_clock
from store.database.threads import read_in_thread

OPT_OUTS_MAX = 1_000
BODY_BYTES_MAX = 4 * 1024
_NOTES = {"api": "API", "inbound": "MO"}
_RESPONSES = failures_of(
    MobivateArchivedFailure,
    {
        400: "The request is invalid",
        401: "No valid key, or one without the permission",
        404: "The message or opt-out does not exist",
        429: "Too many requests; retry after Retry-After",
        500: "Internal error",
        503: "Temporarily unavailable; retry after Retry-After",
    },
)


class MobivateMobile(BaseModel):
    """The number of an opt-out."""

    mobile: Annotated[str, text_as(canonical_number)] = Field(
        description="digits with country code", examples=["447911123401"]
    )


_WITH_MOBILE = body_of(MobivateMobile)
Work = Callable[[Principal], Awaitable[JSONResponse]]
Archived = Callable[[Request, Permission, Work], Awaitable[JSONResponse]]


def add_routes(router: APIRouter, context: ApiContext, archived: Archived) -> None:
    """Add the routes; ``archived`` authenticates a caller and renders failures the older way."""
    opt_outs = context.store.opt_outs

    @router.get(
        "/addressbook/optout",
        operation_id="listMobivateOptOuts",
        response_model=list[MobivateOptOut],
        responses=_RESPONSES,
        summary="List the numbers that opted out",
        openapi_extra=query_of(MobivateOptOutQuery),
    )
    async def list_opt_outs(request: Request) -> JSONResponse:
        """At most 1,000 numbers, ascending; ``?after=<mobile>`` gives the next ones."""

        async def work(principal: Principal) -> JSONResponse:
            query = read_query(request, MobivateOptOutQuery)
            after = canonical_number(query.after)
            found = await read_in_thread(opt_outs.list, principal.account_id, OPT_OUTS_MAX, after)
            return ModelResponse([_opt_out(one, id=digits(one.number)) for one in found])

        return await archived(request, Permission.READ, work)

    @router.post(
        "/addressbook/optout",
        operation_id="addMobivateOptOut",
        response_model=MobivateOptOut,
        responses=_RESPONSES,
        summary="Opt out a number",
        openapi_extra=_WITH_MOBILE,
    )
    async def add_opt_out(request: Request) -> JSONResponse:
        """Messages to it that are not yet claimed are skipped. A second call changes nothing."""

        async def work(principal: Principal) -> JSONResponse:
            number, now = await _mobile(request), wall_clock()
            account = principal.account_id
            await asyncio.to_thread(opt_outs.add, account, number, "api", now)
            added = await read_in_thread(opt_outs.get, account, number)
            return ModelResponse(_opt_out(added or OptOutView(number, "api", now)))

        return await archived(request, Permission.CONTROL, work)

    @router.delete(
        "/addressbook/optout",
        operation_id="deleteMobivateOptOut",
        response_model=MobivateOptOut,
        responses=_RESPONSES,
        summary="Remove an opt-out",
        openapi_extra=_WITH_MOBILE,
    )
    async def delete_opt_out(request: Request) -> JSONResponse:
        """Answers with the deleted opt-out; 404 if the number had not opted out."""

        async def work(principal: Principal) -> JSONResponse:
            number, account = await _mobile(request), principal.account_id
            gone = await read_in_thread(opt_outs.get, account, number)
            removed = await asyncio.to_thread(opt_outs.remove, account, number)
            if gone is None or not removed:
                return show_archived(NOT_FOUND)
            return ModelResponse(_opt_out(gone))

        return await archived(request, Permission.CONTROL, work)

    @router.get(
        "/message",
        operation_id="listMobivateMessages",
        response_model=list[MobivateLogged],
        responses=_RESPONSES,
        summary="List the messages between two dates",
        openapi_extra=query_of(MobivateLogQuery),
    )
    async def list_messages(request: Request) -> JSONResponse:
        """A page of the log, oldest first. Replies are not in it, so ``MO`` is always empty."""

        async def work(principal: Principal) -> JSONResponse:
            query = read_query(request, MobivateLogQuery)
            offset = (query.page - 1) * query.pageSize
            if query.direction == "MO" or offset > OFFSET_MAX:
                return ModelResponse([])
            found = await read_in_thread(
                context.store.message_log.page,
                principal.account_id,
                query.startDate,
                query.endDate,
                query.pageSize,
                offset,
            )
            return ModelResponse([MobivateLogged(**show_logged(one)) for one in found])

        return await archived(request, Permission.READ, work)

    @router.get(
        "/message/{id}",
        operation_id="getMobivateMessage",
        response_model=MobivateLogged,
        responses=_RESPONSES,
        summary="Get a message of the log",
    )
    async def get_message(request: Request, id: str) -> JSONResponse:
        """404 if it does not exist or belongs to another account."""

        async def work(principal: Principal) -> JSONResponse:
            log = context.store.message_log
            found = await read_in_thread(log.get, principal.account_id, id[:100])
            if found is None:
                return show_archived(NOT_FOUND)
            return ModelResponse(MobivateLogged(**show_logged(found)))

        return await archived(request, Permission.READ, work)


async def _mobile(request: Request) -> str:
    body = await read_json(request, BODY_BYTES_MAX)
    try:
        number = MobivateMobile.model_validate(body).mobile
    except ValidationError:
        number = None
    if number is None:
        raise BadBody("Invalid mobile number")
    return number


def note_of(one: OptOutView) -> str:
    """The vendor's word for the source of an opt-out."""
    return _NOTES.get(one.source, one.source)


def _opt_out(one: OptOutView, **more: str) -> MobivateOptOut:
    return MobivateOptOut(
        **more, mobile=digits(one.number), note=note_of(one), created=one.created_at
    )
