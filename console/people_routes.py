"""The page of a person: what is known of a number, an opt-out, and an erasure."""

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import Response

from campaign.keywords import Keyword
from campaign.people import Person
from campaign.states import MessageStatus
from console import people_words
from console.handling import Console, Leave, redirect
from console.numbers import typed_number
from console.people_words import number_path
from dialects.http.auth import Permission
from service.erasure import erase_person
from store.clock import wall_clock
from store.database.threads import read_in_thread

# Of each kind; the newest.
SHOWN = 50
OPT_OUT_SOURCE = "api"


def routes(console: Console, router: APIRouter) -> None:
    """Add the routes about people."""
    store = console.api.store

    def search_page(request: Request, written: str = "") -> Response:
        fault = people_words.no_number(written) if written.strip() else None
        status = 400 if fault else 200
        return console.page(
            request, "people.html", status, written=written, fault=fault, person=None
        )

    async def number_in(request: Request, account_id: str, written: str) -> str:
        """A number that somebody typed, as E.164; raises Leave with the search."""
        number = await read_in_thread(typed_number, store, account_id, written)
        if number is None:
            raise Leave(search_page(request, written))
        return number

    @router.get("/people")
    async def show(request: Request, number: str = "") -> Response:
        """A search, and all that the account knows of the number."""
        session = await console.enter(request, Permission.READ)
        if not number.strip():
            return search_page(request)
        account_id = session.principal.account_id
        wanted = await number_in(request, account_id, number)
        person = await read_in_thread(store.people.show, account_id, wanted)
        campaigns = {one.campaign_id for one in person.messages[:SHOWN]}
        campaigns |= {one.campaign_id for one in person.clicks[:SHOWN]}
        return console.page(
            request,
            "people.html",
            written=wanted,
            fault=None,
            person=person,
            history=await read_in_thread(store.opt_outs.history, account_id, wanted),
            names=await read_in_thread(store.campaign_names.among, account_id, campaigns),
            SHOWN=SHOWN,
            Keyword=Keyword,
            MessageStatus=MessageStatus,
        )

    @router.post("/people/opt-out")
    async def opt_out(request: Request) -> Response:
        """Opt the person out of every message of the account."""
        session, fields = await console.submitted(request, Permission.CONTROL)
        account_id = session.principal.account_id
        number = await number_in(request, account_id, fields.get("number", ""))
        await asyncio.to_thread(
            store.opt_outs.add, account_id, number, OPT_OUT_SOURCE, wall_clock()
        )
        return redirect(number_path(number))

    @router.get("/people/erase")
    async def confirm_erase(request: Request, number: str = "") -> Response:
        """What an erasure would remove, and what stays."""
        session = await console.enter(request, Permission.ADMINISTER)
        account_id = session.principal.account_id
        wanted = await number_in(request, account_id, number)
        person = await read_in_thread(store.people.show, account_id, wanted)
        return console.page(
            request, "erase.html", person=person, waiting=_waiting(person), erasure=None
        )

    @router.post("/people/erase")
    async def erase(request: Request) -> Response:
        """Erase the person, and say what was removed; a second run finds nothing more."""
        session, fields = await console.submitted(request, Permission.ADMINISTER)
        account_id = session.principal.account_id
        number = await number_in(request, account_id, fields.get("number", ""))
        erasure, under_way = await erase_person(store, account_id, number)
        return console.page(request, "erase.html", erasure=erasure, under_way=under_way)


def _waiting(person: Person) -> int:
    """How many of the messages that are shown have yet to leave."""
    waiting = (MessageStatus.QUEUED, MessageStatus.RETRYABLE)
    return sum(one.message.status in waiting for one in person.messages)
