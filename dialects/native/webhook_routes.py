"""The native API about webhooks: subscribe, rotate secrets, replay, list dead letters."""

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import Field

from campaign.events import NATIVE, SECRETS_OVERLAP, SUBSCRIBABLE
from campaign.instants import Instant, iso, read_instant
from dialects.http.answers import body_of
from dialects.http.auth import Permission
from dialects.http.context import ApiContext
from dialects.http.replays import note_replay
from dialects.native.cursors import read_cursor, write_cursor
from dialects.native.fields import RequestModel
from dialects.native.handling import Stop, deleted, enter, invalid, not_found, page_size, read_model
from dialects.native.problem_models import About
from dialects.native.problems import WRITING, documented, problem
from dialects.native.request_keys import id_bytes, replayed, request_key, takes_key
from dialects.native.webhook_models import (
    AddedWebhook,
    DeadLetter,
    DeadLetterPage,
    Replayed,
    RotatedSecret,
    Webhook,
    WebhookList,
)
from service.webhooks import check_subscription, check_url
from store.clock import wall_clock
from store.database.threads import read_in_thread
from store.webhooks.endpoints import WebhookView

BODY_BYTES_MAX = 16 * 1024
# The name of the listing in cursors.
DEAD_LETTERS = "dead-letters"


class WebhookBody(RequestModel):
    """A webhook: which events go to which URL."""

    url: str = Field(
        max_length=2048, description="http or https, public", examples=["https://example.com/hooks"]
    )
    events: list[str] = Field(
        default_factory=lambda: ["*"], min_length=1, max_length=len(SUBSCRIBABLE)
    )
    dialect: str = Field(NATIVE, description="the API whose format the callbacks have")


class ReplayBody(RequestModel):
    """From ``since`` to before ``until``: ISO 8601, UTC where no zone is given."""

    since: str = Field(examples=["2026-12-01T00:00:00Z"])
    until: str = Field(examples=["2026-12-02T00:00:00Z"])


def routes(context: ApiContext) -> APIRouter:
    """The routes about the caller's webhooks; other accounts' webhooks are not found."""
    router = APIRouter(
        prefix="/v1/webhooks",
        tags=["Webhooks"],
        responses=documented(*WRITING, about=(About.WEBHOOKS,)),
    )
    webhooks = context.store.endpoints

    @router.post(
        "",
        operation_id="addWebhook",
        status_code=201,
        summary="Add a webhook",
        responses=replayed(AddedWebhook),
        openapi_extra=takes_key(body_of(WebhookBody)),
    )
    async def add(request: Request, response: Response) -> AddedWebhook:
        """Returns the signing secret (Standard Webhooks), which is never shown again.

        A repeat with the same ``Idempotency-Key`` returns it once more, with 200.
        """
        principal = await enter(request, context.store, Permission.ADMINISTER)
        body = await read_model(request, WebhookBody, BODY_BYTES_MAX)
        url = check_url(body.url, context.settings)
        events = check_subscription(body.events, body.dialect, context.event_dialects)
        own_id = id_bytes(request_key(request), "webhook", principal.account_id)
        added = await asyncio.to_thread(
            webhooks.add_once,
            principal.account_id,
            url,
            events,
            body.dialect,
            wall_clock(),
            own_id,
        )
        note_replay(request, not added.is_new)
        response.headers["Location"] = f"/v1/webhooks/{added.view.id}"
        response.status_code = 201 if added.is_new else 200
        shown = Webhook.of(added.view).model_dump(by_alias=False)
        return AddedWebhook(**shown, secret=added.secret)

    @router.get("", operation_id="listWebhooks", summary="List the webhooks of the account")
    async def list_webhooks(request: Request) -> WebhookList:
        """Oldest first, without their secrets."""
        principal = await enter(request, context.store, Permission.READ)
        found = await read_in_thread(webhooks.list, principal.account_id)
        return WebhookList(webhooks=[Webhook.of(view) for view in found])

    @router.get("/{id}", operation_id="getWebhook", summary="Get a webhook")
    async def get(request: Request, id: str) -> Webhook:
        """``disabledAt`` is set once the receiver has answered 410 Gone."""
        principal = await enter(request, context.store, Permission.READ)
        return Webhook.of(await _own(context, principal.account_id, id))

    @router.delete(
        "/{id}", operation_id="deleteWebhook", status_code=204, summary="Delete a webhook"
    )
    async def remove(request: Request, id: str) -> Response:
        """Its pending deliveries and dead letters are deleted too."""
        principal = await enter(request, context.store, Permission.ADMINISTER)
        gone = await asyncio.to_thread(webhooks.remove, principal.account_id, id)
        return deleted(gone, "webhook")

    @router.post(
        "/{id}/rotate", operation_id="rotateWebhookSecret", summary="Rotate the signing secret"
    )
    async def rotate(request: Request, id: str) -> RotatedSecret:
        """Returns the new secret, which is never shown again.

        For 24 hours every call carries the signatures of both secrets.
        """
        principal = await enter(request, context.store, Permission.ADMINISTER)
        now = wall_clock()
        secret = await asyncio.to_thread(webhooks.rotate, principal.account_id, id, now)
        if secret is None:
            raise Stop(not_found("webhook"))
        return RotatedSecret(id=id, secret=secret, previous_valid_until=iso(now + SECRETS_OVERLAP))

    @router.post("/{id}/enable", operation_id="enableWebhook", summary="Enable a disabled webhook")
    async def enable(request: Request, id: str) -> Webhook:
        """Events from now on are delivered; those missed in between can be replayed."""
        principal = await enter(request, context.store, Permission.ADMINISTER)
        if not await asyncio.to_thread(webhooks.enable, principal.account_id, id):
            raise Stop(not_found("webhook"))
        return Webhook.of(await _own(context, principal.account_id, id))

    @router.post(
        "/{id}/replay",
        operation_id="replayWebhook",
        status_code=202,
        summary="Deliver past events again",
        openapi_extra=body_of(ReplayBody),
    )
    async def replay(request: Request, id: str) -> Replayed:
        """Repeats every delivery of that time, successful or dead, under its old id."""
        principal = await enter(request, context.store, Permission.CONTROL)
        view = await _own(context, principal.account_id, id)
        body = await read_model(request, ReplayBody, BODY_BYTES_MAX)
        since, until = _instant(body.since, "since"), _instant(body.until, "until")
        if view.disabled_at is not None:
            raise Stop(problem(409, "webhook_disabled", "the webhook is disabled; enable it first"))
        count = await asyncio.to_thread(
            webhooks.replay, principal.account_id, id, since, until, wall_clock()
        )
        return Replayed(replayed=count)

    @router.get(
        "/{id}/dead-letters",
        operation_id="listDeadLetters",
        summary="List deliveries that ran out of retries",
    )
    async def dead_letters(
        request: Request, id: str, limit: int = 50, cursor: str | None = None
    ) -> DeadLetterPage:
        """A page of dead letters, latest first; ``next`` is the cursor of the next page."""
        principal = await enter(request, context.store, Permission.READ)
        await _own(context, principal.account_id, id)
        size, after = page_size(limit), read_cursor(DEAD_LETTERS, cursor)
        account = principal.account_id
        log = context.store.delivery_log
        found = await read_in_thread(log.dead_letters, account, id, size, after)
        following = write_cursor(DEAD_LETTERS, found[-1].id) if len(found) == size else None
        return DeadLetterPage(dead_letters=[DeadLetter.of(one) for one in found], next=following)

    return router


async def _own(context: ApiContext, account_id: str, id: str) -> WebhookView:
    view = await read_in_thread(context.store.endpoints.get, account_id, id)
    if view is None:
        raise Stop(not_found("webhook"))
    return view


def _instant(value: str, name: str) -> Instant:
    try:
        return read_instant(value, whole_minutes=True)
    except ValueError as error:
        raise invalid(f"{name} {error}", name) from None
