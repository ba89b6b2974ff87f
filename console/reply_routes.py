"""The texts that people sent: by conversation, and those that match a search; newest first."""

from collections.abc import Sequence

from fastapi import APIRouter, Request
from fastapi.responses import Response

from campaign.inbound import InboundMessage
from campaign.instants import Instant
from campaign.phone import canonical_number
from console.handling import Console
from console.positions import read_position, write_position
from dialects.http.auth import Permission
from store.database.threads import read_in_thread
from store.replies.conversations import Conversation
from store.replies.inbound import InboundFilter

PAGE = 50


def routes(console: Console, router: APIRouter) -> None:
    """Add the route that lists replies."""
    store = console.api.store

    async def listed(
        account_id: str, wanted: InboundFilter, show: str, before: tuple[Instant, str] | None
    ) -> Sequence[Conversation]:
        """A page and one more: conversations, or each text that matches a search as one."""
        if wanted == InboundFilter():
            return await read_in_thread(
                store.conversations.list, account_id, PAGE + 1, before, show == "unread"
            )
        found = await read_in_thread(store.inbound.list, account_id, wanted, PAGE + 1, before)
        return [Conversation(message, int(message.unread)) for message in found]

    @router.get("/replies")
    async def list_replies(
        request: Request,
        show: str = "",
        number: str = "",
        campaign: str = "",
        before: str | None = None,
    ) -> Response:
        """A page: conversations, or texts to decide about, from one number, or to a campaign."""
        session = await console.enter(request, Permission.READ)
        account_id = session.principal.account_id
        written = number.strip()
        wanted = InboundFilter(
            writer=(canonical_number(written) or written) if written else None,
            campaign_id=campaign or None,
            needs_review=True if show == "review" else None,
        )
        found = await listed(account_id, wanted, show, read_position(before))
        replies, following = found[:PAGE], None
        if len(found) > PAGE:
            last: InboundMessage = replies[-1].newest
            following = write_position(last.received_at, last.id)
        ids = {campaign or None, *(one.newest.campaign_id for one in replies)}
        return console.page(
            request,
            "replies.html",
            replies=replies,
            names=await read_in_thread(store.campaign_names.among, account_id, ids),
            following=following,
            is_first=before is None,
            wanted=wanted,
            number=written,
            show=show if show in ("unread", "review") else "",
        )
