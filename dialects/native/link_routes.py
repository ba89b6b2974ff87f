"""Short links: the public redirect, and the clicks of a campaign."""

import asyncio
import re
from contextlib import suppress
from dataclasses import asdict
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.background import BackgroundTask

from campaign.failures import StoreUnavailable
from campaign.link_scanners import is_preview
from campaign.links import target_of
from dialects.http.auth import Permission, caller_of
from dialects.http.context import ApiContext
from dialects.native.campaign_models import Click, ClickPage
from dialects.native.cursors import read_cursor, write_cursor
from dialects.native.handling import not_found, own_campaign, page_size
from dialects.native.problems import LOOKING, documented, problem
from store.campaigns.links import LinkView
from store.clock import wall_clock
from store.database.threads import read_in_thread

# Slows down a caller who guesses codes.
MISSES_LIMIT = "30/minute"
CODE_LENGTH_MAX = 32
# Marks that follow belong to the sentence: many programs take them into the link.
_CODE = re.compile(r"([0-9A-Za-z]*)[\W_]*")


def routes(context: ApiContext) -> APIRouter:
    """The routes about short links."""
    router = APIRouter()
    links = context.store.links

    @router.head("/s/{code}", include_in_schema=False)
    @router.get(
        "/s/{code}",
        operation_id="followShortLink",
        status_code=302,
        tags=["Short links"],
        summary="Follow a short link",
        response_class=Response,
        responses={302: {"description": "The address is in Location"}, **documented(404, 429)},
    )
    async def follow(request: Request, code: str) -> Response:
        """Redirects to the stored http or https address and to no other."""
        found = await read_in_thread(links.find, _code_of(code), _host_of(request))
        target = None if found is None else _target(context, found)
        if found is None or target is None:
            window = await context.limiter.take(MISSES_LIMIT, "missed-links", caller_of(request))
            if window.allowed:
                return not_found("link")
            wait = {"Retry-After": window.headers()["Retry-After"]}
            return problem(429, "too_many_requests", "too many requests", headers=wait)
        preview = is_preview(request.method, request.headers)
        # Counted after the answer: timing must not tell known codes from unknown ones.
        task = BackgroundTask(_count, context, found.code, preview)
        return Response(status_code=302, headers={"Location": target}, background=task)

    @router.get(
        "/v1/campaigns/{id}/clicks",
        operation_id="listCampaignClicks",
        tags=["Campaigns"],
        responses=documented(*LOOKING),
        summary="List the clicks on the short links of a campaign",
    )
    async def clicks(
        request: Request,
        id: str,
        limit: int = 100,
        cursor: str | None = None,
        previews: bool = False,
    ) -> ClickPage:
        """A page of clicks, oldest first; ``next`` is the cursor of the next page.

        Visits by programs that preview links are no clicks: ``previews=true`` lists them as well.
        """
        view = await own_campaign(request, context, id, Permission.READ)
        size, after = page_size(limit), read_cursor("clicks", cursor)
        found = await read_in_thread(links.clicks, view.id, size, after, previews)
        following = write_cursor("clicks", found[-1].id) if len(found) == size else None
        return ClickPage(
            clicks=[Click.of(one) for one in found], next=following, **asdict(view.clicks)
        )

    return router


def _code_of(written: str) -> str:
    found = _CODE.fullmatch(written)
    return found[1][:CODE_LENGTH_MAX] if found else ""


def _host_of(request: Request) -> str | None:
    """The host that the link was called at; None if the Host header has none."""
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname
    except ValueError:
        return None


def _target(context: ApiContext, found: LinkView) -> str | None:
    """The stored address if today's rules still allow it, else None."""
    target = target_of(found.url, urlsplit(context.settings.short_link_base_url).hostname)
    return target and target_of(found.url, found.host)


async def _count(context: ApiContext, code: str, preview: bool) -> None:
    # The visitor is redirected even when the database is down; that click is not counted.
    with suppress(StoreUnavailable):
        await asyncio.to_thread(context.store.links.click, code, wall_clock(), preview)
