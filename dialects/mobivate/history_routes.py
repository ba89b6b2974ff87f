"""Mobivate: the history of messages and the list of opt-outs, as its present clients read them.

Both have one envelope. Failures are those of the send routes.
"""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from campaign.instants import INSTANT_MAX, iso
from campaign.phone import canonical_number
from dialects.http.answers import ModelResponse, failures_of, query_of
from dialects.http.auth import Permission
from dialects.http.context import ApiContext
from dialects.mobivate.events import digits, show_history
from dialects.mobivate.log_routes import note_of
from dialects.mobivate.queries import (
    ORIGINATOR_LENGTH_MAX,
    MobivateHistoryQuery,
    MobivateOptOutPageQuery,
    read_query,
)
from dialects.mobivate.responses import (
    MobivateFailure,
    MobivateHistoryMessage,
    MobivateHistoryPage,
    MobivateOptOutPage,
    MobivateOptOutRecord,
)
from store.accounts.api_keys import Principal
from store.accounts.opt_outs import OptOutView
from store.database.threads import read_in_thread

_RESPONSES = failures_of(
    MobivateFailure,
    {
        400: "ValidationError",
        403: "AuthenticationError",
        429: "RateLimitError",
        500: "InternalError",
        503: "ServiceUnavailableError; retry after Retry-After",
    },
)

Work = Callable[[Principal], Awaitable[JSONResponse]]
Answer = Callable[[Request, Permission, Work], Awaitable[JSONResponse]]


def add_routes(router: APIRouter, context: ApiContext, answer: Answer) -> None:
    """Add the routes; ``answer`` authenticates a caller and renders failures."""

    @router.get(
        "/messages/history",
        operation_id="listMobivateHistory",
        response_model=MobivateHistoryPage,
        responses=_RESPONSES,
        summary="List the messages of a time",
        openapi_extra=query_of(MobivateHistoryQuery),
    )
    async def list_history(request: Request) -> JSONResponse:
        """Oldest first; ``toDate`` is exclusive, and without dates it is the whole history."""

        async def work(principal: Principal) -> JSONResponse:
            query = read_query(request, MobivateHistoryQuery)
            page = await read_in_thread(
                context.store.message_log.history,
                principal.account_id,
                query.fromDate or 0,
                query.toDate or INSTANT_MAX,
                _senders(query.originator[:ORIGINATOR_LENGTH_MAX].strip()),
                query.limit,
                query.offset,
            )
            return ModelResponse(
                MobivateHistoryPage(
                    type="messages",
                    results=[MobivateHistoryMessage(**show_history(one)) for one in page.messages],
                    scanned=page.scanned,
                    matches=page.matches,
                    offset=query.offset,
                    limit=query.limit,
                )
            )

        return await answer(request, Permission.READ, work)

    @router.get(
        "/addressbook/optouts",
        operation_id="listMobivateOptOutRecords",
        response_model=MobivateOptOutPage,
        responses=_RESPONSES,
        summary="List the opt-outs",
        openapi_extra=query_of(MobivateOptOutPageQuery),
    )
    async def list_opt_outs(request: Request) -> JSONResponse:
        """By number, ascending."""

        async def work(principal: Principal) -> JSONResponse:
            query = read_query(request, MobivateOptOutPageQuery)
            found, count = await read_in_thread(
                context.store.opt_outs.page, principal.account_id, query.limit, query.offset
            )
            return ModelResponse(
                MobivateOptOutPage(
                    type="optouts",
                    results=[_opt_out(one, principal.account_id) for one in found],
                    scanned=count,
                    matches=count,
                    offset=query.offset,
                    limit=query.limit,
                )
            )

        return await answer(request, Permission.READ, work)


def _senders(originator: str) -> list[str]:
    """The senders that an originator may stand for; this vendor writes numbers without a plus."""
    if not originator:
        return []
    forms = [originator, f"+{originator}", canonical_number(originator)]
    return [form for form in dict.fromkeys(forms) if form is not None]


def _opt_out(one: OptOutView, account_id: str) -> MobivateOptOutRecord:
    at = iso(one.created_at)
    return MobivateOptOutRecord(
        userID=account_id,
        msisdn=digits(one.number),
        note=note_of(one),
        created_at=at,
        updated_at=at,
        id=digits(one.number),
        group=None,
    )
