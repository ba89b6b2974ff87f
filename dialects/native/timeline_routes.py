"""The native API about how a campaign went over time."""

from fastapi import APIRouter, Request

from dialects.http.auth import Permission
from dialects.http.conditional import ConditionalRoute
from dialects.http.context import ApiContext
from dialects.native.handling import own_campaign
from dialects.native.problems import LOOKING, documented
from dialects.native.timeline_models import TimelinePoint
from store.database.threads import read_in_thread


def routes(context: ApiContext) -> APIRouter:
    """The route of a campaign's timeline."""
    router = APIRouter(
        prefix="/v1",
        tags=["Campaigns"],
        responses=documented(*LOOKING),
        route_class=ConditionalRoute,
    )

    @router.get(
        "/campaigns/{id}/timeline",
        operation_id="getCampaignTimeline",
        summary="Get the planned and the actual messages of a campaign over time",
    )
    async def timeline(request: Request, id: str) -> list[TimelinePoint]:
        """At most 200 points at equal distances; each counts from its time until the next one.

        ``planned`` is by the time when messages are due, as the plan is now: without those that are
        skipped or cancelled. ``failed`` has what the carrier reported as undelivered as well.
        """
        view = await own_campaign(request, context, id, Permission.READ)
        points = await read_in_thread(context.store.timelines.read, view.id)
        return [TimelinePoint.of(point) for point in points]

    return router
