"""The native API about listeners: a client without a public address fetches events."""

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import Response

from campaign.instants import iso
from dialects.http.answers import body_of
from dialects.http.auth import Permission
from dialects.http.context import ApiContext
from dialects.native.handling import Stop, deleted, enter, not_found, read_model
from dialects.native.listener_models import (
    FetchBody,
    Listener,
    ListenerBody,
    ListenerDeliveries,
    ListenerDelivery,
)
from dialects.native.problems import WRITING, documented
from service.webhooks import check_subscription
from store.accounts.api_keys import Principal
from store.clock import wall_clock
from webhooks.listening import FetchedCall, ForwardedCall, Listening

BODY_BYTES_MAX = 16 * 1024


def routes(context: ApiContext) -> APIRouter:
    """The routes about the caller's listeners.

    A key finds those that it has opened; one that may administer, all of its account.
    """
    router = APIRouter(prefix="/v1/listeners", tags=["Webhooks"], responses=documented(*WRITING))
    listeners = context.store.listeners
    listening = Listening(context.store, context.event_dialects)

    @router.post(
        "",
        status_code=201,
        summary="Open a listener",
        operation_id="openListener",
        openapi_extra=body_of(ListenerBody),
    )
    async def open_listener(request: Request) -> Listener:
        """Events from now on wait for the listener; ``godwit listen`` is its client."""
        principal = await enter(request, context.store, Permission.READ)
        body = await read_model(request, ListenerBody, BODY_BYTES_MAX)
        events = check_subscription(body.events, body.dialect, context.event_dialects)
        view = await asyncio.to_thread(
            listeners.open,
            principal.account_id,
            principal.key_id,
            events,
            body.dialect,
            wall_clock(),
        )
        return Listener(
            id=view.id,
            secret=view.secret,
            events=list(view.events),
            dialect=view.dialect,
            expires_at=iso(view.until),
        )

    @router.post(
        "/{id}/deliveries",
        summary="Report deliveries and fetch further ones",
        operation_id="fetchListenerDeliveries",
        openapi_extra=body_of(FetchBody),
    )
    async def fetch(request: Request, id: str) -> ListenerDeliveries:
        """Waits up to ``waitSeconds`` for an event.

        A delivery that is reported with 2xx is done; any other one comes again when a webhook's
        would. One that is not reported within 135 seconds comes again. 410 closes the listener.
        """
        principal = await enter(request, context.store, Permission.READ)
        body = await read_model(request, FetchBody, BODY_BYTES_MAX)
        until = await asyncio.to_thread(
            listeners.extend, principal.account_id, id, wall_clock(), _owner(principal)
        )
        if until is None:
            raise Stop(not_found("listener"))
        reports = [ForwardedCall(one.id, one.tries, one.status) for one in body.reports]
        fetched = await listening.exchange(id, reports, body.wait_seconds, request.is_disconnected)
        return ListenerDeliveries(
            deliveries=[_delivery(one) for one in fetched], expires_at=iso(until)
        )

    @router.delete(
        "/{id}", status_code=204, summary="Close a listener", operation_id="closeListener"
    )
    async def close(request: Request, id: str) -> Response:
        """Its pending deliveries are deleted too."""
        principal = await enter(request, context.store, Permission.READ)
        owner = _owner(principal)
        closed = await asyncio.to_thread(listeners.close, principal.account_id, id, owner)
        return deleted(closed, "listener")

    return router


def _owner(principal: Principal) -> str | None:
    """The key whose listeners a principal may use; None for all of the account's."""
    return None if principal.may(Permission.ADMINISTER) else principal.key_id


def _delivery(fetched: FetchedCall) -> ListenerDelivery:
    event = fetched.prepared.event
    return ListenerDelivery(
        id=fetched.id,
        event=event.event.value,
        tries=fetched.tries,
        campaign_id=None if event.campaign is None else event.campaign.id,
        headers=dict(fetched.prepared.headers),
        body=fetched.prepared.call.body.decode(),
    )
