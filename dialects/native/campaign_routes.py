"""The native API about campaigns: create, list, show, control and report."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from campaign.instants import iso_or_none
from campaign.model import Draft
from campaign.states import CampaignStatus, MessageStatus
from campaign.views import CampaignView
from dialects.http.answers import body_of
from dialects.http.auth import Permission
from dialects.http.bodies import read_json_as
from dialects.http.conditional import ConditionalRoute
from dialects.http.context import ApiContext
from dialects.http.downloads import OR_CSV, csv_download, wants_csv
from dialects.http.replays import note_replay
from dialects.native.campaign_changes import ChangeBody, read_change
from dialects.native.campaign_models import Campaign, CampaignPage, MessagePage, Report
from dialects.native.change_models import ChangeDryRun
from dialects.native.cursors import read_cursor, read_number, write_cursor
from dialects.native.dry_run import dry_run_csv, dry_run_json
from dialects.native.dry_run_models import DryRun
from dialects.native.filters import Since, Text, Until, address_of, instant_of, next_link
from dialects.native.handling import (
    PAGE_MAX,
    Stop,
    enter,
    messages_removed,
    own_campaign,
    page_size,
)
from dialects.native.problem_models import About
from dialects.native.problems import SENDING, documented, problem
from dialects.native.request_keys import request_key, takes_key, with_key
from dialects.native.responses import message_of, messages_csv, report_of
from store.accounts.api_keys import Principal
from store.campaigns.listing import CampaignFilter
from store.database.threads import read_in_thread
from store.store import Store

CONTROL = (
    "Writes the order into the store, where it holds whatever fails afterwards, and signals the "
    "campaign's workflow. A pause and a cancellation take effect within two seconds, even while "
    "Temporal is away; `ordered` names an order that is not carried out yet."
)
CHANGE = (
    "Applies all changes or none. The start can change until the first wave is sent, and moves the "
    "whole plan, including the messages' own times. The spread can change until then too: messages "
    "without a time of their own are spread again from the start; the others keep their time. All "
    "else can change until the campaign ends, and takes effect within two seconds. The text is "
    "that of the messages that have not left and have none of their own; it is validated as a new "
    "campaign's, and the difference in credits is held or given back with it, or the answer is "
    "402. With another window, what has not left moves into its hours. The text, the start or "
    "spread, and the window or expiry take a request each. With dryRun=true nothing is changed, "
    "and the answer says what would follow."
)
CHANGE_BYTES_MAX = 64 * 1024
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
    router = APIRouter(
        prefix="/v1",
        tags=["Campaigns"],
        responses=documented(*SENDING, about=(About.CAMPAIGNS,)),
        route_class=ConditionalRoute,
    )

    @router.post(
        "/campaigns",
        operation_id="createCampaign",
        status_code=201,
        responses={
            202: {
                "description": "A campaign of more recipients than 50,000, which is being prepared",
                "model": Campaign,
            },
            200: {
                "description": "The campaign of a repeated key, or a dry run",
                "model": Campaign | DryRun,
                # Generators of clients take the first.
                "content": {"application/json": {}, **OR_CSV[200]["content"]},
            },
        },
        summary="Create a campaign, or validate and price it with ?dryRun=true",
        response_model=Campaign,
        openapi_extra=takes_key(body_of(create_schema)),
    )
    async def create(
        request: Request, response: Response, dryRun: bool = False, bom: bool = True
    ) -> Campaign | Response:
        """201 once the campaign is validated and its credits are held.

        202 for one of more than 50,000 recipients, from mailing lists: its status is preparing
        until every message is validated and all are paid for. Nothing leaves before.
        200 for a replayed idempotency key, and for a dry run, which stores and sends nothing.
        With ``Accept: text/csv`` a dry run has one line per recipient, whether or not the campaign
        would be admitted, and begins with a byte order mark unless ``bom=false``.
        """
        principal = await enter(request, context.store, Permission.SEND)
        bytes_max = context.settings.body_bytes_max
        key = request_key(request)
        draft = await read_json_as(
            request, bytes_max, lambda body: read(with_key(body, key), principal)
        )
        if dryRun:
            preview = await context.service.dry_run(draft)
            if wants_csv(request):
                return csv_download(dry_run_csv(preview), "dry-run", bom)
            return JSONResponse(dry_run_json(preview))
        admission = await context.service.admit(draft)
        note_replay(request, admission.replayed)
        view = admission.campaign
        response.status_code = 200 if admission.replayed else 201
        if view.status is CampaignStatus.PREPARING:
            response.status_code = 202
        response.headers["Location"] = f"/v1/campaigns/{view.id}"
        return Campaign.of(view)

    @router.get("/campaigns", operation_id="listCampaigns", summary="List campaigns, newest first")
    async def list_campaigns(
        request: Request,
        response: Response,
        status: CampaignStatus | None = None,
        name: Annotated[Text, Query(description="a part of the name, in any case")] = None,
        dialect: Annotated[Text, Query(description="the API that they came by")] = None,
        sender: Annotated[Text, Query(description="what they are sent from")] = None,
        since: Since = None,
        until: Until = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> CampaignPage:
        """A page of campaigns; ``next`` is the cursor of the next page, null after the last one.

        ``since`` and ``until`` are about when they were created.
        """
        principal = await enter(request, context.store, Permission.READ)
        size = page_size(limit)
        wanted = CampaignFilter(
            status=status,
            name=name,
            dialect=dialect,
            sender=address_of(sender),
            since=instant_of(since, "since"),
            until=instant_of(until, "until"),
        )
        before = read_cursor(CAMPAIGNS, cursor)
        views = await read_in_thread(
            context.store.campaigns.list, principal.account_id, size + 1, before, wanted
        )
        following = write_cursor(CAMPAIGNS, views[size - 1].id) if len(views) > size else None
        response.headers.update(next_link(request, following))
        return CampaignPage(campaigns=[Campaign.of(view) for view in views[:size]], next=following)

    @router.get(
        "/campaigns/{id}", operation_id="getCampaign", summary="Get a campaign with its counts"
    )
    async def get(request: Request, id: str) -> Campaign:
        """The current state of the campaign."""
        view = await own_campaign(request, context, id, Permission.READ)
        return Campaign.of(view)

    @router.get(
        "/campaigns/{id}/messages",
        operation_id="listCampaignMessages",
        summary="List the messages of a campaign",
    )
    async def messages(
        request: Request,
        response: Response,
        id: str,
        status: MessageStatus | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> MessagePage:
        """A page of messages by position, of one ``status`` if given.

        It is empty once the messages have been removed, which ``messagesRemovedAt`` says.
        """
        view = await own_campaign(request, context, id, Permission.READ)
        size = page_size(limit)
        after = read_number(MESSAGES, cursor)
        found = await read_in_thread(
            context.store.campaigns.messages,
            view.id,
            status,
            after,
            size + 1,
        )
        more = len(found) > size
        following = write_cursor(MESSAGES, str(found[size - 1].position)) if more else None
        response.headers.update(next_link(request, following))
        return MessagePage(
            messages=[message_of(one) for one in found[:size]],
            next=following,
            messages_removed_at=iso_or_none(view.messages_removed_at),
        )

    def control(name: str, act: Callable[[CampaignView], Awaitable[None]]) -> None:
        @router.post(
            f"/campaigns/{{id}}/{name}",
            status_code=202,
            summary=f"{name.capitalize()} a campaign",
            description=CONTROL,
            name=name,
            operation_id=f"{name}Campaign",
        )
        async def act_on(request: Request, id: str) -> Campaign:
            view = await own_campaign(request, context, id, Permission.CONTROL)
            await act(view)
            latest = await read_in_thread(context.store.campaigns.get, id)
            return Campaign.of(latest or view)

    control("pause", context.service.pause)
    control("resume", context.service.resume)
    control("cancel", context.service.cancel)

    @router.patch(
        "/campaigns/{id}",
        operation_id="changeCampaign",
        summary="Change the start, spread, rate, text, window or expiry of a campaign",
        description=CHANGE,
        openapi_extra=body_of(ChangeBody),
    )
    async def change(request: Request, id: str, dryRun: bool = False) -> Campaign | ChangeDryRun:
        """Apply all changes or none, or say what would follow."""
        view = await own_campaign(request, context, id, Permission.CONTROL)
        wanted = await read_json_as(request, CHANGE_BYTES_MAX, read_change)
        if dryRun:
            return ChangeDryRun.of_preview(await context.service.preview_change(view, wanted))
        await context.service.change(view, wanted)
        latest = await read_in_thread(context.store.campaigns.get, id)
        return Campaign.of(latest or view)

    @router.get(
        "/campaigns/{id}/report",
        operation_id="getCampaignReport",
        summary="Get the report of a campaign, as JSON or CSV",
        response_model=Report,
        responses={**OR_CSV, **documented(410)},
    )
    async def report(request: Request, id: str, bom: bool = True) -> Report | Response:
        """Counts, reasons and credits; with ``Accept: text/csv``, one line per message.

        The CSV begins with a byte order mark, which spreadsheets need, unless ``bom=false``. It is
        410 once the messages have been removed.
        """
        view = await own_campaign(request, context, id, Permission.READ)
        if wants_csv(request) and view.messages_removed_at is not None:
            raise Stop(messages_removed())
        if wants_csv(request):
            return csv_download(report_csv(context.store, view.id), f"report-{view.id}", bom)
        result = await read_in_thread(context.store.campaigns.report, view.id)
        return report_of(result)

    return router


def report_csv(store: Store, campaign_id: str) -> Iterator[str]:
    """Every message of a campaign as CSV, in parts."""
    after, header = None, True
    while True:
        found = store.campaigns.messages(campaign_id, after=after, limit=PAGE_MAX)
        yield messages_csv(found, header)
        if len(found) < PAGE_MAX:
            return
        after, header = found[-1].position, False
