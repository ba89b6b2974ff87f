"""Mobivate: opt-outs and the message log, which only the vendor's older pages describe.

As on those pages, failures are ``{"code", "message"}``, and an invalid key is 401.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from campaign.instants import Instant, instant_of
from campaign.phone import canonical_number
from dialects.http.auth import Permission
from dialects.http.bodies import BadBody, read_json
from dialects.http.context import ApiContext
from dialects.mobivate.errors import NOT_FOUND, show_archived
from dialects.mobivate.events import digits, show_logged
from store.accounts.api_keys import Principal
from store.accounts.opt_outs import OptOutView
from store.clock import wall_clock
from store.database.threads import read_in_thread

PAGE_DEFAULT = 10
PAGE_MAX = 1_000
OPT_OUTS_MAX = 1_000
BODY_BYTES_MAX = 4 * 1024
OFFSET_MAX = 10_000_000
_NOTES = {"api": "API", "inbound": "MO"}
_DATE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"description": text}
    for status, text in {
        400: "The request is invalid",
        401: "No valid key, or one without the permission",
        404: "The message or opt-out does not exist",
        429: "Too many requests; retry after Retry-After",
        500: "Internal error",
        503: "Temporarily unavailable; retry after Retry-After",
    }.items()
}

_MOBILE = {
    "type": "object",
    "required": ["mobile"],
    "properties": {"mobile": {"type": "string", "description": "digits with country code"}},
}
_WITH_MOBILE = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": _MOBILE}}}
}


def _query(**schemas: dict[str, Any]) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "query", "required": name.endswith("Date"), "schema": schema}
        for name, schema in schemas.items()
    ]
    return {"parameters": parameters}


_DATED = {"type": "string", "description": "ISO 8601"}
_PAGED = _query(
    startDate=_DATED,
    endDate=_DATED,
    page={"type": "integer", "minimum": 1},
    pageSize={"type": "integer", "minimum": 1, "maximum": PAGE_MAX},
    direction={"enum": ["MO", "MT"]},
)

Work = Callable[[Principal], Awaitable[JSONResponse]]
Archived = Callable[[Request, Permission, Work], Awaitable[JSONResponse]]


def add_routes(router: APIRouter, context: ApiContext, archived: Archived) -> None:
    """Add the routes; ``archived`` authenticates a caller and renders failures the older way."""
    opt_outs = context.store.opt_outs

    @router.get(
        "/addressbook/optout", responses=_RESPONSES, summary="List the numbers that opted out"
    )
    async def list_opt_outs(request: Request) -> JSONResponse:
        """At most 1,000 numbers, ascending; ``?after=<mobile>`` gives the next ones."""

        async def work(principal: Principal) -> JSONResponse:
            after = canonical_number(request.query_params.get("after", ""))
            found = await read_in_thread(opt_outs.list, principal.account_id, OPT_OUTS_MAX, after)
            return JSONResponse([{"id": digits(one.number), **_opt_out(one)} for one in found])

        return await archived(request, Permission.READ, work)

    @router.post(
        "/addressbook/optout",
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
            return JSONResponse(_opt_out(added or OptOutView(number, "api", now)))

        return await archived(request, Permission.CONTROL, work)

    @router.delete("/addressbook/optout", responses=_RESPONSES, summary="Remove an opt-out")
    async def delete_opt_out(request: Request) -> JSONResponse:
        """Answers with the deleted opt-out; 404 if the number had not opted out."""

        async def work(principal: Principal) -> JSONResponse:
            number, account = await _mobile(request), principal.account_id
            gone = await read_in_thread(opt_outs.get, account, number)
            removed = await asyncio.to_thread(opt_outs.remove, account, number)
            if gone is None or not removed:
                return show_archived(NOT_FOUND)
            return JSONResponse(_opt_out(gone))

        return await archived(request, Permission.CONTROL, work)

    @router.get(
        "/message",
        responses=_RESPONSES,
        summary="List the messages between two dates",
        openapi_extra=_PAGED,
    )
    async def list_messages(request: Request) -> JSONResponse:
        """A page of the log, oldest first. Replies are not in it, so ``MO`` is always empty."""

        async def work(principal: Principal) -> JSONResponse:
            since, until = read_instant(request, "startDate"), read_instant(request, "endDate")
            page = read_number(request, "page", 1, OFFSET_MAX)
            size = read_number(request, "pageSize", PAGE_DEFAULT, PAGE_MAX)
            direction = request.query_params.get("direction")
            if direction not in (None, "MO", "MT"):
                raise BadBody("Invalid direction")
            offset = (page - 1) * size
            if direction == "MO" or offset > OFFSET_MAX:
                return JSONResponse([])
            found = await read_in_thread(
                context.store.message_log.page, principal.account_id, since, until, size, offset
            )
            return JSONResponse([show_logged(one) for one in found])

        return await archived(request, Permission.READ, work)

    @router.get("/message/{id}", responses=_RESPONSES, summary="Get a message of the log")
    async def get_message(request: Request, id: str) -> JSONResponse:
        """404 if it does not exist or belongs to another account."""

        async def work(principal: Principal) -> JSONResponse:
            log = context.store.message_log
            found = await read_in_thread(log.get, principal.account_id, id[:100])
            return show_archived(NOT_FOUND) if found is None else JSONResponse(show_logged(found))

        return await archived(request, Permission.READ, work)


async def _mobile(request: Request) -> str:
    body = await read_json(request, BODY_BYTES_MAX)
    mobile = body.get("mobile") if isinstance(body, dict) else None
    number = canonical_number(mobile) if isinstance(mobile, str) else None
    if number is None:
        raise BadBody("Invalid mobile number")
    return number


def note_of(one: OptOutView) -> str:
    """The vendor's word for the source of an opt-out."""
    return _NOTES.get(one.source, one.source)


def _opt_out(one: OptOutView) -> dict[str, Any]:
    return {"mobile": digits(one.number), "note": note_of(one), "created": one.created_at}


def read_instant(request: Request, name: str) -> Instant:
    """Read a date, or a date and time, of the query; raises BadBody."""
    # An unescaped plus arrives as a space.
    value = request.query_params.get(name, "").replace(" ", "+")
    try:
        if _DATE.fullmatch(value):
            return instant_of(datetime.fromisoformat(value))
    except (ValueError, OverflowError):
        pass
    raise BadBody(f"Invalid {name}")


def read_number(request: Request, name: str, default: int, highest: int, lowest: int = 1) -> int:
    """Read a whole number of the query; raises BadBody."""
    value = request.query_params.get(name, str(default))
    if not value.isascii() or not value.isdecimal() or len(value) > 9:
        raise BadBody(f"Invalid {name}")
    number = int(value)
    if not lowest <= number <= highest:
        raise BadBody(f"Invalid {name}")
    return number
