"""Sending again what failed: all that may pass, or for the reasons that somebody chooses."""

from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import Response

from campaign.retry import DECIDED, EVERYTHING, RetrySelection, may_pass
from campaign.states import CampaignStatus, MessageStatus
from campaign.views import CampaignView
from console.handling import PREFIX, Console, redirect
from dialects.http.auth import Permission

CHOSEN = "reason "
NOTHING_CHOSEN = "Choose at least one reason."


def routes(console: Console, router: APIRouter) -> None:
    """Add the routes of a retry."""
    service = console.api.service

    def page(request: Request, view: CampaignView, fault: str | None = None) -> Response:
        return console.page(
            request,
            "retry.html",
            400 if fault else 200,
            view=view,
            fault=fault,
            is_possible=view.status is CampaignStatus.FINISHED_WITH_FAILURES,
            reasons=failed_by_reason(view),
            may_pass=may_pass,
            CHOSEN=CHOSEN,
        )

    @router.get("/campaigns/{id}/retry")
    async def choose(request: Request, id: str) -> Response:
        """Why messages failed, to choose which are sent again."""
        session = await console.enter(request, Permission.CONTROL, in_sandbox=True)
        return page(request, await console.own_campaign(request, session, id, Permission.CONTROL))

    @router.post("/campaigns/{id}/retry")
    async def retry(request: Request, id: str) -> Response:
        """Send again what failed for the chosen reasons; of a form without any, all that may."""
        session, fields = await console.submitted(request, Permission.CONTROL, in_sandbox=True)
        view = await console.own_campaign(request, session, id, Permission.CONTROL)
        chosen = tuple(name.removeprefix(CHOSEN) for name in fields if name.startswith(CHOSEN))
        if "choose" in fields and not chosen:
            return page(request, view, NOTHING_CHOSEN)
        await service.retry(view, RetrySelection(reasons=chosen) if chosen else EVERYTHING)
        return redirect(f"{PREFIX}/campaigns/{view.id}")


def failed_by_reason(view: CampaignView) -> Mapping[str, int]:
    """How many messages failed, by reason, without those that are decided for good."""
    return {
        reason: count
        for (status, reason), count in view.facts.reasons.items()
        if status == MessageStatus.FAILED and reason not in DECIDED
    }
