"""Mailing lists: made, filled from a file, renamed, and deleted."""

import asyncio
import uuid

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from campaign.model import FIELDS_MAX
from console import account_words, drafts
from console.account_words import Question
from console.handling import PREFIX, Console, Leave, new_once, own_id, redirect
from console.sessions import Session
from console.uploaded_people import UploadedPeople, read_people_form
from dialects.http.auth import Permission
from dialects.native.list_models import MailingListBody
from store.accounts.mailing_lists import (
    MEMBERS_MAX,
    Added,
    ListFull,
    ListView,
    NameTaken,
    TooManyFields,
)
from store.clock import wall_clock
from store.database.threads import read_in_thread

LISTS_PAGE, MEMBERS_PAGE = 50, 50
FAULTS_SHOWN = 300


def routes(console: Console, router: APIRouter) -> None:
    """Add the routes about mailing lists."""
    store = console.api.store
    lists = store.lists

    async def own_list(
        request: Request, id: str, permission: Permission
    ) -> tuple[Session, ListView]:
        """The session and a list of its account; raises Leave."""
        session = await console.enter(request, permission)
        found = await read_in_thread(lists.get, session.principal.account_id, id)
        if found is None:
            raise Leave(console.problem(request, 404, account_words.NO_LIST))
        return session, found

    async def lists_page(
        request: Request, session: Session, after: str = "", fault: str = "", name: str = ""
    ) -> Response:
        account_id = session.principal.account_id
        found = await read_in_thread(lists.list, account_id, LISTS_PAGE + 1, after)
        return console.page(
            request,
            "lists.html",
            400 if fault else 200,
            lists=found[:LISTS_PAGE],
            following=found[LISTS_PAGE - 1].name if len(found) > LISTS_PAGE else None,
            is_first=not after,
            fault=fault,
            name=name,
            once=new_once(),
        )

    @router.get("/lists")
    async def list_lists(request: Request, after: str = "") -> Response:
        """A page of lists, by name."""
        return await lists_page(request, await console.enter(request, Permission.READ), after)

    @router.post("/lists")
    async def create(request: Request) -> Response:
        """Create an empty list, once for each page, and go on to fill it."""
        session, fields = await console.submitted(request, Permission.CONTROL)
        name, account_id = list_name(fields), session.principal.account_id
        if name is None:
            fault = account_words.BAD_LIST_NAME
            return await lists_page(request, session, "", fault, fields.get("name", ""))
        list_id = str(uuid.UUID(bytes=own_id(fields, "mailing-list", session)))
        try:
            await asyncio.to_thread(lists.create, account_id, list_id, name, wall_clock())
        except NameTaken:
            known = await read_in_thread(lists.get, account_id, list_id)
            if known is None:
                fault = account_words.LIST_NAME_TAKEN
                return await lists_page(request, session, "", fault, name)
        return redirect(f"{PREFIX}/lists/{list_id}")

    async def list_page(
        request: Request,
        session: Session,
        found: ListView,
        fault: str = "",
        uploaded: UploadedPeople | None = None,
        done: Added | None = None,
        after: str = "",
        pasted: str = "",
    ) -> Response:
        members = await read_in_thread(lists.members, found.id, MEMBERS_PAGE + 1, after)
        sender = await read_in_thread(drafts.default_sender, store, session.principal.account_id)
        return console.page(
            request,
            "list.html",
            400 if fault else 200,
            found=found,
            fault=fault,
            uploaded=uploaded,
            done=done,
            pasted=pasted,
            members=members[:MEMBERS_PAGE],
            following=members[MEMBERS_PAGE - 1].number if len(members) > MEMBERS_PAGE else None,
            is_first=not after,
            countries=drafts.countries(),
            country=drafts.likely_country(sender),
            FAULTS_SHOWN=FAULTS_SHOWN,
        )

    @router.get("/lists/{id}")
    async def show(request: Request, id: str, after: str = "") -> Response:
        """A list with a page of its members, by number."""
        session, found = await own_list(request, id, Permission.READ)
        return await list_page(request, session, found, after=after)

    @router.post("/lists/{id}/members")
    async def add(request: Request, id: str) -> Response:
        """Add the people of a file or of what was pasted, without the rows that have a fault.

        A second run changes nothing.
        """
        session, found = await own_list(request, id, Permission.CONTROL)
        fields, read = await read_people_form(console, request, session)
        pasted = fields.get("pasted", "")
        if isinstance(read, str):
            return await list_page(request, session, found, read, pasted=pasted)
        account_id, done, fault = session.principal.account_id, None, ""
        try:
            if read.members:
                done = await asyncio.to_thread(
                    lists.add, account_id, found.id, read.members, wall_clock()
                )
        except ListFull:
            fault = f"Nothing was added: a list has at most {MEMBERS_MAX:,} people."
        except TooManyFields as error:
            fault = f"Nothing was added: {error} would have more than {FIELDS_MAX} columns."
        _, found = await own_list(request, id, Permission.CONTROL)
        return await list_page(request, session, found, fault, read, done, pasted=pasted)

    @router.post("/lists/{id}/remove")
    async def remove(request: Request, id: str) -> Response:
        """Take a number off a list."""
        session, found = await own_list(request, id, Permission.CONTROL)
        fields = await console.read_form(request, session.id)
        number = fields.get("number", "")
        await asyncio.to_thread(lists.remove, session.principal.account_id, found.id, number)
        return redirect(f"{PREFIX}/lists/{found.id}")

    @router.post("/lists/{id}/rename")
    async def rename(request: Request, id: str) -> Response:
        """Give a list another name."""
        session, found = await own_list(request, id, Permission.CONTROL)
        name = list_name(await console.read_form(request, session.id))
        if name is None:
            return await list_page(request, session, found, account_words.BAD_LIST_NAME)
        try:
            await asyncio.to_thread(lists.rename, session.principal.account_id, found.id, name)
        except NameTaken:
            return await list_page(request, session, found, account_words.LIST_NAME_TAKEN)
        return redirect(f"{PREFIX}/lists/{found.id}")

    @router.get("/lists/{id}/delete")
    async def confirm_delete(request: Request, id: str) -> Response:
        """What a deletion would remove."""
        _, found = await own_list(request, id, Permission.CONTROL)
        return console.page(request, "confirm.html", ask=_deletion(found))

    @router.post("/lists/{id}/delete")
    async def delete(request: Request, id: str) -> Response:
        """Delete a list with its members."""
        session, found = await own_list(request, id, Permission.CONTROL)
        await console.read_form(request, session.id)
        await asyncio.to_thread(lists.delete, session.principal.account_id, found.id)
        return redirect(f"{PREFIX}/lists")


def list_name(fields: dict[str, str]) -> str | None:
    """The name of a list in a form, by the rules of the API; None if it is none."""
    try:
        return MailingListBody.model_validate({"name": fields.get("name", "").strip()}).name
    except ValidationError:
        return None


def _deletion(found: ListView) -> Question:
    people = "1 person is" if found.size == 1 else f"{found.size:,} people are"
    return Question(
        f"Delete the list “{found.name}”?",
        (
            f"{people} on it. Messages that it added to campaigns, and that have not left yet, "
            "are left out.",
            "This cannot be undone.",
        ),
        "Delete the list",
        f"{PREFIX}/lists/{found.id}/delete",
        f"{PREFIX}/lists/{found.id}",
    )
