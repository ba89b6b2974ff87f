"""The list of campaigns, and the emergency brake of the account."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from campaign.instants import Instant
from campaign.states import CAMPAIGN_ENDS
from campaign.views import CampaignView
from console.handling import PREFIX, Console, redirect
from dialects.http.auth import Permission
from store.database.threads import read_in_thread
from store.shared.brakes import EVERYTHING, Stop
from store.store import Store

PAGE = 20


@dataclass(frozen=True, slots=True)
class Listed:
    """A campaign of the list, and when the last of its messages is due if it has not ended."""

    view: CampaignView
    ends_at: Instant | None


def routes(console: Console, router: APIRouter) -> None:
    """Add the routes about all campaigns together."""
    store, service = console.api.store, console.api.service

    @router.get("/campaigns")
    async def list_campaigns(request: Request, before: str | None = None) -> Response:
        """A page of campaigns, newest first."""
        session = await console.enter(request, Permission.READ)
        account_id = session.principal.account_id
        listed = await read_in_thread(_page, store, account_id, before)
        return console.page(
            request,
            "campaigns.html",
            listed=listed[:PAGE],
            following=listed[PAGE - 1].view.id if len(listed) > PAGE else None,
            is_first=before is None,
            stop=await read_in_thread(stop_of, store, account_id),
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
        session = await console.enter(request, Permission.CONTROL)
        await console.read_form(request, session.id)
        await service.stop(session.principal.account_id)
        return redirect(f"{PREFIX}/campaigns")

    @router.post("/start")
    async def start(request: Request) -> Response:
        """End the stop of the account; the operator's stays, and the list says so."""
        session = await console.enter(request, Permission.CONTROL)
        await console.read_form(request, session.id)
        await service.start(session.principal.account_id)
        return redirect(f"{PREFIX}/campaigns")


def stop_of(store: Store, account_id: str) -> Stop | None:
    """The stop that holds an account, that of everything first; None if it may send."""
    scopes = (EVERYTHING, account_id)
    return next((stop for stop in store.brakes.in_force() if stop.scope in scopes), None)


def ends_at(store: Store, view: CampaignView) -> Instant | None:
    """When the last message of an open campaign is due, by its plan."""
    if view.status in CAMPAIGN_ENDS:
        return None
    return store.admissions.plan_facts(view.id).last_due_at


def _page(store: Store, account_id: str, before: str | None) -> list[Listed]:
    views = store.campaigns.list(account_id, PAGE + 1, before)
    return [Listed(view, ends_at(store, view)) for view in views]
