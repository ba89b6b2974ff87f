"""The senders of the account: which are used, and how one is added or removed."""

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import Response

from console import account_words, words
from console.account_words import Question
from console.handling import PREFIX, Console, Leave, redirect
from console.sessions import Session
from dialects.http.auth import Permission
from service.senders import add_sender
from store.accounts.senders import SenderTaken
from store.clock import wall_clock
from store.database.engine import StoreError
from store.database.threads import read_in_thread
from store.shared.sender_use import SenderInUse

ADDRESS_LENGTH_MAX = 40


def routes(console: Console, router: APIRouter) -> None:
    """Add the routes about senders."""
    store, settings = console.api.store, console.api.settings

    async def senders_page(
        request: Request, session: Session, fault: str = "", address: str = ""
    ) -> Response:
        account_id = session.principal.account_id
        return console.page(
            request,
            "senders.html",
            400 if fault else 200,
            senders=await read_in_thread(store.accounts.senders, account_id),
            waiting=await read_in_thread(store.senders.waiting, account_id),
            fault=fault,
            address=address,
            self_service=settings.senders_self_service,
        )

    @router.get("/senders")
    async def list_senders(request: Request) -> Response:
        """The senders and requests, with how many messages wait to leave from each."""
        return await senders_page(request, await console.enter(request, Permission.READ))

    @router.post("/senders")
    async def add(request: Request) -> Response:
        """Add a sender, or ask the operator for it; a second run changes nothing."""
        session, fields = await console.submitted(request, Permission.ADMINISTER)
        address = fields.get("address", "").strip()[:ADDRESS_LENGTH_MAX]
        account_id = session.principal.account_id
        try:
            await asyncio.to_thread(add_sender, store, settings, account_id, address, wall_clock())
        except SenderTaken:
            return await senders_page(request, session, account_words.SENDER_TAKEN, address)
        except StoreError as error:
            return await senders_page(request, session, words.sentence(str(error)), address)
        return redirect(f"{PREFIX}/senders")

    @router.get("/senders/remove")
    async def confirm_remove(request: Request, address: str = "") -> Response:
        """What removing a sender means."""
        session = await console.enter(request, Permission.ADMINISTER)
        found = await read_in_thread(store.accounts.senders, session.principal.account_id)
        if address not in {one.address for one in found}:
            raise Leave(console.problem(request, 404, account_words.NO_SENDER))
        ask = Question(
            f"Remove the sender {address}?",
            ("No campaign can use it afterwards, and another account may ask for it.",),
            "Remove the sender",
            f"{PREFIX}/senders/remove",
            f"{PREFIX}/senders",
            {"address": address},
        )
        return console.page(request, "confirm.html", ask=ask)

    @router.post("/senders/remove")
    async def remove(request: Request) -> Response:
        """Remove a sender or withdraw a request, unless messages wait to leave from it."""
        session, fields = await console.submitted(request, Permission.ADMINISTER)
        address = fields.get("address", "")
        try:
            await asyncio.to_thread(store.senders.remove, session.principal.account_id, address)
        except SenderInUse as error:
            text = words.Text(account_words.SENDER_IN_USE, words.sentence(str(error)))
            raise Leave(console.problem(request, 409, text)) from None
        return redirect(f"{PREFIX}/senders")
