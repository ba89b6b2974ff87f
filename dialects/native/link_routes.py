"""Short links: where they lead, and who followed them."""

import asyncio
import time
from contextlib import suppress
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from starlette.background import BackgroundTask

from campaign.failures import StoreUnavailable
from campaign.instants import iso
from campaign.links import target_of
from dialects.http.auth import Permission, caller_of
from dialects.http.context import ApiContext
from dialects.native.campaign_routes import Stop, own_campaign
from dialects.native.problems import LOOKING, documented, problem
from store.campaigns.links import LinkView

# Whoever tries codes is told little, and that slowly.
MISSES_LIMIT = "30/minute"
CODE_LENGTH_MAX = 32
PAGE_MAX = 1_000


def routes(api_context: ApiContext) -> APIRouter:
    """The public redirect, and the click log of the caller's campaigns."""
    router = APIRouter()
    links = api_context.store.links

    @router.head("/s/{code}", include_in_schema=False)
    @router.get(
        "/s/{code}",
        status_code=302,
        tags=["Short links"],
        summary="Follow a short link",
        response_class=Response,
        responses={**documented(404), 429: {"description": "Too many codes that are nobody's"}},
    )
    async def follow(request: Request, code: str) -> Response:
        """Redirects to the stored http or https address, and to nothing else."""
        found = await asyncio.to_thread(links.find, code[:CODE_LENGTH_MAX])
        target = None if found is None else _target(api_context, found)
        if found is None or target is None:
            window = await api_context.limiter.take(
                MISSES_LIMIT, "missed-links", caller_of(request)
            )
            if window.allowed:
                return problem(404, "not_found", "there is no such link")
            wait = {"Retry-After": window.headers()["Retry-After"]}
            return problem(429, "too_many_requests", "too many requests", headers=wait)
        task = None
        if request.method == "GET":
            # Afterwards, so that a known code takes no longer to answer than an unknown one.
            task = BackgroundTask(_count, api_context, found.code)
        return Response(status_code=302, headers={"Location": target}, background=task)

    @router.get(
        "/v1/campaigns/{id}/clicks",
        tags=["Campaigns"],
        responses=documented(*LOOKING),
        summary="Who followed the short links of a campaign, and when",
    )
    async def clicks(
        request: Request, id: str, limit: int = 100, cursor: str | None = None
    ) -> Response:
        """A page of visits, oldest first; ``next`` is the cursor of the following page."""
        view = await own_campaign(request, api_context, id, Permission.READ)
        if not 1 <= limit <= PAGE_MAX:
            raise Stop(problem(400, "field_invalid", f"limit must be from 1 to {PAGE_MAX}"))
        found = await asyncio.to_thread(links.clicks, view.id, limit, cursor)
        shown = [
            {
                "id": one.id,
                "code": one.code,
                "messageId": one.message_id,
                "url": one.url,
                "at": iso(one.at),
            }
            for one in found
        ]
        following = found[-1].id if len(found) == limit else None
        return JSONResponse({"clicks": shown, "next": following})

    return router


def _target(api_context: ApiContext, found: LinkView) -> str | None:
    """The stored address, judged once more: what was taken in long ago obeys today's rules."""
    return target_of(found.url, urlsplit(api_context.settings.short_link_base_url).hostname)


async def _count(api_context: ApiContext, code: str) -> None:
    # A database that does not answer costs us a line of the log, and the visitor nothing.
    with suppress(StoreUnavailable):
        await asyncio.to_thread(api_context.store.links.click, code, time.time_ns() // 1_000_000)
