"""The list of campaigns, and the emergency brake of the account."""

from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import Response

from campaign.states import CampaignStatus
from console import words
from console.handling import PREFIX, Console, redirect
from dialects.http.auth import Permission
from store.campaigns.listing import CampaignFilter
from store.database.threads import read_in_thread
from store.shared.brakes import EVERYTHING, Stop
from store.store import Store

PAGE = 20
# What words.CAMPAIGN_KINDS stand for.
KINDS: Mapping[str, bool | None] = {"": False, "answers": True, "all": None}


def routes(console: Console, router: APIRouter) -> None:
    """Add the routes about all campaigns together."""
    store, service = console.api.store, console.api.service

    @router.get("/campaigns")
    async def list_campaigns(
        request: Request,
        before: str | None = None,
        status: str = "",
        name: str = "",
        kind: str = "",
    ) -> Response:
        """A page of campaigns, newest first, of one state and with a part of a name if given.

        Answers to single texts are left out unless ``kind`` asks for them, or for all.
        """
        session = await console.enter(request, Permission.READ)
        account_id = session.principal.account_id
        state = CampaignStatus(status) if status in set(CampaignStatus) else None
        kind = kind if kind in words.CAMPAIGN_KINDS else ""
        wanted = CampaignFilter(status=state, name=name.strip() or None, is_answer=KINDS[kind])
        views = await read_in_thread(store.campaigns.list, account_id, PAGE + 1, before, wanted)
        return console.page(
            request,
            "campaigns.html",
            views=views[:PAGE],
            following=views[PAGE - 1].id if len(views) > PAGE else None,
            is_first=before is None,
            wanted=wanted,
            kind=kind,
            stop=await read_in_thread(stop_of, store, account_id),
            CampaignStatus=CampaignStatus,
        )

    @router.get("/stop")
    async def confirm_stop(request: Request) -> Response:
        """What a stop would hold back."""
        session = await console.enter(request, Permission.CONTROL)
        waiting = await read_in_thread(store.open_campaigns.waiting, session.principal.account_id)
        return console.page(request, "stop.html", waiting=waiting)

    @router.post("/stop")
    async def stop(request: Request) -> Response:
        """Stop all sending of the account."""
        session, _ = await console.submitted(request, Permission.CONTROL)
        await service.stop(session.principal.account_id)
        return redirect(f"{PREFIX}/campaigns")

    @router.post("/start")
    async def start(request: Request) -> Response:
        """End the stop of the account; the operator's stays, and the list says so."""
        session, _ = await console.submitted(request, Permission.CONTROL)
        await service.start(session.principal.account_id)
        return redirect(f"{PREFIX}/campaigns")


def stop_of(store: Store, account_id: str) -> Stop | None:
    """The stop that holds an account, that of everything first; None if it may send."""
    scopes = (EVERYTHING, account_id)
    return next((stop for stop in store.brakes.in_force() if stop.scope in scopes), None)
