"""Mobivate: the history of messages and the list of opt-outs, as its present clients read them.

Both have one envelope. Failures are those of the send routes.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from campaign.instants import INSTANT_MAX, iso
from campaign.phone import canonical_number
from dialects.http.auth import Permission
from dialects.http.context import ApiContext
from dialects.mobivate.events import digits, show_history
from dialects.mobivate.log_routes import OFFSET_MAX, note_of, read_date, read_number
from store.accounts.api_keys import Principal
from store.accounts.opt_outs import OptOutView
from store.database.threads import read_in_thread

LIMIT_DEFAULT = 100
LIMIT_MAX = 5_000
ORIGINATOR_LENGTH_MAX = 50

_NUMBER = {"type": "integer", "minimum": 0}
_DATED = {"type": "string", "description": "ISO 8601"}
_WINDOW: dict[str, dict[str, Any]] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT},
    "offset": {**_NUMBER, "default": 0},
}
_DATES: dict[str, dict[str, Any]] = {
    "fromDate": _DATED,
    "toDate": {**_DATED, "description": "ISO 8601, exclusive"},
    "originator": {"type": "string"},
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"description": "ValidationError"},
    403: {"description": "AuthenticationError"},
    429: {"description": "RateLimitError"},
}

Work = Callable[[Principal], Awaitable[JSONResponse]]
Answer = Callable[[Request, Permission, Work], Awaitable[JSONResponse]]


def add_routes(router: APIRouter, context: ApiContext, answer: Answer) -> None:
    """Add the routes; ``answer`` authenticates a caller and renders failures."""

    @router.get(
        "/messages/history",
        responses=_RESPONSES,
        summary="List the messages of a time",
        openapi_extra=_query(_DATES | _WINDOW),
    )
    async def list_history(request: Request) -> JSONResponse:
        """Oldest first; ``toDate`` is exclusive, and without dates it is the whole history."""

        async def work(principal: Principal) -> JSONResponse:
            query = request.query_params
            since = read_date(request, "fromDate") if query.get("fromDate") else 0
            until = read_date(request, "toDate") if query.get("toDate") else INSTANT_MAX
            senders = _senders(query.get("originator", "")[:ORIGINATOR_LENGTH_MAX].strip())
            limit, offset = _window(request)
            page = await read_in_thread(
                context.store.message_log.history,
                principal.account_id,
                since,
                until,
                senders,
                limit,
                offset,
            )
            records = [show_history(one) for one in page.messages]
            shown = _envelope("messages", records, page.scanned, page.matches, offset, limit)
            return JSONResponse(shown)

        return await answer(request, Permission.READ, work)

    @router.get(
        "/addressbook/optouts",
        operation_id="listMobivateOptOutRecords",
        responses=_RESPONSES,
        summary="List the opt-outs",
        openapi_extra=_query(_WINDOW),
    )
    async def list_opt_outs(request: Request) -> JSONResponse:
        """By number, ascending."""

        async def work(principal: Principal) -> JSONResponse:
            limit, offset = _window(request)
            found, count = await read_in_thread(
                context.store.opt_outs.page, principal.account_id, limit, offset
            )
            records = [_opt_out(one, principal.account_id) for one in found]
            return JSONResponse(_envelope("optouts", records, count, count, offset, limit))

        return await answer(request, Permission.READ, work)


def _query(schemas: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "parameters": [
            {"name": name, "in": "query", "required": False, "schema": schema}
            for name, schema in schemas.items()
        ]
    }


def _window(request: Request) -> tuple[int, int]:
    """The limit and the offset of a query; raises BadBody."""
    limit = read_number(request, "limit", LIMIT_DEFAULT, LIMIT_MAX)
    return limit, read_number(request, "offset", 0, OFFSET_MAX, lowest=0)


def _senders(originator: str) -> list[str]:
    """The senders that an originator may stand for; this vendor writes numbers without a plus."""
    if not originator:
        return []
    forms = [originator, f"+{originator}", canonical_number(originator)]
    return [form for form in dict.fromkeys(forms) if form is not None]


def _opt_out(one: OptOutView, account_id: str) -> dict[str, Any]:
    at = iso(one.created_at)
    return {
        "userID": account_id,
        "msisdn": digits(one.number),
        "note": note_of(one),
        "created_at": at,
        "updated_at": at,
        "id": digits(one.number),
        "group": None,
    }


def _envelope(
    type_: str, results: list[dict[str, Any]], scanned: int, matches: int, offset: int, limit: int
) -> dict[str, Any]:
    return {
        "type": type_,
        "results": results,
        "scanned": scanned,
        "matches": matches,
        "offset": offset,
        "limit": limit,
    }
