"""All routes of the console, below ``/console``, and what it answers where there is none."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from console import (
    access_routes,
    campaign_changes,
    campaign_report,
    campaign_retry,
    campaign_routes,
    campaigns_routes,
    conversation_routes,
    credit_routes,
    draft_routes,
    installation_routes,
    key_routes,
    list_routes,
    navigation,
    opt_out_routes,
    people_routes,
    reply_routes,
    send_routes,
    sender_routes,
    settings_routes,
    unknown_routes,
    webhook_routes,
    words,
)
from console.handling import PREFIX, Console, finished, redirect, route_class
from console.rendering import Pages
from console.sessions import Sessions, Signatures
from dialects.dialect import Dialect
from dialects.http.context import ApiContext

GROUPS = (
    access_routes,
    campaigns_routes,
    campaign_changes,
    campaign_report,
    campaign_retry,
    campaign_routes,
    unknown_routes,
    draft_routes,
    send_routes,
    people_routes,
    reply_routes,
    conversation_routes,
    credit_routes,
    list_routes,
    opt_out_routes,
    sender_routes,
    key_routes,
    webhook_routes,
    settings_routes,
    installation_routes,
)
_ERRORS = {503: words.UNAVAILABLE, 500: words.FAILED}
_pages = Pages()


def routes(context: ApiContext) -> APIRouter:
    """The routes of the console."""
    console = Console(context, Sessions(context.store, Signatures(context.settings)), _pages)
    router = APIRouter(include_in_schema=False, prefix=PREFIX, route_class=route_class(console))
    for group in GROUPS:
        group.routes(console, router)

    @router.get("")
    async def home(request: Request) -> Response:
        """The first page that the key may see."""
        session = await console.session(request)
        path = None if session is None else navigation.first_page(session.principal)
        return redirect(path or f"{PREFIX}/sign-in")

    @router.get("/static/{name}")
    async def static(request: Request, name: str) -> Response:
        """A style sheet, script or picture, which a browser may keep."""
        return _pages.file(name) or console.problem(request, 404, words.NO_PAGE)

    return router


def show_error(status: int, message: str) -> Response:
    """Answer what no route of the console answered."""
    values = {"session": None, "path": "", "text": _ERRORS.get(status, words.NO_PAGE)}
    return finished(_pages.answer("problem.html", status, values))


CONSOLE = Dialect("console", PREFIX, routes, show_error)
