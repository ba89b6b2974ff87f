"""The native API below ``/v1``: create, look, steer and count campaigns."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from campaign.model import Draft
from campaign.refusals import Refused
from campaign.states import CAMPAIGN_ENDS, MessageStatus
from dialects.http.auth import Permission, Unauthenticated, authenticate
from dialects.http.bodies import BadBody, read_json
from dialects.http.context import ApiContext
from dialects.native import responses as presenting
from dialects.native.fields import ChangeBody, read_change
from dialects.native.problems import SENDING, documented, problem, refused
from service.campaigns import StateConflict
from store.accounts.api_keys import Principal
from store.database.engine import StoreError
from store.shared.views import CampaignView
from store.store import Store

PAGE_MAX = 1_000
STEERING = "Passed on to the campaign's workflow; takes effect within two seconds."
RETRY = (
    "Of a campaign that has ended, whatever failed for a reason that may pass goes out again under "
    "the same id, paid for anew: all of it, or 402 and nothing. Asked again while that runs, "
    "nothing more happens."
)
CHANGE = (
    "All of it, or nothing. A start can change until the first wave, and the whole plan moves "
    "along, messages' own times too. So can a spread: whatever has no time of its own is laid out "
    "anew from the start on, and the others stay. A speed can change until the end, and does so "
    "within a second or two."
)
Read = Callable[[Any, Principal], Draft]


class Stop(Exception):
    """Leave a handler with a finished answer."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


def show_error(status: int, message: str) -> JSONResponse:
    """Write what no route answered."""
    codes = {404: "not_found", 405: "method_not_allowed", 503: "unavailable"}
    return problem(status, codes.get(status, "internal_error"), message)


def routes(api_context: ApiContext, read: Read, create_schema: dict[str, Any]) -> APIRouter:
    """The routes about campaigns; those about the account are in account_routes.py."""
    router = APIRouter(prefix="/v1", tags=["Campaigns"], responses=documented(*SENDING))

    @router.post(
        "/campaigns",
        status_code=201,
        responses={200: {"description": "The campaign of a replayed key, or a rehearsal"}},
        summary="Create a campaign, or dry_run it with ?dryRun=true",
        openapi_extra={"requestBody": _body(create_schema)},
    )
    async def create(request: Request, dryRun: bool = False) -> Response:
        """Judged and paid when this answers 201; 200 for a replayed key or a rehearsal."""
        principal = await enter(request, api_context.store, Permission.SEND)
        draft = read(await read_json(request, api_context.settings.body_bytes_max), principal)
        if dryRun:
            preview = await api_context.service.dry_run(draft)
            return JSONResponse(presenting.dry_run_json(preview))
        admission = await api_context.service.admit(draft)
        view = admission.campaign
        return JSONResponse(
            presenting.campaign_json(view),
            200 if admission.replayed else 201,
            {"Location": f"/v1/campaigns/{view.id}"},
        )

    @router.get("/campaigns", summary="List campaigns, newest first")
    async def list_campaigns(
        request: Request, limit: int = 50, cursor: str | None = None
    ) -> Response:
        """A page of campaigns; ``next`` is the cursor of the following page."""
        principal = await enter(request, api_context.store, Permission.READ)
        size = _page(limit)
        views = await asyncio.to_thread(
            api_context.store.campaigns.list, principal.account_id, size, cursor
        )
        following = views[-1].id if len(views) == size else None
        campaigns = [presenting.campaign_json(view) for view in views]
        return JSONResponse({"campaigns": campaigns, "next": following})

    @router.get("/campaigns/{id}", summary="One campaign with its counts")
    async def get(request: Request, id: str) -> Response:
        """The campaign as it stands now."""
        view = await own_campaign(request, api_context, id, Permission.READ)
        return JSONResponse(presenting.campaign_json(view))

    @router.get("/campaigns/{id}/messages", summary="The messages of a campaign")
    async def messages(
        request: Request,
        id: str,
        status: str | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Response:
        """A page of messages by position, of one status if asked."""
        view = await own_campaign(request, api_context, id, Permission.READ)
        size = _page(limit)
        if status is not None and status not in set(MessageStatus):
            raise Stop(problem(400, "field_invalid", "no such message status"))
        if cursor is not None and not (cursor.isdecimal() and len(cursor) < 10):
            raise Stop(problem(400, "field_invalid", "not a cursor"))
        found = await asyncio.to_thread(
            api_context.store.campaigns.messages,
            view.id,
            MessageStatus(status) if status else None,
            int(cursor) if cursor else None,
            size,
        )
        following = str(found[-1].position) if len(found) == size else None
        return JSONResponse(
            {"messages": [presenting.message_json(one) for one in found], "next": following}
        )

    def steer(
        name: str, order: Callable[[CampaignView], Awaitable[None]], says: str = STEERING
    ) -> None:
        @router.post(
            f"/campaigns/{{id}}/{name}",
            status_code=202,
            summary=f"{name.capitalize()} a campaign",
            description=says,
            name=name,
        )
        async def steering(request: Request, id: str) -> Response:
            view = await own_campaign(request, api_context, id, Permission.CONTROL)
            await order(view)
            latest = await asyncio.to_thread(api_context.store.campaigns.get, id)
            return JSONResponse(presenting.campaign_json(latest or view), 202)

    steer("pause", api_context.service.pause)
    steer("resume", api_context.service.resume)
    steer("cancel", api_context.service.cancel)
    steer("retry", api_context.service.retry, RETRY)

    @router.patch(
        "/campaigns/{id}",
        summary="Give a campaign another start, spread or speed",
        description=CHANGE,
        openapi_extra={"requestBody": _body(ChangeBody.model_json_schema())},
    )
    async def change(request: Request, id: str) -> Response:
        """All that is asked for, or nothing."""
        view = await own_campaign(request, api_context, id, Permission.CONTROL)
        wanted = read_change(await read_json(request, api_context.settings.body_bytes_max))
        await api_context.service.change(view, wanted)
        latest = await asyncio.to_thread(api_context.store.campaigns.get, id)
        return JSONResponse(presenting.campaign_json(latest or view))

    @router.get("/campaigns/{id}/report", summary="What a campaign came to, as JSON or CSV")
    async def report(request: Request, id: str) -> Response:
        """Counts, reasons and credits; with ``Accept: text/csv`` a line per message."""
        view = await own_campaign(request, api_context, id, Permission.READ)
        if "text/csv" in request.headers.get("accept", ""):
            return StreamingResponse(_csv(api_context.store, view.id), media_type="text/csv")
        result = await asyncio.to_thread(api_context.store.campaigns.report, view.id)
        return JSONResponse(presenting.report_json(result))

    return router


async def enter(request: Request, store: Store, permission: Permission) -> Principal:
    """Let a caller in who may do this; else stop with 401 or 403."""
    try:
        principal = await authenticate(request, store)
    except Unauthenticated as error:
        challenge = {"WWW-Authenticate": 'Basic realm="godwit"'}
        raise Stop(problem(401, "unauthenticated", str(error), headers=challenge)) from None
    if not principal.may(permission):
        raise Stop(problem(403, "forbidden", f"this key lacks the permission {permission}"))
    return principal


async def own_campaign(
    request: Request, api_context: ApiContext, id: str, permission: Permission
) -> CampaignView:
    """The caller's own campaign; another account's is as unknown as none."""
    principal = await enter(request, api_context.store, permission)
    view = await asyncio.to_thread(api_context.store.campaigns.get, id, principal.account_id)
    if view is None:
        raise Stop(problem(404, "not_found", "there is no such campaign"))
    return view


def stopped(error: Exception) -> Response:
    """ClaimResult what handlers raise into the native API's answers."""
    match error:
        case Stop():
            return error.response
        case Refused():
            return refused(error.refusals)
        case BadBody():
            return problem(error.status, "malformed_request", error.reason)
        case StateConflict():
            if error.code:
                return problem(409, error.code, error.reason)
            if error.status in CAMPAIGN_ENDS:
                return problem(409, "campaign_ended", f"the campaign has ended: {error.status}")
            return problem(409, "campaign_began", f"the campaign has begun: {error.status}")
        case StoreError():
            return problem(400, "field_invalid", str(error))
    raise error


RAISED = (Stop, Refused, BadBody, StateConflict, StoreError)


def _csv(store: Store, campaign_id: str) -> Iterator[str]:
    after, header = None, True
    while True:
        found = store.campaigns.messages(campaign_id, after=after, limit=PAGE_MAX)
        yield presenting.messages_csv(found, header)
        if len(found) < PAGE_MAX:
            return
        after, header = found[-1].position, False


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _page(limit: int) -> int:
    if not 1 <= limit <= PAGE_MAX:
        raise Stop(problem(400, "field_invalid", f"limit must be from 1 to {PAGE_MAX}"))
    return limit
