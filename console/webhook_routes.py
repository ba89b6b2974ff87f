"""The webhooks of the account: where events go, how their deliveries went, and repeats."""

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import Response

from campaign.events import NATIVE, SECRETS_OVERLAP
from campaign.instants import DAY, HOUR, Instant
from campaign.refusals import Refused
from console import account_words, words
from console.account_words import Question, Secret
from console.handling import PREFIX, Console, Leave, new_once, own_id, redirect
from console.sessions import Session
from dialects.http.auth import Permission
from service.webhooks import check_subscription, check_url
from store.clock import wall_clock
from store.database.engine import StoreError
from store.database.threads import read_in_thread
from store.webhooks.delivery_log import STATUSES
from store.webhooks.endpoints import WebhookView

PAGE = 50
URL_LENGTH_MAX = 2_048
# How far back a repeat goes.
PERIODS: dict[str, Instant] = {"hour": HOUR, "day": DAY, "week": 7 * DAY}


def routes(console: Console, router: APIRouter) -> None:
    """Add the routes about webhooks."""
    _endpoints(console, router)
    _deliveries(console, router)


async def _own(
    console: Console, request: Request, id: str, permission: Permission
) -> tuple[Session, WebhookView]:
    """The session and a webhook of its account; raises Leave."""
    session = await console.enter(request, permission)
    endpoints = console.api.store.endpoints
    view = await read_in_thread(endpoints.get, session.principal.account_id, id)
    if view is None:
        raise Leave(console.problem(request, 404, account_words.NO_WEBHOOK))
    return session, view


def _endpoints(console: Console, router: APIRouter) -> None:
    """Add the routes that list, make and delete webhooks, and change their secret."""
    context, endpoints = console.api, console.api.store.endpoints

    async def webhooks_page(
        request: Request, session: Session, fault: str = "", url: str = ""
    ) -> Response:
        return console.page(
            request,
            "webhooks.html",
            400 if fault else 200,
            webhooks=await read_in_thread(endpoints.list, session.principal.account_id),
            dialects=sorted(context.event_dialects, key=lambda name: (name != NATIVE, name)),
            fault=fault,
            url=url,
            once=new_once(),
        )

    @router.get("/webhooks")
    async def list_webhooks(request: Request) -> Response:
        """The webhooks without their secrets."""
        return await webhooks_page(request, await console.enter(request, Permission.READ))

    @router.post("/webhooks")
    async def add(request: Request) -> Response:
        """Add a webhook, once for each page, and show its secret."""
        session, fields = await console.submitted(request, Permission.ADMINISTER)
        written = fields.get("url", "").strip()[:URL_LENGTH_MAX]
        wanted = [name for name in account_words.EVENTS if f"event:{name}" in fields]
        try:
            url = check_url(written, context.settings)
            dialect = fields.get("dialect", NATIVE)
            if not wanted:
                return await webhooks_page(request, session, account_words.NO_EVENTS, written)
            events = check_subscription(wanted, dialect, context.event_dialects)
            added = await asyncio.to_thread(
                endpoints.add_once,
                session.principal.account_id,
                url,
                events,
                dialect,
                wall_clock(),
                own_id(fields, "webhook", session),
            )
        except Refused as refused:
            fault = words.sentence(refused.refusals[0].message)
            return await webhooks_page(request, session, fault, written)
        except StoreError as error:
            return await webhooks_page(request, session, words.sentence(str(error)), written)
        return _show_secret(request, added.view.id, added.secret, "The secret of the webhook")

    def _show_secret(request: Request, id: str, secret: str, title: str) -> Response:
        advice = "The server checks with it that a call is ours (Standard Webhooks)."
        if title == account_words.NEW_SECRET:
            hours = SECRETS_OVERLAP // HOUR
            advice += f" For {hours} hours the secret before it is good, too."
        made = Secret(title, advice, {"Secret": secret}, f"{PREFIX}/webhooks/{id}")
        return console.page(request, "secret.html", made=made)

    @router.post("/webhooks/{id}/rotate")
    async def rotate(request: Request, id: str) -> Response:
        """Give a webhook another secret, and show it."""
        session, view = await _own(console, request, id, Permission.ADMINISTER)
        await console.read_form(request, session.id)
        account_id = session.principal.account_id
        secret = await asyncio.to_thread(endpoints.rotate, account_id, view.id, wall_clock())
        if secret is None:
            raise Leave(console.problem(request, 404, account_words.NO_WEBHOOK))
        return _show_secret(request, view.id, secret, account_words.NEW_SECRET)

    @router.get("/webhooks/{id}/delete")
    async def confirm_delete(request: Request, id: str) -> Response:
        """What a deletion removes."""
        _, view = await _own(console, request, id, Permission.ADMINISTER)
        ask = Question(
            "Delete this webhook?",
            (
                f"{view.url} hears of nothing more. What waits to be delivered there is not "
                "delivered, and the record of its deliveries goes.",
                "This cannot be undone.",
            ),
            "Delete the webhook",
            f"{PREFIX}/webhooks/{view.id}/delete",
            f"{PREFIX}/webhooks/{view.id}",
        )
        return console.page(request, "confirm.html", ask=ask)

    @router.post("/webhooks/{id}/delete")
    async def delete(request: Request, id: str) -> Response:
        """Delete a webhook with its deliveries."""
        session, view = await _own(console, request, id, Permission.ADMINISTER)
        await console.read_form(request, session.id)
        await asyncio.to_thread(endpoints.remove, session.principal.account_id, view.id)
        return redirect(f"{PREFIX}/webhooks")

    @router.post("/webhooks/{id}/enable")
    async def enable(request: Request, id: str) -> Response:
        """Switch a webhook on again."""
        session, view = await _own(console, request, id, Permission.ADMINISTER)
        await console.read_form(request, session.id)
        await asyncio.to_thread(endpoints.enable, session.principal.account_id, view.id)
        return redirect(f"{PREFIX}/webhooks/{view.id}")


def _deliveries(console: Console, router: APIRouter) -> None:
    """Add the routes about the deliveries of one webhook."""
    endpoints, log = console.api.store.endpoints, console.api.store.delivery_log

    @router.get("/webhooks/{id}")
    async def show(
        request: Request,
        id: str,
        status: str = "",
        before: str | None = None,
        repeated: int | None = None,
        test: str = "",
    ) -> Response:
        """A webhook with a page of its deliveries, of one state if given."""
        session, view = await _own(console, request, id, Permission.READ)
        account_id = session.principal.account_id
        statuses = (status,) if status in STATUSES else STATUSES
        found = await read_in_thread(log.list, account_id, view.id, statuses, PAGE + 1, before)
        tested = await read_in_thread(log.delivery, account_id, view.id, test) if test else None
        return console.page(
            request,
            "webhook.html",
            view=view,
            deliveries=found[:PAGE],
            following=found[PAGE - 1].id if len(found) > PAGE else None,
            is_first=before is None,
            status=status if status in STATUSES else "",
            repeated=repeated,
            tested=tested,
        )

    @router.post("/webhooks/{id}/test")
    async def send_test(request: Request, id: str) -> Response:
        """Send a test event."""
        session, view = await _own(console, request, id, Permission.CONTROL)
        await console.read_form(request, session.id)
        account_id = session.principal.account_id
        delivery_id = await asyncio.to_thread(endpoints.test, account_id, view.id, wall_clock())
        if delivery_id is None:
            raise Leave(console.problem(request, 409, account_words.WEBHOOK_OFF))
        return redirect(f"{PREFIX}/webhooks/{view.id}?test={delivery_id}")

    @router.post("/webhooks/{id}/replay")
    async def replay(request: Request, id: str) -> Response:
        """Deliver what happened within a period again."""
        session, view = await _own(console, request, id, Permission.CONTROL)
        fields = await console.read_form(request, session.id)
        if view.disabled_at is not None:
            raise Leave(console.problem(request, 409, account_words.WEBHOOK_OFF))
        now = wall_clock()
        since = now - PERIODS.get(fields.get("period", ""), HOUR)
        count = await asyncio.to_thread(
            endpoints.replay, session.principal.account_id, view.id, since, now, now
        )
        return redirect(f"{PREFIX}/webhooks/{view.id}?repeated={count}")
