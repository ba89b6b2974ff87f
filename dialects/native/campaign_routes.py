"""The native API about campaigns: create, list, show, control and report."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from campaign.model import Draft
from campaign.states import MessageStatus
from campaign.views import CampaignView
from dialects.http.auth import Permission
from dialects.http.bodies import read_json_as
from dialects.http.context import ApiContext
from dialects.http.downloads import csv_download, wants_csv
from dialects.http.replays import note_replay
from dialects.native import responses as presenting
from dialects.native.cursors import read_cursor, write_cursor
from dialects.native.dry_run import dry_run_json
from dialects.native.fields import ChangeBody, read_change
from dialects.native.handling import (
    PAGE_MAX,
    body_of,
    enter,
    invalid,
    own_campaign,
    page_size,
)
from dialects.native.problems import SENDING, documented, problem
from dialects.native.request_keys import request_key, takes_key, with_key
from store.accounts.api_keys import Principal
from store.database.threads import read_in_thread
from store.store import Store

CONTROL = (
    "Writes the order into the store, where it holds whatever fails afterwards, and signals the "
    "campaign's workflow. A pause and a cancellation take effect within two seconds, even while "
    "Temporal is away; `ordered` names an order that is not carried out yet."
)
RETRY = (
    "Requeues the messages of an ended campaign that failed for a temporary reason, under the same "
    "campaign id, and debits their credits again: all of them, or none with 402. It starts when "
    "Temporal answers. A second call while the retry runs changes nothing."
)
CHANGE = (
    "Applies all changes or none. The start can change until the first wave is sent, and moves the "
    "whole plan, including the messages' own times. The spread can change until then too: messages "
    "without a time of their own are spread again from the start; the others keep their time. The "
    "rate can change until the campaign ends, and takes effect within two seconds."
)
CHANGE_BYTES_MAX = 4 * 1024
# The names of the listings in cursors.
CAMPAIGNS, MESSAGES = "campaigns", "messages"
Read = Callable[[Any, Principal], Draft]


def show_error(status: int, message: str) -> JSONResponse:
    """Answer what no route of this API answered; ``message`` is the title."""
    codes = {404: "not_found", 405: "method_not_allowed", 503: "unavailable"}
    return problem(status, codes.get(status, "internal_error"), message)


def routes(context: ApiContext, read: Read, create_schema: dict[str, Any]) -> APIRouter:
    """The routes about campaigns.

    ``read`` makes a draft of a create request, whose JSON Schema is ``create_schema``.
    """
    router = APIRouter(prefix="/v1", tags=["Campaigns"], responses=documented(*SENDING))

    @router.post(
        "/campaigns",
        status_code=201,
        responses={200: {"description": "The campaign of a replayed key, or a dry run"}},
        summary="Create a campaign, or validate and price it with ?dryRun=true",
        openapi_extra=takes_key(body_of(create_schema)),
    )
    async def create(request: Request, dryRun: bool = False) -> Response:
        """201 once the campaign is validated and its credits are held.

        200 for a replayed idempotency key, and for a dry run, which stores and sends nothing.
        """
        principal = await enter(request, context.store, Permission.SEND)
        bytes_max = context.settings.body_bytes_max
        key = request_key(request)
        draft = await read_json_as(
            request, bytes_max, lambda body: read(with_key(body, key), principal)
        )
        if dryRun:
            preview = await context.service.dry_run(draft)
            return JSONResponse(dry_run_json(preview))
        admission = await context.service.admit(draft)
        note_replay(request, admission.replayed)
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
        """A page of campaigns; ``next`` is the cursor of the next page."""
        principal = await enter(request, context.store, Permission.READ)
        size = page_size(limit)
        views = await read_in_thread(
            context.store.campaigns.list, principal.account_id, size, read_cursor(CAMPAIGNS, cursor)
        )
        following = write_cursor(CAMPAIGNS, views[-1].id) if len(views) == size else None
        campaigns = [presenting.campaign_json(view) for view in views]
        return JSONResponse({"campaigns": campaigns, "next": following})

    @router.get("/campaigns/{id}", summary="Get a campaign with its counts")
    async def get(request: Request, id: str) -> Response:
        """The current state of the campaign."""
        view = await own_campaign(request, context, id, Permission.READ)
        return JSONResponse(presenting.campaign_json(view))

    @router.get("/campaigns/{id}/messages", summary="List the messages of a campaign")
    async def messages(
        request: Request,
        id: str,
        status: str | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Response:
        """A page of messages by position, of one ``status`` if given."""
        view = await own_campaign(request, context, id, Permission.READ)
        size = page_size(limit)
        if status is not None and status not in set(MessageStatus):
            raise invalid("status is not a message status", "status")
        after = read_cursor(MESSAGES, cursor)
        found = await read_in_thread(
            context.store.campaigns.messages,
            view.id,
            MessageStatus(status) if status else None,
            None if after is None else int(after),
            size,
        )
        last = str(found[-1].position) if found else ""
        following = write_cursor(MESSAGES, last) if len(found) == size else None
        return JSONResponse(
            {"messages": [presenting.message_json(one) for one in found], "next": following}
        )

    def control(
        name: str, act: Callable[[CampaignView], Awaitable[None]], description: str = CONTROL
    ) -> None:
        @router.post(
            f"/campaigns/{{id}}/{name}",
            status_code=202,
            summary=f"{name.capitalize()} a campaign",
            description=description,
            name=name,
        )
        async def act_on(request: Request, id: str) -> Response:
            view = await own_campaign(request, context, id, Permission.CONTROL)
            await act(view)
            latest = await read_in_thread(context.store.campaigns.get, id)
            return JSONResponse(presenting.campaign_json(latest or view), 202)

    control("pause", context.service.pause)
    control("resume", context.service.resume)
    control("cancel", context.service.cancel)
    control("retry", context.service.retry, RETRY)

    @router.patch(
        "/campaigns/{id}",
        summary="Change the start, spread or rate of a campaign",
        description=CHANGE,
        openapi_extra=body_of(ChangeBody),
    )
    async def change(request: Request, id: str) -> Response:
        """Apply all changes or none."""
        view = await own_campaign(request, context, id, Permission.CONTROL)
        wanted = await read_json_as(request, CHANGE_BYTES_MAX, read_change)
        await context.service.change(view, wanted)
        latest = await read_in_thread(context.store.campaigns.get, id)
        return JSONResponse(presenting.campaign_json(latest or view))

    @router.get("/campaigns/{id}/report", summary="Get the report of a campaign, as JSON or CSV")
    async def report(request: Request, id: str, bom: bool = True) -> Response:
        """Counts, reasons and credits; with ``Accept: text/csv``, one line per message.

        The CSV begins with a byte order mark, which spreadsheets need, unless ``bom=false``.
        """
        view = await own_campaign(request, context, id, Permission.READ)
        if wants_csv(request):
            return csv_download(_csv(context.store, view.id), f"report-{view.id}", bom)
        result = await read_in_thread(context.store.campaigns.report, view.id)
        return JSONResponse(presenting.report_json(result))

    return router


def _csv(store: Store, campaign_id: str) -> Iterator[str]:
    after, header = None, True
    while True:
        found = store.campaigns.messages(campaign_id, after=after, limit=PAGE_MAX)
        yield presenting.messages_csv(found, header)
        if len(found) < PAGE_MAX:
            return
        after, header = found[-1].position, False
