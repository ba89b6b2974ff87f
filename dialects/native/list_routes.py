"""The native API about mailing lists: make, fill, look at and empty them."""

import asyncio
import time
import uuid
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from campaign.instants import iso
from campaign.text import bad_character
from dialects.http.auth import Permission
from dialects.http.bodies import read_json
from dialects.http.context import ApiContext
from dialects.native.campaign_routes import Stop, enter
from dialects.native.list_members import parse_members, read_body
from dialects.native.problems import WRITING, documented, problem
from store.accounts.mailing_lists import MEMBERS_MAX, ListFull, ListView, NameTaken

NAME_LENGTH_MAX = 100
PAGE_MAX = 1_000
BODY_BYTES_MAX = 4 * 1024


def routes(api_context: ApiContext) -> APIRouter:
    """The routes about the caller's lists; another account's are as unknown as none."""
    router = APIRouter(
        prefix="/v1/mailing-lists", tags=["Mailing lists"], responses=documented(*WRITING)
    )
    lists = api_context.store.lists

    @router.post("", status_code=201, summary="Make a mailing list", openapi_extra=_of(_CREATE))
    async def create(request: Request) -> Response:
        """409 when the account has a list of that name."""
        principal = await enter(request, api_context.store, Permission.CONTROL)
        name = _name(await read_json(request, BODY_BYTES_MAX))
        account, list_id = principal.account_id, str(uuid.uuid4())
        try:
            made = await asyncio.to_thread(lists.create, account, list_id, name, _now())
        except NameTaken:
            title = "there is a list of that name"
            return problem(409, "mailing_list_name_taken", title)
        return JSONResponse(_shown(made), 201, {"Location": f"/v1/mailing-lists/{made.id}"})

    @router.get("", summary="List mailing lists by name")
    async def list_lists(request: Request, limit: int = 100, cursor: str | None = None) -> Response:
        """A page of lists; ``next`` is the cursor of the following page."""
        principal = await enter(request, api_context.store, Permission.READ)
        size = _page(limit)
        found = await asyncio.to_thread(lists.list, principal.account_id, size, cursor)
        following = found[-1].name if len(found) == size else None
        return JSONResponse({"mailingLists": [_shown(one) for one in found], "next": following})

    @router.get("/{id}", summary="One mailing list")
    async def get(request: Request, id: str) -> Response:
        """Its name, and how many members it has."""
        return JSONResponse(_shown((await _own(request, api_context, id, Permission.READ))[1]))

    @router.delete("/{id}", status_code=204, summary="Delete a mailing list with its members")
    async def delete(request: Request, id: str) -> Response:
        """Waiting messages that the list brought are skipped, as if everybody had left it."""
        account, found = await _own(request, api_context, id, Permission.CONTROL)
        gone = await asyncio.to_thread(lists.delete, account, found.id)
        return Response(status_code=204) if gone else _unknown()

    @router.get("/{id}/members", summary="The members of a mailing list by number")
    async def members(
        request: Request, id: str, limit: int = 100, cursor: str | None = None
    ) -> Response:
        """A page of members; ``next`` is the cursor of the following page."""
        _, found = await _own(request, api_context, id, Permission.READ)
        size = _page(limit)
        page = await asyncio.to_thread(lists.members, found.id, size, cursor)
        following = page[-1].number if len(page) == size else None
        shown = [{"to": one.number, "fields": dict(one.fields)} for one in page]
        return JSONResponse({"members": shown, "next": following})

    @router.post(
        "/{id}/members",
        summary="Add members: up to 10,000 as JSON, or a CSV file with a header",
        openapi_extra=_of(_MEMBERS),
    )
    async def add(request: Request, id: str) -> Response:
        """All or nobody. Who is a member already gets the new fields."""
        account, found = await _own(request, api_context, id, Permission.CONTROL)
        raw, is_csv = await read_body(request)
        people = await asyncio.to_thread(parse_members, raw, is_csv)
        try:
            done = await asyncio.to_thread(lists.add, account, found.id, people, _now())
        except ListFull:
            return problem(409, "mailing_list_full", f"a list has at most {MEMBERS_MAX} members")
        if done is None:
            return _unknown()
        return JSONResponse({"added": done.added, "updated": done.updated, "members": done.size})

    @router.delete("/{id}/members/{number}", status_code=204, summary="Remove a member")
    async def remove(request: Request, id: str, number: str) -> Response:
        """From the next claim on the list brings it nothing, in running campaigns too."""
        account, found = await _own(request, api_context, id, Permission.CONTROL)
        gone = await asyncio.to_thread(lists.remove, account, found.id, number)
        return Response(status_code=204) if gone else _unknown()

    return router


async def _own(
    request: Request, api_context: ApiContext, id: str, permission: Permission
) -> tuple[str, ListView]:
    principal = await enter(request, api_context.store, permission)
    found = await asyncio.to_thread(api_context.store.lists.get, principal.account_id, id.lower())
    if found is None:
        raise Stop(_unknown())
    return principal.account_id, found


def _name(body: Any) -> str:
    name = body.get("name") if isinstance(body, dict) and len(body) == 1 else None
    if not isinstance(name, str) or not 1 <= len(name) <= NAME_LENGTH_MAX or bad_character(name):
        title = f"a list has a name of 1 to {NAME_LENGTH_MAX} characters, and nothing else"
        raise Stop(problem(400, "field_invalid", title))
    return name


def _page(limit: int) -> int:
    if not 1 <= limit <= PAGE_MAX:
        raise Stop(problem(400, "field_invalid", f"limit must be from 1 to {PAGE_MAX}"))
    return limit


def _unknown() -> JSONResponse:
    return problem(404, "not_found", "there is no such thing")


def _shown(one: ListView) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "members": one.size,
        "createdAt": iso(one.created_at),
    }


def _of(content: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": content}}


def _now() -> int:
    return time.time_ns() // 1_000_000


_CREATE: dict[str, Any] = {
    "application/json": {
        "schema": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"type": "string", "maxLength": NAME_LENGTH_MAX}},
        }
    }
}
_MEMBERS: dict[str, Any] = {
    "application/json": {
        "schema": {
            "type": "object",
            "required": ["members"],
            "properties": {
                "members": {
                    "type": "array",
                    "maxItems": 10_000,
                    "items": {
                        "type": "object",
                        "required": ["to"],
                        "properties": {
                            "to": {"type": "string", "description": "with its country code"},
                            "fields": {
                                "type": "object",
                                "additionalProperties": {"type": "string"},
                            },
                        },
                    },
                }
            },
        }
    },
    "text/csv": {"schema": {"type": "string", "description": "a column to, others are fields"}},
}
