"""The report of a campaign on one page, to print or to keep."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from campaign.states import MessageStatus
from console import charts
from console.handling import Console
from dialects.http.auth import Permission
from store.clock import wall_clock
from store.database.threads import read_in_thread


def routes(console: Console, router: APIRouter) -> None:
    """Add the route of the report."""
    store = console.api.store

    @router.get("/campaigns/{id}/report")
    async def show(request: Request, id: str) -> Response:
        """What the campaign came to, without anything to press."""
        session = await console.enter(request, Permission.READ)
        view = await console.own_campaign(request, session, id)
        return console.page(
            request,
            "report.html",
            view=view,
            chart=charts.chart(await read_in_thread(store.timelines.read, view.id)),
            made_at=wall_clock(),
            MessageStatus=MessageStatus,
        )
