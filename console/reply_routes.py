"""The texts that people sent, newest first."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from campaign.phone import canonical_number
from console.handling import Console
from console.positions import read_position, write_position
from dialects.http.auth import Permission
from store.database.threads import read_in_thread
from store.replies.inbound import InboundFilter

PAGE = 50


def routes(console: Console, router: APIRouter) -> None:
    """Add the route about replies."""
    store = console.api.store

    @router.get("/replies")
    async def list_replies(
        request: Request,
        show: str = "",
        number: str = "",
        campaign: str = "",
        before: str | None = None,
    ) -> Response:
        """A page of texts: all, or those that somebody has to decide about, from one number."""
        session = await console.enter(request, Permission.READ)
        account_id = session.principal.account_id
        written = number.strip()
        wanted = InboundFilter(
            writer=(canonical_number(written) or written) if written else None,
            campaign_id=campaign or None,
            needs_review=True if show == "review" else None,
        )
        found = await read_in_thread(
            store.inbound.list, account_id, wanted, PAGE + 1, read_position(before)
        )
        replies, following = found[:PAGE], None
        if len(found) > PAGE:
            following = write_position(replies[-1].received_at, replies[-1].id)
        ids = {campaign or None, *(one.campaign_id for one in replies)}
        return console.page(
            request,
            "replies.html",
            replies=replies,
            names=await read_in_thread(store.campaign_names.among, account_id, ids),
            following=following,
            is_first=before is None,
            wanted=wanted,
            number=written,
        )
