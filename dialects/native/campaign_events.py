"""The native API's live progress of a campaign, as server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from campaign.states import CAMPAIGN_ENDS
from campaign.views import CampaignView
from dialects.http.auth import Permission
from dialects.http.conditional import version_of
from dialects.http.context import ApiContext
from dialects.native import responses as presenting
from dialects.native.handling import own_campaign
from dialects.native.problems import LOOKING, documented, problem
from service.campaign_watches import TooManyWatchers

HEARTBEAT_SECONDS = 15.0
# The caller comes again then, with credentials that may have been revoked.
LIFETIME_SECONDS = 15 * 60.0
RECONNECT_MS = 2_000
DESCRIPTION = """
Server-sent events (WHATWG HTML, section 9.2). Each `campaign` event has the campaign as
`GET /v1/campaigns/{id}` shows it: the first at once, a further one at most once a second when
anything changed, the last when the campaign has ended; then the stream ends. Comments keep it open
meanwhile. With `Last-Event-ID` the first event is left out if nothing has changed since that one,
and 204, which ends an `EventSource`, says that the campaign had ended then. A stream ends after 15
minutes and when the server stops; connect again with the last id.
"""


# Of each event of the stream.
EVENT = {
    "type": "object",
    "required": ["id", "event", "data"],
    "properties": {
        "id": {"type": "string", "description": "for Last-Event-ID"},
        "event": {"const": "campaign"},
        "data": {"type": "string", "description": "the campaign as JSON"},
    },
}


class EventStream(StreamingResponse):
    """A stream of server-sent events."""

    media_type = "text/event-stream"


def routes(context: ApiContext) -> APIRouter:
    """The route of the events of a campaign."""
    router = APIRouter(prefix="/v1", tags=["Campaigns"], responses=documented(*LOOKING, 429))

    @router.head("/campaigns/{id}/events", include_in_schema=False)
    @router.get(
        "/campaigns/{id}/events",
        operation_id="watchCampaign",
        summary="Watch the progress of a campaign",
        description=DESCRIPTION,
        response_class=EventStream,
        responses={
            200: {"content": {"text/event-stream": {"schema": EVENT}}},
            204: {"description": "The campaign had ended with the event that Last-Event-ID names"},
        },
        openapi_extra={
            "parameters": [
                {
                    "name": "Last-Event-ID",
                    "in": "header",
                    "required": False,
                    "description": "the id of the last event that the caller has",
                    "schema": {"type": "string"},
                }
            ]
        },
    )
    async def events(request: Request, id: str) -> Response:
        view = await own_campaign(request, context, id, Permission.READ)
        if request.method == "HEAD":
            return Response(media_type=EventStream.media_type)
        stream = open_stream(context, view, request.headers.get("last-event-id"))
        return stream or problem(
            429,
            "too_many_watchers",
            "the account watches too many campaigns at a time",
            headers={"Retry-After": "5"},
        )

    return router


def open_stream(context: ApiContext, view: CampaignView, seen: str | None) -> Response | None:
    """Answer with the events of a campaign after the one ``seen``.

    204 if it had ended with that one; None if the account watches as many as it may.
    """
    if view.status in CAMPAIGN_ENDS and seen == event_of(view)[0]:
        return Response(status_code=204)
    if not context.watches.has_room(view.account_id):
        return None
    # Proxies must not hold events back until they have many.
    return EventStream(_events(context, view, seen), headers={"X-Accel-Buffering": "no"})


async def _events(context: ApiContext, view: CampaignView, seen: str | None) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + LIFETIME_SECONDS
    yield f"retry: {RECONNECT_MS}\n\n"
    try:
        async with context.watches.watch(context.store, view) as watch:
            shown: CampaignView | None = None
            while True:
                if watch.view is not shown:
                    shown = watch.view
                    version, event = event_of(shown)
                    if version != seen:
                        seen = version
                        yield event
                    if shown.status in CAMPAIGN_ENDS:
                        return
                if context.watches.closed or loop.time() >= ends_at:
                    return
                if not await watch.wait(HEARTBEAT_SECONDS):
                    yield ": still there\n\n"
    except TooManyWatchers:
        return


def event_of(view: CampaignView) -> tuple[str, str]:
    """The id of the event that shows a campaign, and the event."""
    data = json.dumps(presenting.campaign_json(view), separators=(",", ":"))
    version = version_of(data.encode())
    return version, f"id: {version}\nevent: campaign\ndata: {data}\n\n"
