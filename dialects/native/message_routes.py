"""The native API about single messages."""

import asyncio
from typing import Literal

from fastapi import APIRouter, Request

from campaign.states import MessageStatus
from dialects.http.answers import body_of
from dialects.http.auth import Permission
from dialects.http.context import ApiContext
from dialects.native.campaign_models import Message
from dialects.native.fields import RequestModel
from dialects.native.handling import Stop, messages_removed, not_found, own_campaign, read_model
from dialects.native.problem_models import About
from dialects.native.problems import WRITING, documented, problem
from dialects.native.responses import message_of
from store.clock import wall_clock
from store.database.threads import read_in_thread

BODY_BYTES_MAX = 4 * 1024


class OutcomeBody(RequestModel):
    """The outcome of a message in state unknown."""

    outcome: Literal["sent", "failed"]


def routes(context: ApiContext) -> APIRouter:
    """The routes about the messages of a campaign."""
    router = APIRouter(
        prefix="/v1", tags=["Campaigns"], responses=documented(*WRITING, about=(About.CAMPAIGNS,))
    )

    @router.post(
        "/campaigns/{id}/messages/{message_id}/resolve",
        operation_id="resolveMessage",
        summary="Record the outcome of a message in state unknown",
        openapi_extra=body_of(OutcomeBody),
        responses=documented(410),
    )
    async def resolve(request: Request, id: str, message_id: str) -> Message:
        """``sent`` posts its held credits, ``failed`` returns them; 409 in every other state."""
        view = await own_campaign(request, context, id, Permission.CONTROL)
        body = await read_model(request, OutcomeBody, BODY_BYTES_MAX)
        found = await read_in_thread(context.store.attempts.stories, view.id, message_id)
        named = [story.message for story in found if story.message.id == message_id]
        if not named:
            is_removed = view.messages_removed_at is not None
            raise Stop(messages_removed() if is_removed else not_found("message"))
        if named[0].status is not MessageStatus.UNKNOWN:
            raise Stop(problem(409, "not_in_doubt", f"the message is {named[0].status}"))
        now = wall_clock()
        was_sent = body.outcome == "sent"
        await asyncio.to_thread(context.store.resolving.resolve, view.id, message_id, was_sent, now)
        (story,) = await read_in_thread(context.store.attempts.stories, view.id, message_id)
        return message_of(story.message)

    return router
