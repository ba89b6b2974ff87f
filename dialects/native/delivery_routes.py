"""The native API about single deliveries: test a webhook, and see how a delivery went."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import Field

from dialects.http.api_model import ApiModel, At
from dialects.http.auth import Permission
from dialects.http.context import ApiContext
from dialects.native.handling import Stop, enter, not_found
from dialects.native.problems import LOOKING, documented, problem
from store.clock import wall_clock
from store.database.threads import read_in_thread


class WebhookDelivery(ApiModel):
    """One event on its way to one webhook."""

    id: str = Field(description="the header webhook-id of every try")
    event: str
    timestamp: At = Field(validation_alias="at")
    status: str = Field(description="waiting, delivered, or dead after the last try")
    tries: int
    last_code: str | None = Field(description="HTTP status of the last try, or a word without one")
    due_at: At | None = Field(
        validation_alias="next_due_at",
        description="when the next try begins; null once it has ended",
    )
    campaign_id: str | None
    message_id: str | None


def routes(context: ApiContext) -> APIRouter:
    """The routes about deliveries of the caller's webhooks."""
    router = APIRouter(
        prefix="/v1/webhooks/{id}", tags=["Webhooks"], responses=documented(*LOOKING)
    )
    webhooks, log = context.store.endpoints, context.store.delivery_log

    @router.post(
        "/test",
        status_code=202,
        summary="Send a test event",
        operation_id="testWebhook",
        responses=documented(409),
    )
    async def test(request: Request, id: str) -> WebhookDelivery:
        """Delivers ``webhook.test`` to this webhook, signed and retried like every event."""
        principal = await enter(request, context.store, Permission.CONTROL)
        account = principal.account_id
        if await read_in_thread(webhooks.get, account, id) is None:
            raise Stop(not_found("webhook"))
        delivery_id = await asyncio.to_thread(webhooks.test, account, id, wall_clock())
        if delivery_id is None:
            raise Stop(problem(409, "webhook_disabled", "the webhook is disabled; enable it first"))
        return await _own(account, id, delivery_id)

    @router.get(
        "/deliveries/{deliveryId}", summary="Get a delivery", operation_id="getWebhookDelivery"
    )
    async def get(
        request: Request, id: str, delivery_id: Annotated[str, Path(alias="deliveryId")]
    ) -> WebhookDelivery:
        """Ended deliveries are kept for 14 days."""
        principal = await enter(request, context.store, Permission.READ)
        return await _own(principal.account_id, id, delivery_id)

    async def _own(account_id: str, webhook_id: str, delivery_id: str) -> WebhookDelivery:
        view = await read_in_thread(log.delivery, account_id, webhook_id, delivery_id)
        if view is None:
            raise Stop(not_found("delivery"))
        return WebhookDelivery.of(view)

    return router
