"""The native API about webhooks: subscribe, rotate secrets, replay, and look at dead letters."""

import asyncio
import time
from collections.abc import Collection
from datetime import datetime
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from campaign.events import NATIVE, SECRETS_OVERLAP, SUBSCRIBABLE
from campaign.instants import Instant, instant_of, iso, iso_or_none
from dialects.http.auth import Permission
from dialects.http.bodies import read_json
from dialects.http.context import ApiContext
from dialects.native.campaign_routes import Stop, enter
from dialects.native.problems import WRITING, documented, problem
from store.webhooks.endpoints import DeadLetter, WebhookView
from webhooks.addresses import BadUrl, read_url

BODY_BYTES_MAX = 16 * 1024
PAGE_MAX = 1_000


class _Body(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, alias_generator=to_camel, validate_by_alias=True
    )


class WebhookBody(_Body):
    """What to tell, and where."""

    url: str = Field(max_length=2048, description="http or https, public")
    events: list[str] = Field(
        default_factory=lambda: ["*"], min_length=1, max_length=len(SUBSCRIBABLE)
    )
    dialect: str = Field(NATIVE, description="whose words the callbacks are in")


class ReplayBody(_Body):
    """From when to before when; ISO 8601, no zone means UTC."""

    since: str
    until: str


Model = TypeVar("Model", bound=_Body)


def routes(api_context: ApiContext) -> APIRouter:
    """The routes about the caller's webhooks; to each other account they do not exist."""
    router = APIRouter(prefix="/v1/webhooks", tags=["Webhooks"], responses=documented(*WRITING))
    webhooks = api_context.store.endpoints

    @router.post("", status_code=201, summary="Subscribe", openapi_extra=_of(WebhookBody))
    async def add(request: Request) -> Response:
        """The secret (Standard Webhooks) is shown this once."""
        principal = await enter(request, api_context.store, Permission.ADMINISTER)
        body = await _read(request, WebhookBody)
        _check(body, api_context.settings.allow_private_urls, api_context.event_dialects)
        view, secret = await asyncio.to_thread(
            webhooks.add,
            principal.account_id,
            body.url,
            sorted(set(body.events)),
            body.dialect,
            _now(),
        )
        location = {"Location": f"/v1/webhooks/{view.id}"}
        return JSONResponse({**_webhook_json(view), "secret": secret}, 201, location)

    @router.get("", summary="All webhooks")
    async def list_webhooks(request: Request) -> Response:
        """Oldest first, without their secrets."""
        principal = await enter(request, api_context.store, Permission.READ)
        found = await asyncio.to_thread(webhooks.list, principal.account_id)
        return JSONResponse({"webhooks": [_webhook_json(view) for view in found]})

    @router.get("/{id}", summary="One webhook")
    async def get(request: Request, id: str) -> Response:
        """``disabledAt`` is set when the receiver answered 410."""
        principal = await enter(request, api_context.store, Permission.READ)
        return JSONResponse(_webhook_json(await _own(api_context, principal.account_id, id)))

    @router.delete("/{id}", status_code=204, summary="Unsubscribe")
    async def remove(request: Request, id: str) -> Response:
        """What was still to be told is forgotten with it."""
        principal = await enter(request, api_context.store, Permission.ADMINISTER)
        if not await asyncio.to_thread(webhooks.remove, principal.account_id, id):
            raise _unknown()
        return Response(status_code=204)

    @router.post("/{id}/rotate", summary="Make a new secret")
    async def rotate(request: Request, id: str) -> Response:
        """Shown this once. For a day both it and the one before sign every call."""
        principal = await enter(request, api_context.store, Permission.ADMINISTER)
        now = _now()
        secret = await asyncio.to_thread(webhooks.rotate, principal.account_id, id, now)
        if secret is None:
            raise _unknown()
        shown = {"id": id, "secret": secret, "previousValidUntil": iso(now + SECRETS_OVERLAP)}
        return JSONResponse(shown)

    @router.post("/{id}/enable", summary="Use a disabled webhook again")
    async def enable(request: Request, id: str) -> Response:
        """For news from now on; what was missed meanwhile can be replayed."""
        principal = await enter(request, api_context.store, Permission.ADMINISTER)
        if not await asyncio.to_thread(webhooks.enable, principal.account_id, id):
            raise _unknown()
        return JSONResponse(_webhook_json(await _own(api_context, principal.account_id, id)))

    @router.post(
        "/{id}/replay", status_code=202, summary="Tell again", openapi_extra=_of(ReplayBody)
    )
    async def replay(request: Request, id: str) -> Response:
        """Everything told or given up in that time comes again, under its old ids."""
        principal = await enter(request, api_context.store, Permission.CONTROL)
        view = await _own(api_context, principal.account_id, id)
        body = await _read(request, ReplayBody)
        since, until = _instant(body.since, "since"), _instant(body.until, "until")
        if view.disabled_at is not None:
            raise Stop(problem(409, "webhook_disabled", "enable the webhook first"))
        count = await asyncio.to_thread(
            webhooks.replay, principal.account_id, id, since, until, _now()
        )
        return JSONResponse({"replayed": count}, 202)

    @router.get("/{id}/dead-letters", summary="News that was given up")
    async def dead_letters(
        request: Request, id: str, limit: int = 50, cursor: str | None = None
    ) -> Response:
        """The latest first; ``next`` is the cursor of the following page."""
        principal = await enter(request, api_context.store, Permission.READ)
        await _own(api_context, principal.account_id, id)
        if not 1 <= limit <= PAGE_MAX:
            raise Stop(problem(400, "field_invalid", f"limit must be from 1 to {PAGE_MAX}"))
        found = await asyncio.to_thread(
            webhooks.dead_letters, principal.account_id, id, limit, cursor
        )
        following = found[-1].id if len(found) == limit else None
        return JSONResponse(
            {"deadLetters": [_letter_json(one) for one in found], "next": following}
        )

    return router


async def _own(api_context: ApiContext, account_id: str, id: str) -> WebhookView:
    view = await asyncio.to_thread(api_context.store.endpoints.get, account_id, id)
    if view is None:
        raise _unknown()
    return view


def _unknown() -> Stop:
    return Stop(problem(404, "not_found", "there is no such webhook"))


def _check(body: WebhookBody, inside_too: bool, dialects: Collection[str]) -> None:
    """Refuse what could never be told; the address itself is judged at each call."""
    try:
        target = read_url(body.url, inside_too)
    except BadUrl:
        raise Stop(problem(400, "field_invalid", "url: not a public http or https URL")) from None
    if not inside_too and target.port not in (80, 443):
        raise Stop(problem(400, "field_invalid", "url: only the ports 443 and 80 are called"))
    if not set(body.events) <= SUBSCRIBABLE:
        known = ", ".join(sorted(SUBSCRIBABLE))
        raise Stop(problem(400, "field_invalid", f"events: there are {known}"))
    if body.dialect not in dialects:
        known = ", ".join(sorted(dialects))
        raise Stop(problem(400, "field_invalid", f"dialect: there are {known}"))


async def _read(request: Request, model: type[Model]) -> Model:
    body = await read_json(request, BODY_BYTES_MAX)
    try:
        return model.model_validate(body)
    except ValidationError as error:
        places = {".".join(map(str, fault["loc"])) for fault in error.errors()}
        listed = ", ".join(sorted(places))
        raise Stop(problem(400, "field_invalid", f"wrong or missing: {listed}")) from None


def _instant(value: str, name: str) -> Instant:
    try:
        return instant_of(datetime.fromisoformat(value))
    except (ValueError, OverflowError):
        raise Stop(problem(400, "field_invalid", f"{name}: not ISO 8601")) from None


def _webhook_json(view: WebhookView) -> dict[str, Any]:
    return {
        "id": view.id,
        "url": view.url,
        "events": list(view.events),
        "dialect": view.dialect,
        "createdAt": iso(view.created_at),
        "disabledAt": iso_or_none(view.disabled_at),
    }


def _letter_json(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "event": letter.event,
        "timestamp": iso(letter.at),
        "campaignId": letter.campaign_id,
        "messageId": letter.message_id,
        "tries": letter.tries,
        "lastCode": letter.last_code,
        "createdAt": iso(letter.created_at),
        "lastDueAt": iso(letter.last_due_at),
    }


def _of(model: type[BaseModel]) -> dict[str, Any]:
    content = {"application/json": {"schema": model.model_json_schema()}}
    return {"requestBody": {"required": True, "content": content}}


def _now() -> Instant:
    return time.time_ns() // 1_000_000
