"""The native API about messages wherever they are: a search, and one with its story."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from structlog.contextvars import bind_contextvars

from campaign.explaining import Why
from campaign.states import MessageStatus
from campaign.views import MessageStory as StoryRecord
from dialects.http.auth import Permission
from dialects.http.conditional import ConditionalRoute
from dialects.http.context import ApiContext
from dialects.native.cursors import number_in, read_cursor, write_cursor
from dialects.native.filters import (
    Since,
    Text,
    Until,
    address_of,
    instant_of,
    next_link,
    number_of,
)
from dialects.native.handling import Stop, enter, not_found, page_size
from dialects.native.message_search_models import FoundMessage, FoundMessagePage, MessageStory
from dialects.native.problems import LOOKING, documented
from service import message_state
from store.campaigns.message_search import MessageFilter, Place
from store.clock import wall_clock
from store.database.threads import read_in_thread
from store.store import Store

LISTING = "all-messages"


def routes(context: ApiContext) -> APIRouter:
    """The routes about messages of any campaign."""
    router = APIRouter(
        prefix="/v1",
        tags=["Messages"],
        responses=documented(*LOOKING),
        route_class=ConditionalRoute,
    )

    @router.get(
        "/messages",
        operation_id="listMessages",
        summary="Find messages in all campaigns, those of the newest campaigns first",
    )
    async def list_messages(
        request: Request,
        response: Response,
        to: Annotated[str | None, Query(description="the recipient's number, in any form")] = None,
        reference: Annotated[Text, Query(description="the reference of the recipient")] = None,
        campaign: Annotated[Text, Query(description="id of a campaign")] = None,
        status: MessageStatus | None = None,
        sender: Annotated[Text, Query(description="what they were sent from")] = None,
        since: Since = None,
        until: Until = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> FoundMessagePage:
        """A page of messages; ``next`` is the cursor of the next page, null after the last one.

        ``since`` and ``until`` are about when the campaigns were created.
        """
        principal = await enter(request, context.store, Permission.READ)
        wanted = MessageFilter(
            to=number_of(to, "to"),
            reference=reference,
            campaign_id=campaign,
            status=status,
            sender=address_of(sender),
            since=instant_of(since, "since"),
            until=instant_of(until, "until"),
        )
        size, after = page_size(limit), _place(read_cursor(LISTING, cursor))
        search = context.store.message_log.search
        found = await read_in_thread(search, wanted, principal.account_id, size + 1, after)
        following = None
        if len(found) > size:
            last = found[size - 1].place
            key = f"{last.asked_at}:{last.position}:{last.campaign_id}"
            following = write_cursor(LISTING, key)
        response.headers.update(next_link(request, following))
        shown = [FoundMessage.found(one.campaign_id, one.message) for one in found[:size]]
        return FoundMessagePage(messages=shown, next=following)

    @router.get(
        "/messages/{message_id}",
        operation_id="getMessage",
        summary="Get a message with its attempts, and why it is in its state",
    )
    async def get(request: Request, message_id: str) -> MessageStory:
        """The message, each attempt to send it, and ``why``.

        ``because`` names what happened and what a waiting message waits for. ``expectedAt`` is when
        it leaves if nothing else happens, null where nobody can tell.
        """
        principal = await enter(request, context.store, Permission.READ)
        found = await read_in_thread(_read, context.store, message_id, principal.account_id)
        if found is None:
            raise Stop(not_found("message"))
        story, why = found
        bind_contextvars(campaign=story.campaign_id)
        return MessageStory.explained(story, why)

    return router


def _read(store: Store, message_id: str, account_id: str) -> tuple[StoryRecord, Why] | None:
    story = store.attempts.story(message_id, account_id)
    campaign = None if story is None else store.campaigns.get(story.campaign_id)
    if story is None or campaign is None:
        return None
    return story, message_state.why(store, campaign, story.message, wall_clock())


def _place(last: str | None) -> Place | None:
    if last is None:
        return None
    asked_at, _, rest = last.partition(":")
    position, _, campaign_id = rest.partition(":")
    return Place(number_in(asked_at), campaign_id, number_in(position))
