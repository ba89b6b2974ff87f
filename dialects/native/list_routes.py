"""The native API about mailing lists and their members."""

import asyncio
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from campaign.csv_cells import csv_lines, safe_cell
from campaign.expanding import Member as ListMember
from campaign.model import FIELDS_MAX
from campaign.refusals import key_reused
from dialects.http.answers import body_of
from dialects.http.auth import Permission
from dialects.http.context import ApiContext
from dialects.http.downloads import OR_CSV, csv_download, wants_csv
from dialects.http.replays import note_replay
from dialects.native.cursors import read_cursor, write_cursor
from dialects.native.handling import (
    PAGE_MAX,
    Stop,
    deleted,
    enter,
    not_found,
    page_size,
    read_model,
)
from dialects.native.list_files import imported
from dialects.native.list_members import XLSX
from dialects.native.list_models import (
    MailingList,
    MailingListBody,
    MailingListPage,
    Member,
    MemberPage,
    MembersAdded,
)
from dialects.native.problem_models import About
from dialects.native.problems import WRITING, documented, problem
from dialects.native.request_keys import id_bytes, replayed, request_key, takes_key
from store.accounts.mailing_lists import (
    MEMBERS_MAX,
    Added,
    ListFull,
    Lists,
    ListView,
    NameTaken,
    TooManyFields,
)
from store.clock import wall_clock
from store.database.threads import read_in_thread

BODY_BYTES_MAX = 4 * 1024
# The names of the listings in cursors.
LISTS, MEMBERS = "mailing-lists", "members"


def routes(context: ApiContext) -> APIRouter:
    """The routes about the caller's mailing lists; other accounts' lists are not found."""
    router = APIRouter(
        prefix="/v1/mailing-lists",
        tags=["Mailing lists"],
        responses=documented(*WRITING, about=(About.LISTS,)),
    )
    lists = context.store.lists

    @router.post(
        "",
        operation_id="createMailingList",
        status_code=201,
        summary="Create a mailing list",
        responses=replayed(MailingList),
        openapi_extra=takes_key(body_of(MailingListBody)),
    )
    async def create(request: Request, response: Response) -> MailingList:
        """409 if the account already has a list of that name.

        A repeat with the same ``Idempotency-Key`` returns the list, with 200.
        """
        principal = await enter(request, context.store, Permission.CONTROL)
        name = (await read_model(request, MailingListBody, BODY_BYTES_MAX)).name
        account = principal.account_id
        own_id = id_bytes(request_key(request), "mailing-list", account)
        list_id = str(uuid.UUID(bytes=own_id) if own_id else uuid.uuid4())
        try:
            made = await asyncio.to_thread(lists.create, account, list_id, name, wall_clock())
        except NameTaken:
            known = await read_in_thread(lists.get, account, list_id)
            if known is not None and known.name != name:
                raise key_reused() from None
            if known is not None:
                note_replay(request, True)
                response.status_code = 200
                return MailingList.of(known)
            title = "the account already has a list of that name"
            raise Stop(problem(409, "mailing_list_name_taken", title)) from None
        response.headers["Location"] = f"/v1/mailing-lists/{made.id}"
        return MailingList.of(made)

    @router.get("", operation_id="listMailingLists", summary="List mailing lists by name")
    async def list_lists(
        request: Request, limit: int = 100, cursor: str | None = None
    ) -> MailingListPage:
        """A page of lists; ``next`` is the cursor of the next page."""
        principal = await enter(request, context.store, Permission.READ)
        size, after = page_size(limit), read_cursor(LISTS, cursor)
        found = await read_in_thread(lists.list, principal.account_id, size, after)
        following = write_cursor(LISTS, found[-1].name) if len(found) == size else None
        return MailingListPage(mailing_lists=[MailingList.of(one) for one in found], next=following)

    @router.get("/{id}", operation_id="getMailingList", summary="Get a mailing list")
    async def get(request: Request, id: str) -> MailingList:
        """The name of the list and its number of members."""
        return MailingList.of((await _own(request, context, id, Permission.READ))[1])

    @router.delete(
        "/{id}",
        operation_id="deleteMailingList",
        status_code=204,
        summary="Delete a mailing list with its members",
    )
    async def delete(request: Request, id: str) -> Response:
        """Messages that the list added to campaigns and that are not yet claimed are skipped."""
        account, found = await _own(request, context, id, Permission.CONTROL)
        return deleted(await asyncio.to_thread(lists.delete, account, found.id), "mailing list")

    @router.get(
        "/{id}/members",
        operation_id="listMailingListMembers",
        summary="List the members of a mailing list by number, as JSON or CSV",
        response_model=MemberPage,
        responses=OR_CSV,
    )
    async def members(
        request: Request,
        id: str,
        limit: int = 100,
        cursor: str | None = None,
        bom: bool = True,
    ) -> MemberPage | Response:
        """A page of members; ``next`` is the cursor of the next page.

        With ``Accept: text/csv`` it has all of them, and begins with a byte order mark unless
        ``bom=false``.
        """
        _, found = await _own(request, context, id, Permission.READ)
        if wants_csv(request):
            return csv_download(members_csv(lists, found.id), f"members-{found.id}", bom)
        size, after = page_size(limit), read_cursor(MEMBERS, cursor)
        page = await read_in_thread(lists.members, found.id, size, after)
        following = write_cursor(MEMBERS, page[-1].number) if len(page) == size else None
        return MemberPage(members=[Member.of(one) for one in page], next=following)

    @router.post(
        "/{id}/members",
        operation_id="addMailingListMembers",
        summary="Add members: up to 10,000 as JSON, or a CSV or XLSX file with a header",
        response_model_exclude_none=True,
        openapi_extra=takes_key(_MEMBERS),
    )
    async def add(request: Request, id: str, replace: bool = False) -> MembersAdded:
        """Adds all members or none; of a file, every fault is listed by line, column and value.

        The given fields of existing members are set, whatever the case of their names, and their
        other fields stay; with ``replace=true`` their other fields are removed. A CSV file of more
        than 50,000 rows, 2,000,000 cells or 16 MiB is checked as a whole and then added in pages:
        if the list gets full or the server ends meanwhile, those before stay, and a repeat adds the
        rest. Above 16 MiB it has to be UTF-8.
        ``notes`` says how a file was read, where that was not certain.
        """
        account, found = await _own(request, context, id, Permission.CONTROL)
        # Checked alone: a repeat changes nothing anyway.
        request_key(request)
        added = updated = 0
        done: Added | None = None
        try:
            async with imported(request) as people:
                for page in people.pages:
                    done = await asyncio.to_thread(
                        lists.add, account, found.id, page, wall_clock(), replace
                    )
                    if done is None:
                        break
                    added, updated = added + done.added, updated + done.updated
        except ListFull:
            what = f"a list has at most {MEMBERS_MAX} members"
            raise Stop(problem(409, "mailing_list_full", what)) from None
        except TooManyFields as error:
            what = f"{error} would have more than {FIELDS_MAX} fields together with those they have"
            raise Stop(problem(409, "mailing_list_fields_full", what)) from None
        if done is None:
            raise Stop(not_found("mailing list"))
        return MembersAdded(
            added=added, updated=updated, members=done.size, notes=people.notes or None
        )

    @router.delete(
        "/{id}/members/{number}",
        operation_id="removeMailingListMember",
        status_code=204,
        summary="Remove a member",
    )
    async def remove(request: Request, id: str, number: str) -> Response:
        """Messages that the list added for this number and that are not yet claimed are skipped."""
        account, found = await _own(request, context, id, Permission.CONTROL)
        return deleted(await asyncio.to_thread(lists.remove, account, found.id, number), "member")

    return router


def members_csv(lists: Lists, list_id: str) -> Iterator[str]:
    """All members of a list as CSV, in parts: ``to`` and every field that one of them has."""
    names: dict[str, None] = {}
    for page in _pages(lists, list_id):
        for one in page:
            names.update(dict.fromkeys(one.fields))
    columns = ("to", *names)
    yield csv_lines([str(safe_cell(name)) for name in columns], (), True)
    empty = dict.fromkeys(names, "")
    for page in _pages(lists, list_id):
        yield csv_lines(columns, ({**empty, **one.fields, "to": one.number} for one in page), False)


def _pages(lists: Lists, list_id: str) -> Iterator[Sequence[ListMember]]:
    after = None
    while page := lists.members(list_id, PAGE_MAX, after):
        yield page
        after = page[-1].number


async def _own(
    request: Request, context: ApiContext, id: str, permission: Permission
) -> tuple[str, ListView]:
    principal = await enter(request, context.store, permission)
    found = await read_in_thread(context.store.lists.get, principal.account_id, id.lower())
    if found is None:
        raise Stop(not_found("mailing list"))
    return principal.account_id, found


_MEMBER: dict[str, Any] = {
    "type": "object",
    "required": ["to"],
    "properties": {
        "to": {"type": "string", "description": "a number with its country code"},
        "fields": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
_MEMBERS = body_of(
    {
        "type": "object",
        "required": ["members"],
        "properties": {"members": {"type": "array", "maxItems": 10_000, "items": _MEMBER}},
    }
)
_MEMBERS["requestBody"]["content"]["text/csv"] = {
    "schema": {"type": "string", "description": "column to is the number, others are fields"}
}
_MEMBERS["requestBody"]["content"][XLSX] = {
    "schema": {"type": "string", "format": "binary", "description": "columns as in CSV"}
}
