"""The native API about the emergency brake: stop and start all sending of the caller's account."""

from fastapi import APIRouter, Request

from campaign.instants import iso
from dialects.http.auth import Permission
from dialects.http.context import ApiContext
from dialects.native.account_models import Brake
from dialects.native.handling import Stop as Answer
from dialects.native.handling import enter
from dialects.native.problem_models import About
from dialects.native.problems import WRITING, documented, problem


def routes(context: ApiContext) -> APIRouter:
    """The routes of the emergency brake."""
    router = APIRouter(
        prefix="/v1", tags=["Account"], responses=documented(*WRITING, about=(About.ACCOUNT,))
    )

    @router.post("/stop", operation_id="stopSending", summary="Stop all sending of the account")
    async def stop(request: Request) -> Brake:
        """Nothing more of the account leaves within a second, even while Temporal is away.

        Open campaigns are paused by the system with the problem `stopped`, and new ones wait. A
        second call changes nothing.
        """
        principal = await enter(request, context.store, Permission.CONTROL)
        return Brake.of_stops([await context.service.stop(principal.account_id)])

    @router.post("/start", operation_id="startSending", summary="End the stop of the account")
    async def start(request: Request) -> Brake:
        """Campaigns that the stop paused go on, moved by its length; those of a person do not.

        409 `stopped_by_operator` while the operator's stop of the account, or of everything, is in
        force. A second call changes nothing.
        """
        principal = await enter(request, context.store, Permission.CONTROL)
        remaining = await context.service.start(principal.account_id)
        if remaining:
            since = iso(remaining[0].since)
            title = f"the operator has stopped sending since {since}"
            raise Answer(problem(409, "stopped_by_operator", title))
        return Brake.of_stops(remaining)

    return router
