"""The native API about single messages."""

import asyncio
import time

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from campaign.states import MessageStatus
from dialects.http.auth import Permission
from dialects.http.bodies import read_json
from dialects.http.context import ApiContext
from dialects.native import responses as presenting
from dialects.native.campaign_routes import Stop, own_campaign
from dialects.native.problems import WRITING, documented, problem

BODY_BYTES_MAX = 4 * 1024
OUTCOMES = {"sent": True, "failed": False}


def routes(api_context: ApiContext) -> APIRouter:
    """The routes about the messages of a campaign."""
    router = APIRouter(prefix="/v1", tags=["Campaigns"], responses=documented(*WRITING))
    schema = {
        "type": "object",
        "required": ["outcome"],
        "properties": {"outcome": {"enum": list(OUTCOMES)}},
    }
    content = {"application/json": {"schema": schema}}

    @router.post(
        "/campaigns/{id}/messages/{message_id}/resolve",
        summary="Say what became of a message of which nobody knows whether it left",
        openapi_extra={"requestBody": {"required": True, "content": content}},
    )
    async def resolve(request: Request, id: str, message_id: str) -> Response:
        """``sent`` pays for it, ``failed`` gives back; 409 when there is no doubt about it."""
        view = await own_campaign(request, api_context, id, Permission.CONTROL)
        body = await read_json(request, BODY_BYTES_MAX)
        outcome = body.get("outcome") if isinstance(body, dict) else None
        if not isinstance(outcome, str) or outcome not in OUTCOMES or len(body) != 1:
            raise Stop(problem(400, "field_invalid", "outcome is sent or failed"))
        found = await asyncio.to_thread(api_context.store.attempts.stories, view.id, message_id)
        named = [story.message for story in found if story.message.id == message_id]
        if not named:
            raise Stop(problem(404, "not_found", "there is no such message"))
        if named[0].status is not MessageStatus.UNKNOWN:
            raise Stop(problem(409, "not_in_doubt", f"the message is {named[0].status}"))
        now = time.time_ns() // 1_000_000
        was_sent = OUTCOMES[outcome]
        await asyncio.to_thread(
            api_context.store.resolving.resolve, view.id, message_id, was_sent, now
        )
        (story,) = await asyncio.to_thread(api_context.store.attempts.stories, view.id, message_id)
        return JSONResponse(presenting.message_json(story.message))

    return router
